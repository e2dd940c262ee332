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
struct StealRequest {
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
struct Candidate {
  std::uint32_t position;  // the caller's name for it
  Slot slot;               // breaks ties
  double work;             // predicted seconds in the rounds that are open
  double bytes;
};

// The positions of the states to give, in the order in which they should go: best ratio of time to the cost of the
// move first, each only if the later of the two workers ends earlier by it, and if the move pays. For `stuck` seconds the victim
// starts nothing, as it is inside an update: what the thief ends before that pays, however little work it is. The thief gets about
// half of the difference. Empty if nothing pays. O(n + chosen log n) where all are alike, O(n log n) in the worst case.
inline std::vector<std::uint32_t> share(std::vector<Candidate> candidates, Seconds victim_left,
                                        const StealRequest& thief, const MoveCost& move,
                                        Seconds stuck = Seconds(0)) {
  const auto transfer = [&](const Candidate& p) { return move.of_state(p.bytes).count(); };
  // what is on its way delays the thief only where it has nothing else to do
  double theirs = std::max(thief.left, move.latency).count();
  if (theirs >= stuck.count())
    std::erase_if(candidates, [&](const Candidate& p) { return !move.pays(p.work, p.bytes); });
  const auto later = [&](const Candidate& a, const Candidate& b) {
    const double left = a.work * transfer(b), right = b.work * transfer(a);
    return left != right ? left < right : a.slot > b.slot;
  };
  double mine = victim_left.count();
  double memory = thief.bytes_max, leaving = 0;
  double least = kNever.count();
  for (const Candidate& candidate : candidates) least = std::min(least, transfer(candidate) + candidate.work);
  std::vector<std::uint32_t> chosen;
  std::make_heap(candidates.begin(), candidates.end(), later);
  while (!candidates.empty()) {
    const Candidate& candidate = candidates.front();
    const double before = move.pays(candidate.work, candidate.bytes) ? mine : std::min(mine, stuck.count());
    if (theirs + least >= before) break;
    const double after = theirs + transfer(candidate) + candidate.work;
    if (!chosen.empty() && leaving + candidate.bytes > thief.at_once) break;
    if (after < before && candidate.bytes <= memory) {
      theirs = after;
      mine -= candidate.work;
      memory -= candidate.bytes;
      leaving += candidate.bytes;
      chosen.push_back(candidate.position);
    }
    std::pop_heap(candidates.begin(), candidates.end(), later);
    candidates.pop_back();
  }
  return chosen;
}

}  // namespace rondo::scheduler
