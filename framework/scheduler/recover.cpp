// After a loss: which workers are left, where the states are, and what is missing of the call.
#include <algorithm>
#include <stdexcept>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {

void Scheduler::lose(Worker worker) {
  if (alive_.size() < 2) throw std::logic_error("scheduler: the last worker cannot be lost");
  std::erase(alive_, index(worker));
}

std::vector<Command> Scheduler::recover(Time now, std::span<const Worker> owners,
                                        std::span<const std::uint32_t> rounds_done, bool stop) {
  for (WorkerProgress& p : workers_) p.bytes = 0;
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    State& state = states_[slot];
    if (!std::binary_search(alive_.begin(), alive_.end(), index(owners[slot])))
      throw std::logic_error("scheduler: a state is recovered on a worker that is lost");
    state.owner = owners[slot];
    state.hop = 0;
    progress_of(state.owner).bytes += state.bytes;
  }
  if (!running_) return {};

  commands_.clear();
  hungry_.clear();
  busiest_.clear();
  for (std::size_t& missing : missing_) missing = 0;
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    State& state = states_[slot];
    state.rounds_done = rounds_done[slot];
    if (state.rounds_done < complete_ || state.rounds_done > open_)
      throw std::logic_error("scheduler: a state is recovered in a round that is not open");
    for (std::uint32_t round = state.rounds_done; round < open_; ++round) ++missing_[round - complete_];
  }
  stopped_ = 0;
  stopping_ = stop;
  distribute(now);
  if (stop) {
    stopping_ = false;
    handle(now, event::Cancel{});
  }
  complete_rounds();
  return std::exchange(commands_, {});
}

}  // namespace rondo::scheduler
