// The right to step the stream: at most one thread has it.
//
// The baton is free, held by a thread, or parked on a slot: then nobody holds it, and whoever completes the
// slot holds it next or sets it free. Any thread may call anything; shared by reference counting, because who
// completes a slot from outside may come after the evaluation has gone.
//
// Hand-over. Unfair: a thread that comes by takes a free baton at once, also past threads that wait for it;
// one of these is woken when the baton is put back, unless one is on its way already, and then tries like
// everybody else. Fair: the baton goes to the thread that has waited longest, and whoever put it back waits
// for that thread to wake up. Fair exists to measure what unfair gains.
//
// Rest. `actors` counts who could still make something happen: the stream, unless it is parked on a slot of
// the evaluation's own, and every work unit. When it drops to 0 the evaluation has come to a halt for good.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include <rondo/stream/options.hpp>
#include <rondo/stream/slot.hpp>

namespace rondo::streaming {

// How many threads are at work, and how many should be.
struct Roster {
  std::atomic<unsigned> target{1};
  std::atomic<unsigned> at_work{1};

  [[nodiscard]] bool too_many() const { return at_work.load() > target.load(); }
  // True: the caller counts no more, as one of too many. At least one stays.
  [[nodiscard]] bool leave() {
    unsigned now = at_work.load();
    while (now > target.load())
      if (at_work.compare_exchange_weak(now, now - 1)) return true;
    return false;
  }
  // The number of threads at work with the caller; 0: there are enough.
  [[nodiscard]] unsigned enter() {
    unsigned now = at_work.load();
    while (now < target.load())
      if (at_work.compare_exchange_weak(now, now + 1)) return now + 1;
    return 0;
  }
};

class Baton final : public Waiter, public std::enable_shared_from_this<Baton> {
 public:
  enum class Taken : std::uint8_t { yes, closed, dismissed };
  enum class Parked : std::uint8_t {
    no,      // the slot is complete already; the caller still holds the baton
    yes,     // the caller does not hold it any more
    halted,  // the same, and nobody is left to complete the slot
  };

  explicit Baton(Handover handover) : fair_(handover == Handover::fair) {}

  [[nodiscard]] bool try_take();
  // Blocks until the baton is this thread's, or closed, or the thread is dismissed: one of too many, and not counted as at
  // work any more.
  [[nodiscard]] Taken take(Roster& roster);
  void put_back();
  // Lets threads that wait in take() look again whether they are dismissed.
  void look_again();

  [[nodiscard]] Parked park(SlotCore& slot);
  // Called by who completed the slot that the baton was parked on: the first takes the baton, the second sets
  // it free.
  void take_parked(FilledBy by);
  void resume(FilledBy by) override;

  void unit_begins() { actors_.fetch_add(1, std::memory_order_relaxed); }
  // True: the evaluation has come to a halt.
  [[nodiscard]] bool unit_ends() { return actors_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  [[nodiscard]] const std::atomic<unsigned>& actors() const { return actors_; }

  // For good; every thread that waits returns.
  void close();
  [[nodiscard]] const std::atomic<bool>& closed() const { return closed_; }

 private:
  struct Place {
    std::condition_variable turn;
    bool given = false;
  };
  Taken take_in_order(Roster& roster);
  void put_back_in_order();

  const bool fair_;
  std::atomic<bool> closed_{false};
  alignas(64) std::atomic<bool> held_{false};
  std::atomic<bool> waking_{false};  // a sleeper was woken and has not looked yet
  std::atomic<std::uint32_t> sleepers_{0};
  alignas(64) std::atomic<unsigned> actors_{1};
  std::mutex mutex_;
  std::condition_variable free_;
  std::deque<Place*> queue_;  // fair only
};

}  // namespace rondo::streaming
