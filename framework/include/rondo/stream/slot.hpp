// Results that are not there yet: a Slot is read by a stream, and filled by a work unit or by a Filler.
//
// A slot has one reader (a coroutine, which co_awaits it at most once) and one filler (any thread). The
// result moves from the one to the other. The shared part is counted by reference, so either side may be
// dropped first.
//
// Errors. What a work unit throws is its result: the co_await of its slot throws it, in the stream, where a stage
// may catch it. So it does not matter when the unit was run, nor whether there are other threads.
//
// A slot that the code of a stream drops unread is read by that stream all the same: at its first co_yield or next()
// after it has dropped 256 more, or else at its end. An error found there ends the stream as if its body had thrown it
// there, and goes before one that the body ends with. "That stream" is the one whose coroutine runs at the time. What is
// due at such a place is settled when the stream comes to it, by the number of slots it has dropped until then, those too
// that are known to have gone well. A stream that ends without an error inside elements_of leaves to its parent what it has
// not read and the count of all it has dropped, and that makes nothing due before the parent's next such place.
//
// Nobody reads a slot that is discarded, or destroyed together with its coroutine's frame, or while an exception passes.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include <rondo/error.hpp>

#pragma GCC visibility push(default)

namespace rondo {

/// What fills a slot decides what counts as a deadlock.
enum class FilledBy : std::uint8_t {
  /// A stage or work unit of the same evaluation: nobody is left to do it when all of them are at rest. If that is a stage
  /// behind the reader, stages between the two that pull ahead pass on what they have before (see Stream::next), but
  /// no part of a chunk.
  evaluation,
  // Some other thread, at a time of its own. While a stream waits for it, stages behind that pull ahead pass on what they
  // have, too. So that thread may wait for results itself, but not for a part of a chunk.
  outside,
};

/// The evaluation has come to a halt for good: it waits for a slot that nobody will fill. The text is the
/// trail of what waits for what, from the evaluation down to the slot.
class DeadlockError : public Error {
 public:
  using Error::Error;
};

/// A slot was used that has no result to give, or a filler that has none to fill: default constructed, moved from,
/// or used before.
class SlotError : public Error {
 public:
  using Error::Error;
};

namespace streaming {

// Waits for a slot, and is told by the thread that completes it.
class Waiter {
 public:
  virtual ~Waiter() = default;
  // The slot that this one waited for is complete; called by the completing thread.
  virtual void resume(FilledBy by) = 0;
  // The same, where the completing thread could hold `baton` itself from now on. True: it does.
  [[nodiscard]] virtual bool resume_for([[maybe_unused]] const Waiter& baton, FilledBy by) {
    resume(by);
    return false;
  }
};

// The part of a slot that both sides share, and the work unit that fills it if there is one.
//
// empty -> filled | dropped, or empty -> awaited -> filled | dropped; the thread that makes the step out of
// `awaited` has to resume the waiter. `waiter` is written before the step into `awaited` and read after the step out of it,
// by one thread each.
class SlotCore {
 public:
  enum class State : std::uint8_t { empty, awaited, filled, dropped };

  SlotCore(const SlotCore&) = delete;
  SlotCore& operator=(const SlotCore&) = delete;

  [[nodiscard]] bool complete() const {
    const State now = state_.load(std::memory_order_acquire);
    return now == State::filled || now == State::dropped;
  }
  [[nodiscard]] bool dropped() const { return state_.load(std::memory_order_acquire) == State::dropped; }
  [[nodiscard]] FilledBy filled_by() const { return by_; }
  [[nodiscard]] const char* name() const { return name_; }

  // True: it was complete when the thread that marks a pull looked, after it had set the mark (see sections.hpp).
  [[nodiscard]] bool complete_after_mark() const {
    const State now = state_.load(std::memory_order_seq_cst);
    return now == State::filled || now == State::dropped;
  }

  // Ends with state filled or dropped. Gives the waiter that the caller now has to resume, if there is one.
  [[nodiscard]] std::shared_ptr<Waiter> finish(State state) {
    if (state_.exchange(state, std::memory_order_seq_cst) != State::awaited) return nullptr;
    return std::move(waiter_);
  }
  // Replaces a waiter of the same reader, if there is one. False: the slot is complete already, nobody waits.
  [[nodiscard]] bool await(std::shared_ptr<Waiter> waiter) {
    const State now = state_.load(std::memory_order_acquire);
    if (now == State::awaited ? !forget_waiter() : now != State::empty) return false;
    // Nobody else looks at the waiter while the slot is empty.
    waiter_ = std::move(waiter);
    State expected = State::empty;
    if (state_.compare_exchange_strong(expected, State::awaited, std::memory_order_acq_rel)) return true;
    waiter_.reset();
    return false;
  }
  // The reader does not wait any more. False: the slot is complete, and the waiter is resumed.
  bool forget_waiter() {
    State expected = State::awaited;
    if (!state_.compare_exchange_strong(expected, State::empty, std::memory_order_acq_rel)) return false;
    waiter_.reset();
    return true;
  }

  // Makes the result, or the error, if this is a work unit.
  virtual void run() noexcept {}
  [[nodiscard]] virtual bool is_unit() const { return false; }
  // Whether a thread is on it, or will be without regard to the rest of the stream, so that it is complete some time.
  [[nodiscard]] virtual bool comes_by_itself() const { return by_ == FilledBy::outside; }

  // Like a result: the filler's until the slot is complete, then the reader's.
  std::exception_ptr error;

  void retain() { references_.fetch_add(1, std::memory_order_relaxed); }
  // The same for the only owner of a reference, as long as no other thread knows this slot.
  void retain_alone() {
    references_.store(references_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  void release() {
    // The last owner need not count down, which costs more than the rest: nobody else can get a reference.
    if (references_.load(std::memory_order_acquire) == 1 ||
        references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }

 protected:
  explicit SlotCore(FilledBy by, const char* name) : by_(by), name_(name) {}
  virtual ~SlotCore() = default;

 private:
  std::atomic<std::uint32_t> references_{1};
  std::atomic<State> state_{State::empty};
  const FilledBy by_;
  const char* const name_;
  std::shared_ptr<Waiter> waiter_;
};

// Owns one reference to a slot's shared part.
template <class Core>
class Reference {
 public:
  Reference() = default;
  explicit Reference(Core* owned) : core_(owned) {}
  Reference(Reference&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
  Reference& operator=(Reference&& other) noexcept {
    if (this != &other) reset(std::exchange(other.core_, nullptr));
    return *this;
  }
  ~Reference() { reset(nullptr); }

  [[nodiscard]] Reference share() const {
    core_->retain();
    return Reference(core_);
  }
  [[nodiscard]] Core* release() { return std::exchange(core_, nullptr); }
  [[nodiscard]] Core* get() const { return core_; }
  [[nodiscard]] Core* operator->() const { return core_; }
  explicit operator bool() const { return core_ != nullptr; }

 private:
  void reset(Core* core) {
    Core* old = std::exchange(core_, core);
    if (old != nullptr) old->release();
  }
  Core* core_ = nullptr;
};

using UnitReference = Reference<SlotCore>;

// A slot goes away that nobody has read, be it complete or not.
void drop_unread(UnitReference slot) noexcept;

template <class R>
using ValueOf = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

// A slot's shared part with room for the result, which is the filler's until the slot is complete, and the reader's
// from then on.
template <class R>
class ResultCore : public SlotCore {
 public:
  explicit ResultCore(FilledBy by, const char* name) : SlotCore(by, name) {}
  std::optional<ValueOf<R>> value;
};

// A work unit: the user's function, and room for its result. The function is destroyed by the thread that ran
// it.
template <class F, class R>
class UnitCore final : public ResultCore<R> {
 public:
  explicit UnitCore(F&& function)
      : ResultCore<R>(FilledBy::evaluation, "a work unit"), function_(std::move(function)) {}
  void run() noexcept override {
    try {
      if constexpr (std::is_void_v<R>) {
        (*function_)();
        this->value.emplace();
      } else {
        this->value.emplace((*function_)());
      }
    } catch (...) {
      this->error = std::current_exception();
    }
    function_.reset();
  }
  [[nodiscard]] bool is_unit() const override { return true; }
  [[nodiscard]] bool comes_by_itself() const override { return true; }

 private:
  std::optional<F> function_;
};

}  // namespace streaming

/// The reading end of a result. Move-only. `co_await slot` inside a Stream gives the result or throws the error, once
/// (then it throws SlotError); until it is there the stream is given back, and the thread that completes the slot resumes it.
template <class R>
class [[nodiscard]] Slot {
 public:
  Slot() = default;
  /// Use make_slot() or `co_yield work(...)`.
  explicit Slot(streaming::Reference<streaming::ResultCore<R>> core) : core_(std::move(core)) {}
  /// The other slot is not valid any more.
  Slot(Slot&&) noexcept = default;
  /// The result that this slot had is dropped unread.
  Slot& operator=(Slot&& other) noexcept {
    if (this != &other) {
      drop();
      core_ = std::move(other.core_);
    }
    return *this;
  }
  ~Slot() { drop(); }

  /// True once co_await would not wait. Timing decides when; a stage must not let its output depend on it. One that
  /// goes on until it is true pulls a number of items that depends on the timing too: it has to pull them with
  /// next(error), and to throw that error where it comes to the item that is missing.
  [[nodiscard]] bool ready() const {
    if (!core_) throw SlotError("Slot::ready: the slot was awaited before, or moved from, or never set");
    return core_->complete();
  }
  /// False: default constructed, moved from or awaited.
  [[nodiscard]] bool valid() const { return static_cast<bool>(core_); }
  /// Neither the result nor an error is wanted.
  void discard() { core_ = {}; }

  /// For Stream's promise, and for next().
  [[nodiscard]] streaming::ResultCore<R>* core() const { return core_.get(); }
  /// For Stream's promise.
  [[nodiscard]] streaming::Reference<streaming::ResultCore<R>> take_core() { return std::move(core_); }

 private:
  void drop() noexcept {
    if (core_) streaming::drop_unread(streaming::UnitReference(core_.release()));
  }
  streaming::Reference<streaming::ResultCore<R>> core_;
};

/// The filling end of a slot that is no work unit's. Move-only; any thread may use it. Dropped without being
/// filled, it makes the reader's co_await throw DeadlockError.
template <class R>
class [[nodiscard]] Filler {
 public:
  Filler() = default;
  /// Use make_slot().
  explicit Filler(streaming::Reference<streaming::ResultCore<R>> core) : core_(std::move(core)) {}
  /// The other filler can fill nothing any more.
  Filler(Filler&&) noexcept = default;
  /// The slot that this one would have filled counts as dropped.
  Filler& operator=(Filler&& other) noexcept {
    if (this != &other) {
      finish(streaming::SlotCore::State::dropped);
      core_ = std::move(other.core_);
    }
    return *this;
  }
  ~Filler() { finish(streaming::SlotCore::State::dropped); }

  /// Each of these may be called once, and only one of them; then they throw SlotError.
  template <class... Value>
  requires std::is_constructible_v<streaming::ValueOf<R>, Value...>
  void fill(Value&&... value) {
    check();
    core_->value.emplace(std::forward<Value>(value)...);
    finish(streaming::SlotCore::State::filled);
  }
  /// The reader's co_await throws this.
  void fail(std::exception_ptr error) {
    check();
    core_->error = std::move(error);
    finish(streaming::SlotCore::State::filled);
  }

 private:
  void check() const {
    if (!core_) throw SlotError("Filler: was used before, or moved from, or never set");
  }
  void finish(streaming::SlotCore::State state) {
    if (!core_) return;
    auto core = std::move(core_);
    if (auto waiter = core->finish(state)) waiter->resume(core->filled_by());
  }
  streaming::Reference<streaming::ResultCore<R>> core_;
};

/// Both ends of a result, made by make_slot().
template <class R>
struct SlotAndFiller {
  /// The end that is read.
  Slot<R> slot;
  /// The end that is filled.
  Filler<R> filler;
};

/// A slot to be filled by hand: the seam for work that is done elsewhere. `name` is what a deadlock's trail
/// calls it; it must outlive the slot (a string literal does).
template <class R>
requires(!std::is_reference_v<R>)  // a result is a value, or void
    [[nodiscard]] SlotAndFiller<R> make_slot(FilledBy by, const char* name = "a slot") {
  streaming::Reference<streaming::ResultCore<R>> reader(new streaming::ResultCore<R>(by, name));
  auto writer = reader.share();
  return {Slot<R>(std::move(reader)), Filler<R>(std::move(writer))};
}

/// A function to be run outside the stream, and by which means a stream hands it out:
///
///   auto unit = rondo::work([item] { return look_up(item); });
///   rondo::Slot<Price> price = co_yield unit;    // takes the function out of `unit`
template <class F>
class [[nodiscard]] Work {
 public:
  /// Use work().
  explicit Work(F&& function) : function_(std::move(function)) {}
  /// What the function returns.
  using Result = std::invoke_result_t<F&>;

  /// For Stream's promise.
  [[nodiscard]] F take() { return std::move(function_); }

 private:
  F function_;
};

/// `f` takes nothing. It runs on whichever thread held the stream, at the same time as others of its kind and
/// as the stream itself, and must not wait for any of them, nor refer to locals of a coroutine that may end before it (see
/// stream.hpp). If it throws, the reader of its slot gets the exception.
template <class F>
[[nodiscard]] Work<F> work(F f) {
  static_assert(std::invocable<F&>, "rondo::work: the function has to take no argument");
  static_assert(!std::is_reference_v<std::invoke_result_t<F&>>,
                "rondo::work: the function has to return a value, not a reference");
  static_assert(std::is_void_v<std::invoke_result_t<F&>> || std::move_constructible<std::invoke_result_t<F&>>,
                "rondo::work: what the function returns has to be movable");
  return Work<F>(std::move(f));
}

}  // namespace rondo

#pragma GCC visibility pop
