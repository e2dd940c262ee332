#include "scheduler/scheduler.hpp"

#include <algorithm>

#include <rondo/error.hpp>

#include "scheduler/placement.hpp"

namespace rondo::scheduler {

namespace {
const Settings& accepted(const Settings& settings) {
  if (settings.workers == 0) throw OptionError("workers: need at least 1, got 0");
  if (!(settings.bytes_max > 0)) throw OptionError("memory: need more than 0 bytes per worker");
  return settings;
}
}  // namespace

Scheduler::Scheduler(const Settings& settings)
    : settings_(accepted(settings)), states_(settings.workers), call_(settings_, states_) {}

std::vector<Worker> Scheduler::reset(std::span<const StateId> ids, std::span<const double> seconds) {
  call_.drop();  // with its states a call ends too
  states_.replace(first_distribution(ids, seconds, states_.alive()));
  std::vector<Worker> owners(ids.size());
  for (Slot slot = 0; slot < owners.size(); ++slot) owners[slot] = owner(slot);
  return owners;
}

void Scheduler::restore(std::span<const StateId> ids, std::span<const Worker> owners,
                        std::span<const Cost> costs) {
  std::vector<double> seconds(costs.size());
  std::transform(costs.begin(), costs.end(), seconds.begin(),
                 [](const Cost& c) { return c.predicted().count(); });
  call_.drop();
  std::vector<State> states = first_distribution(ids, seconds, states_.alive());
  for (Slot slot = 0; slot < states.size(); ++slot) {
    states[slot].cost = costs[slot];
    if (!owners.empty()) states[slot].owner = owners[slot];
  }
  states_.replace(std::move(states));
}

std::vector<Copy> Scheduler::resample(std::span<const std::uint32_t> offspring, StateId first) {
  return scheduler::resample(states_, settings_, offspring, first);
}

std::vector<Command> Scheduler::recover(Time now, std::span<const Worker> owners,
                                        std::span<const std::uint32_t> rounds_done, bool stop) {
  states_.recover(owners);
  if (call_.is_idle()) return {};
  return call_.recover(now, rounds_done, stop);
}

}  // namespace rondo::scheduler
