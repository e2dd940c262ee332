// The right to step the stream: at most one thread has it.
//
// The baton is free, held by a thread, or parked on a slot: then nobody holds it, and the thread that completes the
// slot holds it next or sets it free. Any thread may call anything; shared by reference counting, because who
// completes a slot from outside may come after the evaluation has gone.
//
// Hand-over. Unfair: a thread that comes by takes a free baton at once, also past threads that wait for it;
// one of these is woken when the baton is put back, unless one is on its way already, and then tries like
// everybody else. Fair: the baton goes to the thread that has waited longest, and whoever put it back waits
// for that thread to wake up. Fair exists to measure what unfair gains.
//
// Rest. `actors` counts who could still make something happen: the stream, unless it is parked on slots of
// the evaluation's own, every work unit, and every thread that is apart (see sections.hpp). When it drops to 0 the
// evaluation has come to a halt for good.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include <rondo/stream/options.hpp>
#include <rondo/stream/promise.hpp>

namespace rondo::streaming {

class Sections;

// How many threads are at work, and how many should be. Threads that are apart do not count, as they may be in a call that
// does not return before others have passed results on.
struct Roster {
  explicit Roster(const std::atomic<unsigned>& threads_apart) : apart(threads_apart) {}

  std::atomic<unsigned> target{1};
  std::atomic<unsigned> at_work{1};
  const std::atomic<unsigned>& apart;

  [[nodiscard]] bool too_many() const { return at_work.load() > target.load() + apart.load(); }
  // True: the caller counts no more, as one of too many. At least one stays.
  [[nodiscard]] bool leave() {
    unsigned now = at_work.load();
    while (now > target.load() + apart.load())
      if (at_work.compare_exchange_weak(now, now - 1)) return true;
    return false;
  }
  // The number of threads at work with the caller; 0: there are enough.
  [[nodiscard]] unsigned enter() {
    unsigned now = at_work.load();
    while (now < target.load() + apart.load())
      if (at_work.compare_exchange_weak(now, now + 1)) return now + 1;
    return 0;
  }
};

class Ticket;

class Baton final : public Waiter, public std::enable_shared_from_this<Baton> {
 public:
  enum class Taken : std::uint8_t { yes, part, closed, dismissed };
  enum class Parked : std::uint8_t {
    no,      // the slot is complete already; the caller still holds the baton
    yes,     // the caller does not hold it any more
    halted,  // the same, and nobody is left to complete the slot
  };

  explicit Baton(Handover handover) : fair_(handover == Handover::fair) {}

  [[nodiscard]] bool try_take();
  [[nodiscard]] bool is_free() const { return !held_.load(std::memory_order_relaxed); }
  // Blocks until the baton is this thread's, or a part of the pipeline that it could take over (then `part` is set), or the
  // baton is closed, or the thread is dismissed: one of too many, and not counted as at work any more.
  [[nodiscard]] Taken take(Roster& roster, Sections& sections, Stepper*& part);
  void put_back();
  // Lets threads that wait in take() look again whether they are dismissed.
  void look_again();

  [[nodiscard]] Parked park(SlotCore& slot);
  // The same on several slots: the one that is complete first ends it. `ticket` is to be kept for unpark().
  [[nodiscard]] Parked park(std::span<SlotCore* const> slots, std::shared_ptr<Ticket>& ticket);
  // Called by who completed the slot that the baton was parked on: the first takes the baton, the others set
  // it free, or do the one if `baton` is this one and the other if it is not.
  void take_parked(FilledBy by);
  void resume(FilledBy by) override;
  [[nodiscard]] bool resume_for(const Waiter& baton, FilledBy by) override;

  // A slot from outside is complete, for which nobody is parked: wakes a thread that could take over the stage that waits
  // for it, also one that rests. Where none waits for the baton, `stand_in` is called first, under a lock.
  void ring();
  void on_ring(std::function<void()> stand_in);
  // True once for each ring(), for a thread that rests.
  [[nodiscard]] bool take_ring() { return rung_.load() && rung_.exchange(false); }
  // Threads rest as long as the number of invitations is the one that they have `seen`, or until a time is over.
  [[nodiscard]] unsigned invitations() const { return invitations_; }
  void rest(unsigned seen, std::optional<std::chrono::nanoseconds> at_most);
  void invite();

  void unit_begins() { actors_.fetch_add(1, std::memory_order_relaxed); }
  // True: the evaluation has come to a halt.
  [[nodiscard]] bool unit_ends() { return actors_.fetch_sub(1, std::memory_order_acq_rel) == 1; }

  [[nodiscard]] const std::atomic<unsigned>& actors() const { return actors_; }
  [[nodiscard]] std::atomic<unsigned>& actors() { return actors_; }

  // For good. Every thread that waits in take() or in rest() returns.
  void close();
  [[nodiscard]] const std::atomic<bool>& closed() const { return closed_; }

 private:
  struct Place {
    std::condition_variable turn;
    bool given = false;
  };
  Taken take_in_order(Roster& roster, Sections& sections, Stepper*& part);
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
  std::function<void()> stand_in_;
  std::atomic<bool> rung_{false};
  std::atomic<unsigned> invitations_{0};  // written under the mutex of rest
  std::mutex rest_mutex_;
  std::condition_variable rest_;
};

// Stands for a baton that is parked on several slots.
class Ticket final : public Waiter {
 public:
  Ticket(std::shared_ptr<Baton> baton, FilledBy by) : baton_(std::move(baton)), by_(by) {}

  // All slots know it. False: one of them is complete already, and the caller still holds the baton.
  [[nodiscard]] bool arm() {
    State expected = State::arming;
    return state_.compare_exchange_strong(expected, State::armed);
  }
  // True for one caller: the baton is parked no more.
  [[nodiscard]] bool claim() { return state_.exchange(State::claimed) == State::armed; }
  [[nodiscard]] FilledBy by() const { return by_; }

  void resume(FilledBy) override {
    if (claim()) baton_->resume(by_);
  }
  [[nodiscard]] bool resume_for(const Waiter& baton, FilledBy) override {
    return claim() && baton_->resume_for(baton, by_);
  }

 private:
  enum class State : std::uint8_t { arming, armed, claimed };
  const std::shared_ptr<Baton> baton_;
  const FilledBy by_;  // `outside` if one of the slots is
  std::atomic<State> state_{State::arming};
};

// Rings for a thread where a slot from outside is complete.
class Doorbell final : public Waiter {
 public:
  explicit Doorbell(std::shared_ptr<Baton> baton) : baton_(std::move(baton)) {}
  void resume(FilledBy) override { baton_->ring(); }

 private:
  const std::shared_ptr<Baton> baton_;
};

}  // namespace rondo::streaming
