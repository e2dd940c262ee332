// The kernel of --rondo-check around kernels whose faults are scripted: each kind of fault gets its own advice and position.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

#include "engine/check.hpp"

namespace rondo::engine {
namespace {

using detail::CallInfo;
using detail::Object;

std::string text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
Bytes bytes(const std::string& text) { return std::as_bytes(std::span<const char>(text)); }

// A state is a text, which perhaps several objects share, and a history that does not travel.
struct Thing : std::string {
  explicit Thing(std::string text) : std::string(std::move(text)) {}
  int history = 0;
};
using Text = std::shared_ptr<Thing>;

// What a test may do to its kernels; each has one of its own, but for what the test itself shares among them.
struct Script {
  std::function<std::string(const std::string&)> unpacked = [](const std::string& packed) { return packed; };
  std::function<Text(const Text&)> copied = [](const Text& from) { return std::make_shared<Thing>(*from); };
  // Changes the state and returns the output; `done` counts the updates of this kernel before.
  std::function<std::string(Thing& state, const std::string& input, int done)> update =
      [](Thing& state, const std::string& input, int) { return state += input; };
};

class Scripted final : public detail::Kernel {
 public:
  explicit Scripted(const Script& script) : script_(script) {}
  Object make_state() const override { return object(std::make_shared<Thing>("")); }
  Object unpack_state(Bytes packed) const override {
    return object(std::make_shared<Thing>(script_.unpacked(text(packed))));
  }
  Object copy_state(const void* state) const override {
    return object(script_.copied(*static_cast<const Text*>(state)));
  }
  std::size_t packed_size(const void* state) const override {
    return (*static_cast<const Text*>(state))->size();
  }
  void pack_state(const void* state, Buffer& out) const override {
    out.append(bytes(**static_cast<const Text*>(state)));
  }
  void save_state(const void* state, Buffer& out, detail::Recorder&) const override {
    pack_state(state, out);
  }
  detail::Object load_state(Bytes packed, const detail::Schema&) const override {
    return unpack_state(packed);
  }
  Object unpack_input(Bytes packed) const override { return object(std::make_shared<Thing>(text(packed))); }
  void set_context(Bytes context) override { context_ = text(context); }
  void update(void* state, const void* shared, Bytes own, const CallInfo&, Buffer& output) override {
    const std::string input = shared != nullptr ? **static_cast<const Text*>(shared) : text(own);
    output.append(bytes(script_.update(**static_cast<Text*>(state), input + context_, done_++)));
  }

 private:
  static Object object(Text text) {
    return {new Text(std::move(text)), [](void* old) { delete static_cast<Text*>(old); }};
  }
  const Script& script_;
  std::string context_;
  int done_ = 0;
};

class CheckingKernel : public testing::Test {
 protected:
  CheckingKernel() {
    program_.make_kernel = [this] {
      ++made_;
      return std::make_unique<Scripted>(script_);
    };
  }
  detail::Kernel& kernel() {
    if (!kernel_) kernel_ = make_kernel(program_, true);
    return *kernel_;
  }
  Object place(const std::string& packed) { return kernel().unpack_state(bytes(packed)); }
  std::string update(const Object& state, const std::string& input) {
    Buffer output;
    kernel().update(state.get(), nullptr, bytes(input), {StateId{7}, 3, 0}, output);
    return text(output);
  }
  // What the check says of this update, and which byte it names.
  std::pair<std::string, std::uint64_t> found(const Object& state, const std::string& input) {
    try {
      (void)update(state, input);
    } catch (const CheckFailure& failure) {
      return {failure.what(), failure.position()};
    }
    return {"nothing", 0};
  }
  std::string packed(const Object& state) {
    Buffer out;
    kernel().pack_state(state.get(), out);
    EXPECT_EQ(out.size(), kernel().packed_size(state.get()));
    return text(out);
  }
  static bool says(const std::string& all, const std::string& part) {
    return all.find(part) != std::string::npos;
  }

  Script script_;
  int made_ = 0;

 private:
  detail::Program program_;
  std::unique_ptr<detail::Kernel> kernel_;
};

TEST_F(CheckingKernel, DoesWhatTheKernelInsideDoes) {
  const Object state = place("a");
  EXPECT_EQ(update(state, "b"), "ab");
  kernel().set_context(bytes("!"));
  const Object input = kernel().unpack_input(bytes("c"));
  Buffer output;
  kernel().update(state.get(), input.get(), {}, {StateId{7}, 3, 0}, output);
  EXPECT_EQ(text(output), "abc!");
  const Object copy = kernel().copy_state(state.get());
  EXPECT_EQ(update(copy, "d"), "abc!d!");
  EXPECT_EQ(packed(state), "abc!");
  EXPECT_EQ(update(kernel().make_state(), "e"), "e!");
  EXPECT_EQ(made_, 3);
}

TEST_F(CheckingKernel, AppendsToTheOutput) {
  const Object state = place("a");
  Buffer output;
  output.append(bytes("before "));
  kernel().update(state.get(), nullptr, bytes("b"), {StateId{7}, 3, 0}, output);
  EXPECT_EQ(text(output), "before ab");
}

TEST_F(CheckingKernel, WithoutTheOptionThereIsNone) {
  detail::Program program;
  program.make_kernel = [this] { return std::make_unique<Scripted>(script_); };
  EXPECT_NE(dynamic_cast<Scripted*>(make_kernel(program, false).get()), nullptr);
}

TEST_F(CheckingKernel, FindsBytesThatDifferAfterTheWayHere) {
  script_.unpacked = [](const std::string& packed) { return packed.substr(0, 3); };
  const auto [said, position] = found(place("abcde"), "");
  EXPECT_TRUE(says(said,
                   "unpacking it and packing it again gives other bytes: 5 bytes and 3 bytes, which differ "
                   "from byte 3 on. Look for a serialize() that loads something else"))
      << said;
  EXPECT_EQ(position, 3U);
}

TEST_F(CheckingKernel, FindsACopyThatIsNone) {
  script_.copied = [](const Text& from) { return std::make_shared<Thing>(from->substr(1)); };
  const Object state = place("abc");
  EXPECT_EQ(update(state, "d"), "abcd");
  const auto [said, position] = found(kernel().copy_state(state.get()), "");
  EXPECT_TRUE(
      says(said,
           "its copy has other bytes than it: 4 bytes and 3 bytes, which differ from byte 0 on. Look for a "
           "copy constructor"))
      << said;
}

TEST_F(CheckingKernel, FindsMemoryThatTwoStatesShare) {
  script_.copied = [](const Text& from) { return from; };
  const Object state = place("abc");
  const Object copy = kernel().copy_state(state.get());
  EXPECT_EQ(update(copy, "d"), "abcd");
  const auto [said, position] = found(state, "");
  EXPECT_TRUE(
      says(said,
           "its bytes have changed while no update of it ran: 3 bytes and 4 bytes, which differ from byte 3 "
           "on. Look for memory that it shares"))
      << said;
  EXPECT_EQ(position, 3U);
}

TEST_F(CheckingKernel, FindsWhatAnObjectGathersOverManyUpdates) {
  script_.update = [&](Thing& state, const std::string& input, int) {
    state += input;
    return ++state.history == 5 ? state + "?" : state;
  };
  const Object state = place("");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(update(state, "x").size(), static_cast<std::size_t>(i + 1));
  const auto [said, position] = found(state, "x");
  EXPECT_TRUE(
      says(said,
           "gives another output: 6 bytes and 5 bytes, which differ from byte 5 on. Two fresh objects agree"))
      << said;
  EXPECT_EQ(position, 5U);
}

TEST_F(CheckingKernel, FindsWhatAnUpdateKeeps) {
  script_.update = [](Thing& state, const std::string& input, int done) {
    state += done == 0 ? input : "+";
    return std::string("same");
  };
  const Object one = place("1"), two = place("2");
  EXPECT_EQ(update(one, "x"), "same");
  const auto [said, position] = found(two, "x");
  EXPECT_TRUE(
      says(said, "leaves another state: byte 1 of 2 differs. It depends on what the Update object has done"))
      << said;
  EXPECT_EQ(position, 1U);
}

TEST_F(CheckingKernel, FindsAVariableOutsideOfStateAndUpdate) {
  int global = 0;
  script_.update = [&](Thing& state, const std::string& input, int) {
    return state += input + std::to_string(global++);
  };
  const auto [said, position] = found(place("1"), "x");
  EXPECT_TRUE(says(said, "gives another output: byte 2 of 3 differs. Not even two fresh objects agree"))
      << said;
  EXPECT_EQ(position, 2U);
}

TEST_F(CheckingKernel, AnExceptionOfBothUpdatesIsTheProgramsOwn) {
  bool failing = true;
  script_.update = [&](Thing& state, const std::string& input, int) {
    state += input;
    if (failing) throw std::invalid_argument("no");
    return state;
  };
  const Object state = place("a");
  EXPECT_THROW((void)update(state, "b"), std::invalid_argument);
  EXPECT_EQ(packed(state), "ab");  // as its update left it
  failing = false;
  EXPECT_EQ(update(state, "c"), "abc");
}

TEST_F(CheckingKernel, AnExceptionOfOneUpdateIsADifference) {
  for (const bool first : {true, false}) {
    int updates = 0;
    script_.update = [&](Thing& state, const std::string&, int) {
      if ((updates++ == 0) == first) throw std::invalid_argument("no");
      return state;
    };
    const std::string said = found(place("a"), "b").first;
    EXPECT_TRUE(says(said, first ? "throws no exception. " : "throws an exception. ")) << said;
  }
}

}  // namespace
}  // namespace rondo::engine
