// What the coroutines of a pipeline have in common, whatever the type of their values: Stepper, which resumes them one
// after the other; PromiseBase, the part of each that the others know; StreamBase, its owner. Of use to a Stream's
// promise and awaiters, and to what drives a pipeline.
//
// Every step is O(1): coroutines do not resume each other on the native stack, a loop (Stepper) resumes the
// one whose turn it is. Symmetric transfer would do the same only where the compiler makes a tail call of it,
// which g++ does neither without optimisation nor under its sanitizers.
#pragma once

#include <array>
#include <atomic>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <source_location>
#include <string>
#include <utility>

#include <rondo/stream/pull.hpp>
#include <rondo/stream/slot.hpp>

#pragma GCC visibility push(default)

namespace rondo::streaming {

/// Resumes the coroutines of one pipeline, one after the other, until one of them has something for the
/// evaluation. Used by the thread that holds the stream, or a part of it: see sections.hpp.
class Stepper {
 public:
  enum class Outcome : std::uint8_t {
    running,
    pull,    ///< a stage has begun to pull ahead; known to run() only
    pulled,  ///< such a pull has come to its end, and is part of another one; the same
    unit,
    waiting,
    value,
    ended,
    apart,  ///< the pull that this thread was inside of, when it lost what is behind it, has come to its end
  };

  PromiseBase* current = nullptr;  ///< whose turn it is
  Outcome outcome = Outcome::running;
  UnitReference unit;           ///< with `unit`: what to run
  SlotCore* awaited = nullptr;  ///< with `waiting`: kept alive by the coroutine that waits

  /// `claims` protects the marks of all steppers of one evaluation; null: nobody looks at this one's. `doorbell` is to be
  /// told when a slot from outside is complete while this thread is inside of a pull.
  explicit Stepper(const std::atomic<bool>& cancelled, std::mutex* claims = nullptr,
                   std::shared_ptr<Waiter> doorbell = nullptr)
      : cancelled_(cancelled), claims_(claims), doorbell_(std::move(doorbell)) {}

  /// Comes to a coroutine that is new to it, or that was left behind by hold_up().
  void meets(PromiseBase& producer);
  /// `current` waits. Lets the nearest stage that pulls through it and has something else to do go on instead: only where its
  /// result is there, or any. False: there is none.
  enum class HoldUp : bool { ready_only, any };
  [[nodiscard]] bool hold_up(HoldUp which);
  /// Where there is none, the slot gets a DeadlockError.
  void fill_with_deadlock();
  /// The thread that steps next is mostly another one than before, and will need the frames of the coroutines: all at
  /// once, instead of one miss of the cache after another. A frame that is gone does no harm.
  void fetch_frames() const {
    constexpr std::size_t kBytes = 256, kLine = 64;  // of a small frame, whose promise is near its beginning
    for (const void* frame : frames_) {
      if (frame == nullptr) return;
      for (std::size_t at = 0; at < kBytes; at += kLine)
        __builtin_prefetch(static_cast<const char*>(frame) + at, 1);
    }
  }

  [[nodiscard]] bool is_waiting() const { return outcome == Outcome::waiting && !awaited->complete(); }

  /// Goes on until there is an outcome, or until `cancelled` (then the outcome is still `running`).
  void run();

  [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

  /// Goes on, on the stack of a coroutine that waits for a value, until it is that one's turn. False: it is
  /// not, and the coroutine has to suspend itself. Nested only as long as the native stack stays small.
  [[nodiscard]] bool run_for(const PromiseBase& consumer);

  /// The stage that `pull` belongs to is suspended now.
  void begin(PullAhead& pull) {
    pull.outer = std::exchange(ahead_, &pull);
    outcome = Outcome::pull;
  }
  /// What is pulled has a value, or is at its end. False: the stage belongs to another thread now.
  [[nodiscard]] bool end_pull(PromiseBase& producer);
  /// `pull` waits for the thread that is inside of it.
  void wait_for(PullAhead& pull, SlotCore& core) {
    current = pull.consumer;
    pending_ = &pull;
    awaited = &core;
    outcome = Outcome::waiting;
  }
  /// The innermost of the pulls that are under way; null: none.
  [[nodiscard]] PullAhead* ahead() const { return ahead_; }
  void pop_pull() { ahead_ = ahead_->outer; }
  /// What is behind a pull of this stepper belongs to another thread.
  [[nodiscard]] bool is_apart() const { return static_cast<bool>(base_); }

 private:
  friend class Sections;
  static constexpr std::uintptr_t kStack = 8192;
  static constexpr std::uintptr_t kTaken = 1, kSetting = 2;
  void step();
  void start(PullAhead& pull);
  void resolve();
  void guard();
  void cut(PullAhead& pull);
  void leave_below(PromiseBase& producer);
  void forget();
  [[nodiscard]] bool is_ready(PullAhead& pull) const;
  [[nodiscard]] bool replace_mark(PullAhead* next, std::uintptr_t tag = 0);
  void notice_loss();

  const std::atomic<bool>& cancelled_;
  std::uintptr_t floor_ =
      0;  // of the stack, for run_for: an address, as a depth would have to be counted at each step
  std::array<const void*, 8> frames_{};  // of those met last
  unsigned met_ = 0;

  PullAhead* ahead_ = nullptr;
  PullAhead* pending_ = nullptr;  // the innermost of them, where another thread is inside of it
  PullAhead* marked_ = nullptr;   // what the mark was set to
  Reference<PullCore> base_;      // the pull that this thread is apart in
  std::mutex* claims_;
  const std::shared_ptr<Waiter> doorbell_;
  // The innermost pull, while the thread is inside of it and others may take over what is behind it. With kSetting added, they
  // have to wait for a few instructions, because the thread still looks at that itself. With kTaken added, the PullCore
  // that stands for the pull, of which one reference is this thread's. On a line of its own, as other threads look
  // at it; not by alignas, because g++ 12 misplaces that in the frame of a coroutine.
  std::array<char, 64> before_{};
  std::atomic<std::uintptr_t> mark_{0};
  std::array<char, 64> behind_{};
};

/// Runs a work unit that a Stepper gave.
void run_unit(SlotCore& unit) noexcept;

/// What all coroutines of a pipeline have in common.
///
/// A stream that is pulled is the root of a chain of streams it is drawing values from by elements_of; `leaf`
/// of the root is the end of that chain, the one that runs when the root is pulled.
///
/// Slots that a coroutine drops unread are its own to read, at places in its own sequence, so that it does not matter how
/// far ahead of the rest it was pulled: before it goes on from a co_yield or a co_await of a next value, those that were
/// dropped long ago, and at its end all of them. An error found there ends it, as if its body had thrown it.
/// elements_of leaves the reading to the parent, so that nested streams need not wait for their units one by one.
struct PromiseBase {
  std::coroutine_handle<> handle;
  StreamBase* owner = nullptr;  ///< the Stream object that destroys this coroutine
  PromiseBase* root = this;
  PromiseBase* parent = nullptr;    ///< the one that wrote elements_of(this)
  PromiseBase* leaf = this;         ///< of a root
  PromiseBase* consumer = nullptr;  ///< of a root: whose co_await it serves; null for the evaluation's own
  Stepper* stepper = nullptr;       ///< of a root
  void* value = nullptr;            ///< of a root: the value just yielded, null at the end
  void* room = nullptr;             ///< of a root: the Room<T> that its consumer offers, or null
  PullAhead* ahead = nullptr;       ///< of a root: while it is pulled ahead

 private:
  struct Unread;
  // Null: none has been dropped. Here, and not at the end, as each step looks at it: it shares a line of the cache with
  // what stands above.
  std::unique_ptr<Unread> unread_;

 public:
  std::exception_ptr error;
  /// Of a root that was left behind in the middle of a pull: whose turn it is below, what that one waits for, and the pulls
  /// there. Null: it was not.
  PromiseBase* turn_below = nullptr;
  SlotCore* awaited_below = nullptr;
  PullAhead* pending_below = nullptr;
  PullAhead* ahead_below = nullptr;
  const char* name = nullptr;
  std::source_location where;  ///< of the co_await or elements_of it is suspended in, or was last

  PromiseBase() noexcept;
  PromiseBase(const PromiseBase&) = delete;
  PromiseBase& operator=(const PromiseBase&) = delete;
  ~PromiseBase();
  /// Destroys this coroutine, and with its frame the Streams that are in it: those that they own too, however long the
  /// chain is.
  void destroy() noexcept;

  [[nodiscard]] Stepper& steps() const { return *root->stepper; }
  /// Hands a value, or the end, to the coroutine that pulls.
  void hand_over(void* to_consumer);
  void finish();

  /// The running coroutine has dropped this slot.
  void drop(UnitReference slot);
  /// Just before it is suspended at a place where it reads. True: there is something to read.
  bool look_back() noexcept {
    if (unread_ == nullptr) [[likely]]
      return false;
    return is_due();
  }

 private:
  friend class Stepper;
  [[nodiscard]] bool is_due() noexcept;
  // False: it is not to be resumed now, because it waits for a slot that it has to read, or is over.
  [[nodiscard]] bool read_unread();
  void leave_unread_to_parent();
  void pass_on_end();
};

/// "name (file:line)" of the await the coroutine is suspended in, as far as they are known.
[[nodiscard]] std::string place(const PromiseBase& promise);

/// "the evaluation waits for a (file:line) waits for b (file:line) waits for ...": from the evaluation down to this
/// coroutine; of a long trail only the two ends.
[[nodiscard]] std::string trail(const PromiseBase& waiting, const std::string& for_what);

/// Owns a coroutine. Known by address to its promise.
class StreamBase {
 public:
  StreamBase(const StreamBase&) = delete;
  StreamBase& operator=(const StreamBase&) = delete;

  [[nodiscard]] PromiseBase* promise() const { return promise_; }
  void destroy() noexcept {
    if (promise_ == nullptr) return;
    if (pull_ && leave_to_other_thread()) return;
    promise_->destroy();
  }
  /// While another thread is inside of it, and until the value that this came to has been taken.
  [[nodiscard]] PullCore* pull() const { return pull_.get(); }
  void set_pull(Reference<PullCore> pull) { pull_ = std::move(pull); }

 protected:
  StreamBase() = default;
  explicit StreamBase(PromiseBase& promise) : promise_(&promise) { promise.owner = this; }
  StreamBase(StreamBase&& other) noexcept { adopt(other); }
  StreamBase& operator=(StreamBase&& other) noexcept {
    if (this != &other) {
      destroy();
      adopt(other);
    }
    return *this;
  }
  ~StreamBase() { destroy(); }

  PromiseBase* promise_ = nullptr;

 private:
  friend struct PromiseBase;
  [[nodiscard]] bool leave_to_other_thread() noexcept;
  Reference<PullCore> pull_;
  void adopt(StreamBase& other) noexcept {
    promise_ = std::exchange(other.promise_, nullptr);
    pull_ = std::move(other.pull_);
    if (promise_ != nullptr) promise_->owner = this;
  }
};

inline void Stepper::step() {
  if (current->unread_ != nullptr) [[unlikely]] {
    if (!current->read_unread()) return;
  }
  current->handle.resume();
}

inline bool Stepper::run_for(const PromiseBase& consumer) {
  if (reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) < floor_) return false;
  // What runs below this coroutine hands values to each other or to it, so nothing that is active already is
  // resumed.
  while (current != &consumer && outcome == Outcome::running && !cancelled()) {
    step();
  }
  return current == &consumer && outcome == Outcome::running;
}

inline void PromiseBase::hand_over(void* to_consumer) {
  root->value = to_consumer;
  Stepper& all = *root->stepper;
  if (root->consumer == nullptr) {
    all.current = this;
    all.outcome = Stepper::Outcome::value;
    return;
  }
  if (root->ahead != nullptr && !all.end_pull(*root)) return;
  all.current = root->consumer;
}

}  // namespace rondo::streaming

#pragma GCC visibility pop
