// Where long states are between two rounds, so that none of them begins late.
//
// Every worker runs its longest states first. So states are looked at in that order, and each stays where it is if its worker
// can do it well before the round's end: then what is left at the end are short ones, which even out by stealing what takes
// longer than predicted. A long one that would start late goes to the worker with least to do before it, as in
// longest-processing-time scheduling.
#include <algorithm>
#include <bit>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>

#include "scheduler/placement.hpp"

namespace rondo::scheduler {

namespace {

// So many times its own length lie between a state's end and the round's end, where it can stay without a look at others.
constexpr double kRoom = 2;
// What a late start costs is a part of what the update may take longer than predicted. A move that takes more of its length
// does not pay.
constexpr double kTransferMost = 0.02;

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

struct Each {
  float cost;
  Slot slot;
  std::uint32_t owner;
  std::uint32_t place;  // among those of its owner
};

// Equal keys stay in their order. O(n).
template <class Key>
std::vector<Each> sorted(const std::vector<Each>& states, std::uint32_t keys, const Key& key) {
  std::vector<std::uint32_t> ends(keys, 0);
  for (const Each& state : states) ++ends[key(state)];
  std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), 0U);
  std::vector<Each> order(states.size());
  for (const Each& state : states) order[ends[key(state)]++] = state;
  return order;
}

// Longest first; those that differ by less than a twentieth by turns of their owners, as they run.
std::vector<Each> by_length(const std::vector<Each>& states) {
  constexpr unsigned kRest = 19;  // bits of a float after its sign, its exponent and the first four
  constexpr std::uint32_t kKeys = 1U << (32 - kRest);
  const auto turn = [](const Each& state) { return std::min(state.place, kKeys - 1); };
  const auto length = [](const Each& state) {
    return kKeys - 1 - (std::bit_cast<std::uint32_t>(state.cost) >> kRest);
  };
  return sorted(sorted(states, kKeys, turn), kKeys, length);
}

}  // namespace

std::vector<std::uint32_t> spread_long(const StateTable& states, const Settings& settings) {
  std::vector<std::uint32_t> place(states.size());
  double total = 0, longest = 0;
  float shortest = std::numeric_limits<float>::infinity();  // of those that may be worth a move
  for (Slot slot = 0; slot < states.size(); ++slot) {
    const double cost = states.expected(slot);
    place[slot] = index(states[slot].owner);
    total += cost;
    longest = std::max(longest, cost);
    if (settings.move.of_state(states[slot].bytes).count() < kTransferMost * cost)
      shortest = std::min(shortest, static_cast<float>(cost));
  }
  // shorter ones come after all that could move
  std::vector<Each> all;
  std::vector<std::uint32_t> count(states.workers(), 0);
  for (Slot slot = 0; slot < states.size(); ++slot) {
    const auto cost = static_cast<float>(states.expected(slot));
    const std::uint32_t turn = count[place[slot]]++;
    if (cost >= shortest) all.push_back({cost, slot, place[slot], turn});
  }
  if (all.empty()) return place;

  // nothing is gained by ending before the longest state does
  const double bound = std::max(total / static_cast<double>(states.alive().size()), longest);
  const double end = bound * (1 + settings.tolerance);
  Loads loads(states.workers(), states.alive());
  std::vector<double> bytes = states.bytes_held();
  for (const auto& [cost, slot, owner, turn] : by_length(all)) {
    const double load = loads[owner];
    if (load + (1 + kRoom) * cost > end &&
        settings.move.of_state(states[slot].bytes).count() < kTransferMost * cost) {
      const std::uint32_t least = loads.least();
      // one that ends in time may start as much later than elsewhere as it takes
      const double later = load + cost <= end ? cost : 0;
      if (load > loads[least] + later && bytes[least] + states[slot].bytes <= settings.bytes_max) {
        place[slot] = least;
        bytes[owner] -= states[slot].bytes;
        bytes[least] += states[slot].bytes;
      }
    }
    loads.add(place[slot], cost);
  }
  return place;
}

}  // namespace rondo::scheduler
