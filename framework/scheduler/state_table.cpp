#include "scheduler/state_table.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace rondo::scheduler {

StateTable::StateTable(std::uint32_t workers) : bytes_(workers, 0), alive_(workers) {
  std::iota(alive_.begin(), alive_.end(), 0U);
}

void StateTable::replace(std::vector<State> states) {
  states_ = std::move(states);
  count_bytes();
}

void StateTable::own(Slot slot, Worker worker, std::uint32_t hop) {
  State& state = states_[slot];
  if (hop < state.hop) return;  // an older report than what is known
  state.hop = hop;
  if (state.owner == worker) return;
  bytes_[index(state.owner)] -= state.bytes;
  bytes_[index(worker)] += state.bytes;
  state.owner = worker;
}

void StateTable::packed(Slot slot, double bytes) {
  State& state = states_[slot];
  const auto rounded = static_cast<float>(bytes);  // so that what is added up is what is taken off later
  bytes_[index(state.owner)] += static_cast<double>(rounded) - state.bytes;
  state.bytes = rounded;
}

bool StateTable::begin_call() {
  double sum = 0;
  std::size_t known = 0;
  for (State& state : states_) {
    state.rounds_done = 0;
    if (state.cost.known()) sum += state.cost.predicted().count(), ++known;
  }
  if (known > 0) mean_ = sum / static_cast<double>(known);
  return known > 0;
}

void StateTable::did_round(Slot slot, Seconds duration) {
  State& state = states_[slot];
  ++state.rounds_done;
  state.cost.measured(duration);
}

void StateTable::lose(Worker worker) {
  if (alive_.size() < 2) throw std::logic_error("scheduler: the last worker cannot be lost");
  std::erase(alive_, index(worker));
}

void StateTable::recover(std::span<const Worker> owners) {
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    if (!std::binary_search(alive_.begin(), alive_.end(), index(owners[slot])))
      throw std::logic_error("scheduler: a state is recovered on a worker that is lost");
    states_[slot].owner = owners[slot];
    states_[slot].hop = 0;
  }
  count_bytes();
}

void StateTable::count_bytes() {
  std::fill(bytes_.begin(), bytes_.end(), 0);
  for (const State& state : states_) bytes_[index(state.owner)] += state.bytes;
}

}  // namespace rondo::scheduler
