#include "engine/check.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace rondo::engine {

namespace {

using detail::CallInfo;
using detail::Kernel;
using detail::Object;

// What to look for, told after what differs.
constexpr const char* kPackingAdvice = "Look for a serialize() that loads something else than it saves.";
constexpr const char* kCopyAdvice = "Look for a copy constructor that leaves something out.";
constexpr const char* kChangedAdvice =
    "Look for memory that it shares with other states: a shared_ptr, a pointer inside a handle, a global "
    "variable.";
constexpr const char* kObjectAdvice =
    "Two fresh objects agree, so this one holds more than its bytes: look for a member that serialize() "
    "forgets, or a handle (a solver, say) with a hidden history.";
constexpr const char* kUpdateAdvice =
    "It depends on what the Update object has done before: look for members of the Update that are more than "
    "scratch memory.";
constexpr const char* kOutsideAdvice =
    "Not even two fresh objects agree: look for a global or static variable that updates change, random "
    "numbers from elsewhere than call.random(), a clock, addresses (an order of pointers, say), or "
    "uninitialised memory.";
constexpr const char* kRepeated = "repeating the update on another object from the same bytes ";

// The first byte that differs.
struct Difference {
  std::uint64_t position;
  std::string text;
};

std::optional<Difference> compare(Bytes first, Bytes second) {
  const auto [a, b] = std::mismatch(first.begin(), first.end(), second.begin(), second.end());
  if (a == first.end() && b == second.end()) return std::nullopt;
  const auto position = static_cast<std::uint64_t>(a - first.begin());
  if (first.size() == second.size())
    return Difference{
        position, "byte " + std::to_string(position) + " of " + std::to_string(first.size()) + " differs"};
  return Difference{position, std::to_string(first.size()) + " bytes and " + std::to_string(second.size()) +
                                  " bytes, which differ from byte " + std::to_string(position) + " on"};
}

// The difference as a sentence: what was done and its result, where, and what to look for.
std::optional<Difference> explain(std::optional<Difference> found, const std::string& what,
                                  const char* advice) {
  if (found) found->text = what + ": " + found->text + ". " + advice;
  return found;
}

void require_none(const std::optional<Difference>& found) {
  if (found) throw CheckFailure(found->text, found->position);
}

// A state as the engine holds it.
struct Checked {
  Object state{nullptr, nullptr};
  Buffer bytes;                      // packed, as it was when it came and after each update
  std::optional<Difference> defect;  // of its way here; told by its next update
};

Checked& checked(void* object) { return *static_cast<Checked*>(object); }
const Checked& checked(const void* object) { return *static_cast<const Checked*>(object); }

// What an update has brought about.
struct Outcome {
  Buffer output;
  Buffer state;  // packed
  std::exception_ptr thrown;
};

std::optional<Difference> compare(const Outcome& first, const Outcome& second, const char* advice) {
  const std::string repeated = kRepeated;
  if (first.thrown && second.thrown) return std::nullopt;
  if (first.thrown) return Difference{0, repeated + "throws no exception. " + advice};
  if (second.thrown) return Difference{0, repeated + "throws an exception. " + advice};
  if (auto output = compare(Bytes(first.output), Bytes(second.output)))
    return explain(std::move(output), repeated + "gives another output", advice);
  return explain(compare(Bytes(first.state), Bytes(second.state)), repeated + "leaves another state", advice);
}

class CheckingKernel final : public Kernel {
 public:
  explicit CheckingKernel(const detail::Program& program)
      : program_(program),
        kernel_(program.make_kernel()),
        others_{program.make_kernel(), program.make_kernel()} {}

  Object make_state() const override {
    return wrap(kernel_->make_state(), [](const Buffer&) { return std::nullopt; });
  }

  Object unpack_state(Bytes bytes) const override {
    return wrap(kernel_->unpack_state(bytes),
                [&](const Buffer& again) { return compare_packing(bytes, again); });
  }

  Object copy_state(const void* state) const override {
    const Object& original = checked(state).state;
    Object copied = kernel_->copy_state(original.get());
    if (!copied) return copied;  // such a state is copied by packing, and unpack_state() compares that
    return wrap(std::move(copied), [&](const Buffer& copy) {
      return explain(compare(Bytes(packed(original)), copy), "its copy has other bytes than it", kCopyAdvice);
    });
  }

  std::size_t packed_size(const void* state) const override {
    return kernel_->packed_size(checked(state).state.get());
  }
  void pack_state(const void* state, Buffer& out) const override {
    kernel_->pack_state(checked(state).state.get(), out);
  }
  void save_state(const void* state, Buffer& out, detail::Recorder& recorder) const override {
    kernel_->save_state(checked(state).state.get(), out, recorder);
  }
  // An earlier build may have written other bytes, so they are not compared.
  Object load_state(Bytes bytes, const detail::Schema& schema) const override {
    return wrap(kernel_->load_state(bytes, schema), [](const Buffer&) { return std::nullopt; });
  }
  Object unpack_input(Bytes bytes) const override { return kernel_->unpack_input(bytes); }

  void set_context(Bytes bytes) override {
    context_.clear();
    context_.append(bytes);
    kernel_->set_context(bytes);
    for (const auto& other : others_) other->set_context(bytes);
  }

  void update(void* state, const void* shared_input, Bytes own_input, const CallInfo& call,
              Buffer& output) override {
    Checked& mine = checked(state);
    require_none(mine.defect);
    const Buffer before = packed(mine.state);
    require_none(explain(compare(mine.bytes, before), "its bytes have changed while no update of it ran",
                         kChangedAdvice));
    const Object twin = kernel_->unpack_state(before);
    require_none(compare_packing(before, packed(twin)));

    const auto job = [&](Kernel& kernel, const Object& object) {
      return run(kernel, object.get(), shared_input, own_input, call);
    };
    Outcome first = job(*kernel_, mine.state);
    // their pasts are unlike: each of the others does every second update only
    const Outcome second = job(*others_[updates_++ % others_.size()], twin);
    if (compare(first, second, "")) require_none(compare(first, second, diagnose(before, job)));
    mine.bytes = first.thrown ? packed(mine.state) : std::move(first.state);
    if (first.thrown) std::rethrow_exception(first.thrown);
    output.append(first.output);
  }

 private:
  [[nodiscard]] Buffer packed(const Object& state) const {
    Buffer bytes;
    kernel_->pack_state(state.get(), bytes);
    return bytes;
  }

  [[nodiscard]] static std::optional<Difference> compare_packing(Bytes before, Bytes after) {
    return explain(compare(before, after), "unpacking it and packing it again gives other bytes",
                   kPackingAdvice);
  }

  // `find_defect` gets the packed state.
  template <class Find>
  [[nodiscard]] Object wrap(Object state, const Find& find_defect) const {
    auto result = std::make_unique<Checked>();
    result->state = std::move(state);
    result->bytes = packed(result->state);
    result->defect = find_defect(result->bytes);
    return Object(result.release(), [](void* object) { delete static_cast<Checked*>(object); });
  }

  [[nodiscard]] static Outcome run(Kernel& kernel, void* state, const void* shared_input, Bytes own_input,
                                   const CallInfo& call) {
    Outcome outcome;
    try {
      kernel.update(state, shared_input, own_input, call, outcome.output);
      kernel.pack_state(state, outcome.state);
    } catch (...) {
      outcome.thrown = std::current_exception();
    }
    return outcome;
  }

  // Where a difference comes from, found by further updates from the same bytes. The first two are done by Updates that have
  // done nothing before, the last one by one that has.
  template <class Job>
  [[nodiscard]] const char* diagnose(Bytes before, const Job& job) const {
    std::array<Outcome, 2> fresh;
    const std::array<Object, 2> objects{kernel_->unpack_state(before), kernel_->unpack_state(before)};
    for (std::size_t i = 0; i < fresh.size(); ++i) {
      const std::unique_ptr<Kernel> kernel = program_.make_kernel();
      kernel->set_context(context_);
      fresh[i] = job(*kernel, objects[i]);
    }
    if (compare(fresh[0], fresh[1], "")) return kOutsideAdvice;
    return compare(fresh[0], job(*kernel_, kernel_->unpack_state(before)), "") ? kUpdateAdvice
                                                                               : kObjectAdvice;
  }

  const detail::Program& program_;
  std::unique_ptr<Kernel> kernel_;
  std::array<std::unique_ptr<Kernel>, 2> others_;
  std::size_t updates_ = 0;
  Buffer context_;
};

}  // namespace

std::unique_ptr<Kernel> make_kernel(const detail::Program& program, bool check) {
  if (!check) return program.make_kernel();
  return std::make_unique<CheckingKernel>(program);
}

}  // namespace rondo::engine
