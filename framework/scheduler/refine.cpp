// The placement between two rounds, refined from predicted costs: few states move, and only where a round gets shorter.
//
// Every worker runs its longest states first. So states are looked at in that order, and each stays where it is if its worker
// can do it well before the round's end: then what is left at the end are short ones, which even out by stealing what takes
// longer than predicted. A long one that would start late goes to the worker with least to do before it, as in
// longest-processing-time scheduling.
#include <algorithm>
#include <bit>
#include <map>
#include <numeric>
#include <queue>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {

namespace {

// So many times its own length lie between a state's end and the round's end, where it can stay without a look at others.
constexpr double kRoom = 2;

// The workers' loads, which only grow, and the least of them.
class Loads {
 public:
  Loads(std::size_t workers, const std::vector<std::uint32_t>& alive) : load_(workers, 0) {
    for (const std::uint32_t w : alive) least_.emplace(0, w);
  }
  double operator[](std::uint32_t worker) const { return load_[worker]; }
  void add(std::uint32_t worker, double cost) { load_[worker] += cost; }
  std::uint32_t least() {
    while (least_.top().first < load_[least_.top().second]) {
      const std::uint32_t worker = least_.top().second;
      least_.pop();
      least_.emplace(load_[worker], worker);
    }
    return least_.top().second;
  }

 private:
  using Entry = std::pair<double, std::uint32_t>;  // what was the worker's load at some time
  std::vector<double> load_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> least_;
};

// Longest first, by the first digits of the costs: those that differ by less than a hundredth stay in their order. O(n).
std::vector<Slot> by_length(const std::vector<float>& costs) {
  constexpr unsigned kDigits = 16;  // of a positive float the sign, the exponent and seven bits
  std::vector<std::uint32_t> ends(1U << kDigits, 0);
  const auto key = [&](float cost) {
    return (1U << kDigits) - 1 - (std::bit_cast<std::uint32_t>(cost) >> kDigits);
  };
  for (const float cost : costs) ++ends[key(cost)];
  std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), 0U);
  std::vector<Slot> order(costs.size());
  for (Slot slot = 0; slot < costs.size(); ++slot) order[ends[key(costs[slot])]++] = slot;
  return order;
}

}  // namespace

std::vector<command::Move> Scheduler::refine() {
  if (alive_.size() < 2) return {};
  std::vector<float> costs(states_.size());
  double total = 0;
  for (Slot slot = 0; slot < states_.size(); ++slot)
    total += costs[slot] = static_cast<float>(expected(slot));
  const double mean = total / static_cast<double>(alive_.size());
  const double end = mean + std::max(settings_.tolerance * mean, 2 * settings_.move.latency.count());
  Loads loads(workers_.size(), alive_);
  std::vector<double> bytes(workers_.size());
  for (std::uint32_t w = 0; w < workers_.size(); ++w) bytes[w] = workers_[w].bytes;

  // What is dearer to move than to run stays whatever comes, and runs last.
  const auto transfer = [&](Slot slot) { return settings_.move.of_state(states_[slot].bytes).count(); };
  std::vector<double> fixed(workers_.size(), 0);
  for (Slot slot = 0; slot < states_.size(); ++slot)
    if (costs[slot] <= transfer(slot)) fixed[index(states_[slot].owner)] += costs[slot];
  for (const std::uint32_t w : alive_) loads.add(w, fixed[w]);

  std::map<std::pair<Worker, Worker>, std::vector<Slot>> moves;
  for (const Slot slot : by_length(costs)) {
    if (costs[slot] <= transfer(slot)) continue;
    const State& state = states_[slot];
    const std::uint32_t owner = index(state.owner);
    const double cost = costs[slot], load = loads[owner];
    std::uint32_t to = owner;
    const bool in_time = load + cost <= end;
    if (!in_time || load - fixed[owner] + (1 + kRoom) * cost > end) {
      const std::uint32_t least = loads.least();
      // one that is in time may start as much later than elsewhere as it takes
      const double later = std::max(in_time ? cost : 0, transfer(slot));
      if (load > loads[least] + later && bytes[least] + state.bytes <= settings_.bytes_max) to = least;
    }
    loads.add(to, cost);
    if (to == owner) continue;
    bytes[owner] -= state.bytes;
    bytes[to] += state.bytes;
    moves[{state.owner, Worker{to}}].push_back(slot);
  }
  std::vector<command::Move> commands;
  for (auto& [pair, slots] : moves) {
    for (const Slot slot : slots) own(slot, pair.second, states_[slot].hop + 1);
    commands.push_back({pair.first, pair.second, std::move(slots)});
  }
  return commands;
}

}  // namespace rondo::scheduler
