// Which unstarted states a worker with much to do gives to one with little.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "scheduler/types.hpp"

namespace rondo::scheduler {

// What a thief says of itself when it asks.
struct Appetite {
  Seconds left;      // predicted work it still has
  double bytes_max;  // memory it can still take
};

// A state that could go.
struct Portion {
  std::uint32_t position;  // the caller's name for it
  Slot slot;               // breaks ties
  double work;             // predicted seconds in the rounds that are open
  double bytes;
};

// The positions of the states to give, in the order in which they should go: best ratio of time to the cost of the
// move first, each only if the later of the two workers ends earlier by it, and if it is more work than packing and copying
// it, which take time of both. The thief gets about half of the difference. Empty if nothing pays. O(n log n).
inline std::vector<std::uint32_t> share(std::vector<Portion> portions, Seconds victim_left,
                                        const Appetite& thief, const MoveCost& move) {
  const auto transfer = [&](const Portion& p) { return move.of_state(p.bytes).count(); };
  std::sort(portions.begin(), portions.end(), [&](const Portion& a, const Portion& b) {
    const double left = a.work * transfer(b), right = b.work * transfer(a);
    return left != right ? left > right : a.slot < b.slot;
  });
  double mine = victim_left.count();
  // what is on its way delays the thief only where it has nothing else to do
  double theirs = std::max(thief.left, move.latency).count();
  double memory = thief.bytes_max;
  std::vector<std::uint32_t> chosen;
  for (const Portion& portion : portions) {
    const double after = theirs + transfer(portion) + portion.work;
    const bool pays = after < mine && portion.work > (move.per_byte * portion.bytes).count();
    if (!pays || portion.bytes > memory) continue;
    theirs = after;
    mine -= portion.work;
    memory -= portion.bytes;
    chosen.push_back(portion.position);
  }
  return chosen;
}

}  // namespace rondo::scheduler
