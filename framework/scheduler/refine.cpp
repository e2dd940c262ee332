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
#include <utility>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {

namespace {

// So many times its own length lie between a state's end and the round's end, where it can stay without a look at others.
constexpr double kRoom = 2;

// The workers' loads, which only grow, and the least of them.
class Loads {
 public:
  Loads(std::vector<double> load, const std::vector<std::uint32_t>& alive) : load_(std::move(load)) {
    for (const std::uint32_t w : alive) least_.emplace(load_[w], w);
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

struct Movable {
  float cost;
  Slot slot;
  std::uint32_t owner;
  std::uint32_t place;  // among those of its owner
};

// Equal keys stay in their order. O(n).
template <class Key>
std::vector<Movable> sorted(const std::vector<Movable>& states, std::uint32_t keys, const Key& key) {
  std::vector<std::uint32_t> ends(keys, 0);
  for (const Movable& state : states) ++ends[key(state)];
  std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), 0U);
  std::vector<Movable> order(states.size());
  for (const Movable& state : states) order[ends[key(state)]++] = state;
  return order;
}

// Longest first; those that differ by less than a twentieth by turns of their owners, as they run.
std::vector<Movable> by_length(const std::vector<Movable>& states) {
  constexpr unsigned kRest = 19;  // bits of a float after its sign, its exponent and the first four
  constexpr std::uint32_t kKeys = 1U << (32 - kRest);
  const auto turn = [](const Movable& state) { return std::min(state.place, kKeys - 1); };
  const auto length = [](const Movable& state) {
    return kKeys - 1 - (std::bit_cast<std::uint32_t>(state.cost) >> kRest);
  };
  return sorted(sorted(states, kKeys, turn), kKeys, length);
}

}  // namespace

std::vector<command::Move> Scheduler::refine() {
  if (alive_.size() < 2) return {};
  const auto transfer = [&](Slot slot) { return settings_.move.of_state(states_[slot].bytes).count(); };
  // What is dearer to move than to run stays whatever comes, and runs last.
  std::vector<double> fixed(workers_.size(), 0);
  std::vector<Movable> movable;
  std::vector<std::uint32_t> count(workers_.size(), 0);
  movable.reserve(states_.size());
  double total = 0;
  for (Slot slot = 0; slot < states_.size(); ++slot) {
    const double cost = expected(slot);
    const std::uint32_t owner = index(states_[slot].owner);
    total += cost;
    if (cost > transfer(slot)) {
      movable.push_back({static_cast<float>(cost), slot, owner, count[owner]++});
    } else {
      fixed[owner] += cost;
    }
  }
  const double mean = total / static_cast<double>(alive_.size());
  const double end = mean + std::max(settings_.tolerance * mean, 2 * settings_.move.latency.count());
  Loads loads(fixed, alive_);
  std::vector<double> bytes(workers_.size());
  for (std::uint32_t w = 0; w < workers_.size(); ++w) bytes[w] = workers_[w].bytes;

  std::map<std::pair<Worker, Worker>, std::vector<Slot>> moves;
  for (const auto& [cost, slot, owner, place] : by_length(movable)) {
    const double load = loads[owner];
    std::uint32_t to = owner;
    const bool in_time = load + cost <= end;
    if (!in_time || load - fixed[owner] + (1 + kRoom) * cost > end) {
      const std::uint32_t least = loads.least();
      // one that is in time may start as much later than elsewhere as it takes
      const double later = in_time ? cost : transfer(slot);
      if (load > loads[least] + later && bytes[least] + states_[slot].bytes <= settings_.bytes_max)
        to = least;
    }
    loads.add(to, cost);
    if (to == owner) continue;
    bytes[owner] -= states_[slot].bytes;
    bytes[to] += states_[slot].bytes;
    moves[{Worker{owner}, Worker{to}}].push_back(slot);
  }
  std::vector<command::Move> commands;
  for (auto& [pair, slots] : moves) {
    for (const Slot slot : slots) own(slot, pair.second, states_[slot].hop + 1);
    commands.push_back({pair.first, pair.second, std::move(slots)});
  }
  return commands;
}

}  // namespace rondo::scheduler
