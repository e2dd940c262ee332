// The rounds of a call: what each worker has been assigned, what it has reported, who is hungry, and what has been asked of whom.
//
// Pure: events in, commands out. Lives on rank 0, used from one thread. One object serves all calls of a run, one after the other,
// as it learns how long steals take.
//
// Every worker gets its part at once (or in batches, where one is set), longest first. A worker that is about to run out of work says
// so; then the steal policy of the settings names a victim.
//
// Invariant: every state does each round exactly once, in order. The call ends when all rounds are done, or, after a failure, when
// every worker has stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "scheduler/events.hpp"
#include "scheduler/settings.hpp"
#include "scheduler/state_table.hpp"
#include "scheduler/steal_policy.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

class RunningCall {
 public:
  /// Both outlive this object.
  RunningCall(const Settings& settings, StateTable& states);

  [[nodiscard]] std::vector<Command> on(Time now, const Event& event);
  /// The states are at other workers since a loss, and nobody has a job. Their rounds_done are those of `rounds_done`, by slot;
  /// what is missing is assigned again. With `stop` the call ends as after a Cancel.
  [[nodiscard]] std::vector<Command> recover(Time now, std::span<const std::uint32_t> rounds_done, bool stop);
  /// The call is over with its states, and nothing is commanded.
  void drop() { phase_ = Phase::kIdle; }

  [[nodiscard]] bool is_idle() const { return phase_ == Phase::kIdle; }
  [[nodiscard]] std::uint32_t rounds_complete() const { return complete_; }

 private:
  enum class Phase { kIdle, kRunning, kStopping };
  enum class Appetite {
    kFed,
    kHungry,  // it waits in hungry_
    kAsked    // the answer to its Give is under way
  };
  struct WorkerProgress {
    // updates that are assigned and not reported; below 0 when a thief's report has come first
    std::ptrdiff_t outstanding = 0;
    Appetite appetite = Appetite::kFed;
    double hungry_key = 0;                    // in hungry_
    Time asked{0};                            // when the Give was commanded
    bool stopped = false;                     // it has answered the Stop
    std::optional<Ranking::iterator> listed;  // in givers_
  };

  void handle(Time now, const event::Begin& begin);
  void handle(Time now, const event::Opened& opened);
  void handle(Time now, const event::Closed& closed);
  void handle(Time now, const event::Report& report);
  void handle(Time now, const event::Gave& gave);
  void handle(Time now, const event::Cancel& cancel);
  void handle(Time now, const event::Stopped& stopped);

  void distribute(Time now);
  void order_waiting(std::vector<Slot>& slots) const;
  void assign(Time now, Worker worker);
  void count_offer(Slot slot, Offer& offer) const;
  void list(Worker worker);
  void await_victim(Worker worker);
  void serve(Time now);
  [[nodiscard]] Thief as_thief(Time now, Worker worker) const;
  void require_giver(const Steal& steal, Worker thief) const;
  bool carry_out(Time now, const Steal& steal, Worker thief);
  bool reassign(Time now, const Steal& steal, Worker thief);
  void complete_rounds();
  void end_if_done();

  const Settings& settings_;
  StateTable& states_;
  std::vector<WorkerLoad> loads_;         // by worker
  std::vector<WorkerProgress> progress_;  // by worker

  std::uint64_t calls_ = 0;
  Phase phase_ = Phase::kIdle;
  std::uint32_t rounds_ = 0;
  std::uint32_t open_ = 0;
  std::uint32_t complete_ = 0;
  std::deque<std::size_t> missing_;  // per round from complete_ on: states that have not done it
  std::size_t batch_ = 0;
  double outstanding_most_ = 0;  // updates that are assigned to a worker and not reported
  std::size_t stopped_ = 0;
  Seconds latency_;  // from a Give to its answer, learned over the calls; no less than that of the settings
  Ranking hungry_;   // workers that wait for a victim, by finish
  Ranking givers_;   // as in StealView
  std::vector<Command> commands_;
};

}  // namespace rondo::scheduler
