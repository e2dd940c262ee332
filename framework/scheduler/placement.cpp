// Where states are between the rounds: first distribution and copies of a resample.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <queue>
#include <stdexcept>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {

std::vector<Worker> Scheduler::reset(std::span<const StateId> ids, std::span<const double> seconds) {
  running_ = false;  // with its states a call ends too
  states_.clear();
  states_.reserve(ids.size());
  for (WorkerProgress& p : workers_) p.bytes = 0;
  const auto weight = [&](std::size_t i) { return seconds.empty() ? 1.0 : std::max(seconds[i], 1e-9); };
  double total = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) total += weight(i);

  // Consecutive states go together, cut where the sum of the weights passes a worker's share.
  std::vector<Worker> owners(ids.size());
  double before = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const double middle = before + weight(i) / 2;
    before += weight(i);
    const auto share = static_cast<std::size_t>(middle / total * static_cast<double>(alive_.size()));
    owners[i] = Worker{alive_[std::min(share, alive_.size() - 1)]};
    State state;
    state.id = ids[i];
    state.owner = owners[i];
    if (!seconds.empty()) state.cost = Cost(Seconds(weight(i)));
    states_.push_back(state);
  }
  return owners;
}

void Scheduler::restore(std::span<const StateId> ids, std::span<const Worker> owners,
                        std::span<const Cost> costs) {
  std::vector<double> seconds(costs.size());
  std::transform(costs.begin(), costs.end(), seconds.begin(),
                 [](const Cost& c) { return c.predicted().count(); });
  reset(ids, seconds);
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    states_[slot].cost = costs[slot];
    if (!owners.empty()) states_[slot].owner = owners[slot];
  }
}

void Scheduler::packed(Slot slot, double bytes) {
  State& state = states_[slot];
  const auto rounded = static_cast<float>(bytes);  // so that what is added up is what is taken off later
  progress_of(state.owner).bytes += static_cast<double>(rounded) - state.bytes;
  state.bytes = rounded;
}

namespace {

// Copies of one parent: how many go where.
struct Shares {
  std::uint32_t kept = 0;
  std::map<Worker, std::uint32_t> sent;
};

// How many copies of a state fit.
double room_for(double bytes, double left) {
  return bytes > 0 ? std::floor(left / bytes) : std::numeric_limits<double>::infinity();
}

}  // namespace

std::vector<Copy> Scheduler::resample(std::span<const std::uint32_t> offspring, StateId first) {
  if (offspring.size() != states_.size()) throw std::logic_error("scheduler: one offspring count per state");
  std::vector<double> load(workers_.size(), 0);
  std::vector<double> bytes(workers_.size(), 0);
  std::vector<Shares> shares(states_.size());
  std::vector<std::vector<Slot>> parents(workers_.size());
  double total = 0;
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    shares[slot].kept = offspring[slot];
    if (offspring[slot] == 0) continue;
    const std::uint32_t w = index(states_[slot].owner);
    load[w] += offspring[slot] * expected(slot);
    bytes[w] += static_cast<double>(offspring[slot]) * states_[slot].bytes;
    total += offspring[slot] * expected(slot);
    parents[w].push_back(slot);
  }
  const double target = total / static_cast<double>(alive_.size());

  if (settings_.rebalance && total > 0) {
    std::priority_queue<std::pair<double, std::uint32_t>> deficits;
    for (const std::uint32_t w : alive_)
      if (load[w] < target) deficits.emplace(target - load[w], ~w);  // ~: of equals the lowest worker
    for (std::uint32_t w = 0; w < workers_.size(); ++w) {
      // parents with many children first: one transfer serves several of them
      std::stable_sort(parents[w].begin(), parents[w].end(),
                       [&](Slot a, Slot b) { return offspring[a] > offspring[b]; });
      for (const std::uint32_t keep : {1U, 0U}) {  // first the extra copies, then whole families
        for (const Slot slot : parents[w]) {
          const double cost = expected(slot);
          while (shares[slot].kept > keep && !deficits.empty() && load[w] - target >= cost / 2) {
            const auto [deficit, inverse] = deficits.top();
            const std::uint32_t to = ~inverse;
            if (load[w] - load[to] <= cost * 1.01) break;  // it would not level
            deficits.pop();
            const double room = room_for(states_[slot].bytes, settings_.bytes_max - bytes[to]);
            if (room < 1) continue;  // it is full, and gets none of the smaller ones either
            const double fit = std::floor(std::min(load[w] - target, deficit) / cost);
            const auto count = static_cast<std::uint32_t>(
                std::min({std::max(fit, 1.0), static_cast<double>(shares[slot].kept - keep), room}));
            shares[slot].kept -= count;
            shares[slot].sent[Worker{to}] += count;
            load[w] -= count * cost;
            load[to] += count * cost;
            bytes[to] += static_cast<double>(count) * states_[slot].bytes;
            if (target > load[to]) deficits.emplace(target - load[to], inverse);
          }
        }
      }
    }
  }

  std::vector<Copy> copies;
  std::vector<State> children;
  for (WorkerProgress& p : workers_) p.bytes = 0;
  std::uint64_t next = value(first);
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    const State& parent = states_[slot];
    const auto place = [&](Worker to, std::uint32_t count) {
      copies.push_back({slot, parent.owner, to, StateId{next}, count});
      for (std::uint32_t i = 0; i < count; ++i) {
        State child = parent;
        child.id = StateId{next++};
        child.owner = to;
        child.hop = 0;
        child.rounds_done = 0;
        progress_of(to).bytes += child.bytes;
        children.push_back(child);
      }
    };
    if (shares[slot].kept > 0) place(parent.owner, shares[slot].kept);
    for (const auto& [to, count] : shares[slot].sent) place(to, count);
  }
  states_ = std::move(children);
  return copies;
}

}  // namespace rondo::scheduler
