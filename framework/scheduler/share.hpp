// Which unstarted states a worker with much to do gives to one with little.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "scheduler/types.hpp"

namespace rondo::scheduler {

// What a thief says of itself when it asks.
struct Appetite {
  Seconds left;      // predicted work it still has
  double bytes_max;  // memory it can still take
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
// move first, each only if the later of the two workers ends earlier by it, and if the move pays. The thief gets about half of
// the difference. Empty if nothing pays. O(n + chosen log n) where all are alike, O(n log n) in the worst case.
inline std::vector<std::uint32_t> share(std::vector<Portion> portions, Seconds victim_left,
                                        const Appetite& thief, const MoveCost& move) {
  const auto transfer = [&](const Portion& p) { return move.of_state(p.bytes).count(); };
  std::erase_if(portions, [&](const Portion& p) { return !move.pays(p.work, p.bytes); });
  const auto later = [&](const Portion& a, const Portion& b) {
    const double left = a.work * transfer(b), right = b.work * transfer(a);
    return left != right ? left < right : a.slot > b.slot;
  };
  double mine = victim_left.count();
  // what is on its way delays the thief only where it has nothing else to do
  double theirs = std::max(thief.left, move.latency).count();
  double memory = thief.bytes_max;
  double least = kNever.count();
  for (const Portion& portion : portions) least = std::min(least, transfer(portion) + portion.work);
  std::vector<std::uint32_t> chosen;
  std::make_heap(portions.begin(), portions.end(), later);
  while (!portions.empty() && theirs + least < mine) {
    const Portion& portion = portions.front();
    const double after = theirs + transfer(portion) + portion.work;
    if (after < mine && portion.bytes <= memory) {
      theirs = after;
      mine -= portion.work;
      memory -= portion.bytes;
      chosen.push_back(portion.position);
    }
    std::pop_heap(portions.begin(), portions.end(), later);
    portions.pop_back();
  }
  return chosen;
}

}  // namespace rondo::scheduler
