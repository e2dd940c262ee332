// Where states are between the rounds: first distribution and copies of a resample.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <queue>
#include <stdexcept>

#include "scheduler/placement.hpp"

namespace rondo::scheduler {

std::vector<State> first_distribution(std::span<const StateId> ids, std::span<const double> seconds,
                                      const std::vector<std::uint32_t>& alive) {
  const auto weight = [&](std::size_t i) { return seconds.empty() ? 1.0 : std::max(seconds[i], 1e-9); };
  double total = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) total += weight(i);

  // Consecutive states go together, cut where the sum of the weights passes a worker's share.
  std::vector<State> states(ids.size());
  double before = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const double middle = before + weight(i) / 2;
    before += weight(i);
    const auto share = static_cast<std::size_t>(middle / total * static_cast<double>(alive.size()));
    states[i].id = ids[i];
    states[i].owner = Worker{alive[std::min(share, alive.size() - 1)]};
    if (!seconds.empty()) states[i].cost = Cost(Seconds(weight(i)));
  }
  return states;
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

std::vector<Copy> resample(StateTable& states, const Settings& settings,
                           std::span<const std::uint32_t> offspring, StateId first) {
  if (offspring.size() != states.size()) throw std::logic_error("scheduler: one offspring count per state");
  std::vector<double> load(states.workers(), 0);
  std::vector<double> bytes(states.workers(), 0);
  std::vector<Shares> shares(states.size());
  std::vector<std::vector<Slot>> parents(states.workers());
  double total = 0;
  for (Slot slot = 0; slot < states.size(); ++slot) {
    shares[slot].kept = offspring[slot];
    if (offspring[slot] == 0) continue;
    const std::uint32_t w = index(states[slot].owner);
    load[w] += offspring[slot] * states.expected(slot);
    bytes[w] += static_cast<double>(offspring[slot]) * states[slot].bytes;
    total += offspring[slot] * states.expected(slot);
    parents[w].push_back(slot);
  }
  const double target = total / static_cast<double>(states.alive().size());

  if (settings.rebalance && total > 0) {
    std::priority_queue<std::pair<double, std::uint32_t>> deficits;
    for (const std::uint32_t w : states.alive())
      if (load[w] < target) deficits.emplace(target - load[w], ~w);  // ~: of equals the lowest worker
    for (std::uint32_t w = 0; w < states.workers(); ++w) {
      // parents with many children first: one transfer serves several of them
      std::stable_sort(parents[w].begin(), parents[w].end(),
                       [&](Slot a, Slot b) { return offspring[a] > offspring[b]; });
      for (const std::uint32_t keep : {1U, 0U}) {  // first the extra copies, then whole families
        for (const Slot slot : parents[w]) {
          const double cost = states.expected(slot);
          while (shares[slot].kept > keep && !deficits.empty() && load[w] - target >= cost / 2) {
            const auto [deficit, inverse] = deficits.top();
            const std::uint32_t to = ~inverse;
            if (load[w] - load[to] <= cost * 1.01) break;  // it would not level
            deficits.pop();
            const double room = room_for(states[slot].bytes, settings.bytes_max - bytes[to]);
            if (room < 1) continue;  // it is full, and gets none of the smaller ones either
            const double fit = std::floor(std::min(load[w] - target, deficit) / cost);
            const auto count = static_cast<std::uint32_t>(
                std::min({std::max(fit, 1.0), static_cast<double>(shares[slot].kept - keep), room}));
            shares[slot].kept -= count;
            shares[slot].sent[Worker{to}] += count;
            load[w] -= count * cost;
            load[to] += count * cost;
            bytes[to] += static_cast<double>(count) * states[slot].bytes;
            if (target > load[to]) deficits.emplace(target - load[to], inverse);
          }
        }
      }
    }
  }

  std::vector<Copy> copies;
  std::vector<State> children;
  std::uint64_t next = value(first);
  for (Slot slot = 0; slot < states.size(); ++slot) {
    const State& parent = states[slot];
    const auto place = [&](Worker to, std::uint32_t count) {
      copies.push_back({slot, parent.owner, to, StateId{next}, count});
      for (std::uint32_t i = 0; i < count; ++i) {
        State child = parent;
        child.id = StateId{next++};
        child.owner = to;
        child.hop = 0;
        child.rounds_done = 0;
        children.push_back(child);
      }
    };
    if (shares[slot].kept > 0) place(parent.owner, shares[slot].kept);
    for (const auto& [to, count] : shares[slot].sent) place(to, count);
  }
  states.replace(std::move(children));
  return copies;
}

}  // namespace rondo::scheduler
