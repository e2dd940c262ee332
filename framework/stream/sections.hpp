// The parts of one evaluation's pipeline that threads are inside of at the same time.
//
// Mostly there is one: the thread that holds the baton steps all of it. While that thread is inside of a pull of a stage that
// pulls ahead (see pull.hpp), a thread that would have to wait for the baton takes over what is behind the innermost such
// pull, if the result that the stage waits for is there: it may be in a read that does not return before the result has
// been passed on. Then the first thread is apart: it goes on with what is pulled, and when that has a value, ends, waits or
// hands out a unit, it gives its part back by completing the PullCore that stands for the pull. What was taken over can be
// taken over again.
//
// The race for what is behind a pull is decided by Stepper::mark_. The thread inside of a pull sets it, then looks whether
// the result is there. The thread that completes the result does that first, then looks for the mark. So one of them sees
// what the other has done.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include <rondo/stream/promise.hpp>

namespace rondo::streaming {

class Sections {
 public:
  // `actors` counts what could still make something happen; see Baton.
  Sections(const std::atomic<bool>& over, std::atomic<unsigned>& actors, std::shared_ptr<Waiter> doorbell);
  Sections(const Sections&) = delete;
  Sections& operator=(const Sections&) = delete;

  // Only the holder of the baton calls these.
  [[nodiscard]] Stepper& main() { return *main_; }

  // For a thread that does not hold the baton and would have to wait. Gives the part of the pipeline that it has from now
  // on, or null. If that is main(), the thread holds the baton, too. Any thread may call it.
  [[nodiscard]] Stepper* take_over();

  // The thread is out of its pull, for which `stepper` is apart; what it has to give back is with the producer. Gives what
  // is to be completed; null: the pulled stream has been dropped, and is destroyed now.
  [[nodiscard]] Reference<PullCore> give_back(Stepper& stepper);

  // How many threads are apart, any of which may be in a call that does not return.
  [[nodiscard]] const std::atomic<unsigned>& apart() const { return apart_; }

 private:
  [[nodiscard]] Stepper& make();
  [[nodiscard]] Stepper* split(Stepper& from, PullAhead& pull);

  const std::atomic<bool>& over_;
  std::atomic<unsigned>& actors_;
  const std::shared_ptr<Waiter> doorbell_;
  std::atomic<unsigned> apart_{0};
  std::mutex claims_;  // protects what follows, and marks that are taken
  std::vector<std::unique_ptr<Stepper>> all_;
  std::vector<Stepper*> idle_;
  Stepper* main_;
};

}  // namespace rondo::streaming
