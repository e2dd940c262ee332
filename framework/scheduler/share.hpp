// Which unstarted states a worker with much to do gives to one with little.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "scheduler/types.hpp"

namespace rondo::scheduler {

// What a thief says of itself when it asks.
struct Appetite {
  Seconds left;      // predicted work it still has
  double bytes_max;  // memory it can still take
  // What may leave the victim at a time: packed states wait in its memory. A bigger one may go alone.
  double at_once = std::numeric_limits<double>::infinity();
};

// What a thief could get of a worker.
struct Offer {
  std::size_t count = 0;  // states that are more work than their move
  Seconds smallest =
      kNever;  // of these the least work with its move: a thief that ends no earlier by so much gets none
};

// A state that could go.
struct Portion {
  std::uint32_t position;  // the caller's name for it
  Slot slot;               // breaks ties
  double work;             // predicted seconds in the rounds that are open
  double bytes;
};

// The positions of the states to give, in the order in which they should go: best ratio of time to the cost of the
// move first, each only if the later of the two workers ends earlier by it, and if the move pays. For `stuck` seconds the victim
// starts nothing, as it is inside an update: what the thief ends before that pays, however little work it is. The thief gets about
// half of the difference. Empty if nothing pays. O(n + chosen log n) where all are alike, O(n log n) in the worst case.
inline std::vector<std::uint32_t> share(std::vector<Portion> portions, Seconds victim_left,
                                        const Appetite& thief, const MoveCost& move,
                                        Seconds stuck = Seconds(0)) {
  const auto transfer = [&](const Portion& p) { return move.of_state(p.bytes).count(); };
  // what is on its way delays the thief only where it has nothing else to do
  double theirs = std::max(thief.left, move.latency).count();
  if (theirs >= stuck.count())
    std::erase_if(portions, [&](const Portion& p) { return !move.pays(p.work, p.bytes); });
  const auto later = [&](const Portion& a, const Portion& b) {
    const double left = a.work * transfer(b), right = b.work * transfer(a);
    return left != right ? left < right : a.slot > b.slot;
  };
  double mine = victim_left.count();
  double memory = thief.bytes_max, leaving = 0;
  double least = kNever.count();
  for (const Portion& portion : portions) least = std::min(least, transfer(portion) + portion.work);
  std::vector<std::uint32_t> chosen;
  std::make_heap(portions.begin(), portions.end(), later);
  while (!portions.empty()) {
    const Portion& portion = portions.front();
    const double before = move.pays(portion.work, portion.bytes) ? mine : std::min(mine, stuck.count());
    if (theirs + least >= before) break;
    const double after = theirs + transfer(portion) + portion.work;
    if (!chosen.empty() && leaving + portion.bytes > thief.at_once) break;
    if (after < before && portion.bytes <= memory) {
      theirs = after;
      mine -= portion.work;
      memory -= portion.bytes;
      leaving += portion.bytes;
      chosen.push_back(portion.position);
    }
    std::pop_heap(portions.begin(), portions.end(), later);
    portions.pop_back();
  }
  return chosen;
}

}  // namespace rondo::scheduler
