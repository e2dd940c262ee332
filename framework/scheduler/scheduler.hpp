// Decides which worker holds and runs which states: the master's side of the scheduling.
//
// Pure: no MPI, no threads, no clock, no I/O; equal events give equal commands. Two drivers run the same object: the
// engine's master and the simulator. It never performs a command.
//
// Lives on rank 0, used from one thread.
//
// Three parts do the work: the table of states (state_table.hpp), functions that place states between calls (placement.hpp), and the
// running call (running_call.hpp). From whom a hungry worker steals is decided by a function (steal_policy.hpp).
//
// A worker may be lost: then the driver says which states are where, and the call goes on with the others.
//
// Invariant: every state has exactly one owner; in a call each state does each round exactly once, in order, and the
// call ends when all are done, or after a failure when every worker has stopped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <rondo/ids.hpp>

#include "scheduler/cost.hpp"
#include "scheduler/events.hpp"
#include "scheduler/running_call.hpp"
#include "scheduler/settings.hpp"
#include "scheduler/state_table.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

class Scheduler {
 public:
  /// Throws OptionError by name for settings that cannot be.
  explicit Scheduler(const Settings& settings);
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Drops all states and distributes these evenly, by expected cost where one is given (empty: all alike). The owners are
  /// in the order of the ids, which must ascend. O(n).
  std::vector<Worker> reset(std::span<const StateId> ids, std::span<const double> seconds);
  /// The same for states of a checkpoint, with what was learned of them; at these owners, or (empty) distributed by cost.
  void restore(std::span<const StateId> ids, std::span<const Worker> owners, std::span<const Cost> costs);
  /// The size of a packed state, once it is known.
  void packed(Slot slot, double bytes) { states_.packed(slot, bytes); }
  /// What an update of this state is expected to take, until it has been measured.
  void hint(Slot slot, Seconds seconds) { states_.set_cost(slot, Cost(seconds)); }

  /// Replaces every state by offspring[slot] children with fresh ascending ids from `first` on, in the order of the parents.
  /// Children inherit costs. Balances the workers; each (parent, destination) appears once. O(n log n).
  std::vector<Copy> resample(std::span<const std::uint32_t> offspring, StateId first);

  [[nodiscard]] std::vector<Command> on(Time now, const Event& event) { return call_.on(now, event); }

  /// Nothing is ever placed at this worker again. What it held has to be told with recover(), or is dropped by reset() and
  /// restore(). Throws logic_error for the last worker.
  void lose(Worker worker) { states_.lose(worker); }
  /// Where the states are after a loss, in the order of the slots, and inside a call how many of its first rounds each has done;
  /// all workers that are left are idle, and none has a job. What is missing of the call is assigned again; with `stop` the call
  /// ends as after a Cancel.
  [[nodiscard]] std::vector<Command> recover(Time now, std::span<const Worker> owners,
                                             std::span<const std::uint32_t> rounds_done, bool stop);
  /// Ascending.
  [[nodiscard]] const std::vector<std::uint32_t>& alive() const { return states_.alive(); }

  [[nodiscard]] std::size_t size() const { return states_.size(); }
  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] StateId id(Slot slot) const { return states_[slot].id; }
  [[nodiscard]] Worker owner(Slot slot) const { return states_[slot].owner; }
  [[nodiscard]] const Cost& cost(Slot slot) const { return states_[slot].cost; }
  void set_cost(Slot slot, const Cost& cost) { states_.set_cost(slot, cost); }
  [[nodiscard]] float bytes(Slot slot) const { return states_[slot].bytes; }
  [[nodiscard]] std::uint32_t hop(Slot slot) const { return states_[slot].hop; }
  /// Rounds of the running or last call that the state is known to have done. They are the first ones as soon as the call
  /// has ended; before that, reports of different workers overtake each other.
  [[nodiscard]] std::uint32_t rounds_done(Slot slot) const { return states_[slot].rounds_done; }
  [[nodiscard]] std::uint32_t rounds_complete() const { return call_.rounds_complete(); }
  /// Sum of what the workers hold, by the sizes known here.
  [[nodiscard]] double bytes_held(Worker worker) const { return states_.bytes_held()[index(worker)]; }

 private:
  const Settings settings_;
  StateTable states_;
  RunningCall call_;
};

}  // namespace rondo::scheduler
