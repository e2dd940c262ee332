// Pulling ahead: a stage that pulls its next item while it has results that are on their way.
//
// The stream that such a stage pulls may block for as long as it likes, in a read of a socket for example. Meanwhile a
// result may come that the stage could pass on. So the pull is a seam of the pipeline: everything behind it, from the
// stage to the sink, is suspended while the thread is inside of the stream that is pulled. Another thread may take over
// everything behind the seam, and pass results on; then the first thread is apart, and all it brings is what the pull
// comes to.
//
// Owned by coroutine frames; the Stepper of the thread that runs them links them up.
#pragma once

#include <atomic>
#include <cstdint>

#include <rondo/stream/slot.hpp>

#pragma GCC visibility push(default)

namespace rondo::streaming {

class StreamBase;
class Stepper;
struct PromiseBase;

/// One pull of a stage that may do something else before the pull comes to its end.
struct PullAhead {
  PromiseBase* consumer;       ///< the stage; suspended as long as this lasts
  StreamBase* stream;          ///< what it pulls
  SlotCore* front = nullptr;   ///< the result that it passes on as soon as it is there; null: none
  bool* held_up = nullptr;     ///< where to tell the stage that it may go on without a value; null: it cannot
  void* room = nullptr;        ///< the Room<T> that it offers, or null
  PullAhead* outer = nullptr;  ///< the pull of a stage further behind that this one is part of
  /// What to do when the thread that was inside of it has come out, with a value or without; null: resume the stage.
  void (*then)(PullAhead&, Stepper&, bool came) = nullptr;

  [[nodiscard]] bool is_ready() const { return held_up != nullptr && front != nullptr && front->complete(); }
};

/// Stands for a pull whose thread is apart; complete when that thread has come out of it.
class PullCore final : public SlotCore {
 public:
  explicit PullCore(PromiseBase& pulled)
      : SlotCore(FilledBy::evaluation, "the next value of a stream"), producer(pulled) {}

  [[nodiscard]] bool comes_by_itself() const override { return true; }

  PromiseBase& producer;  ///< the root of what is pulled
  /// True: the producer has handed over a value, or its end. False: it is to be pulled again, as it has begun a work unit or
  /// waits for a slot.
  bool came = false;

  /// To be called by the thread that is apart, when it does not touch the producer any more, and by the owner of the stream
  /// if it drops it before that. Returns true to the second of them, which has to destroy the producer.
  [[nodiscard]] bool leave() { return left_.exchange(true, std::memory_order_acq_rel); }

 private:
  std::atomic<bool> left_{false};
};

}  // namespace rondo::streaming

#pragma GCC visibility pop
