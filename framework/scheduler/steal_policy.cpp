#include "scheduler/steal_policy.hpp"

#include <algorithm>

namespace rondo::scheduler {

StealChoice steal_from_latest(const StealView& view, const Thief& thief) {
  const Seconds least = least_difference(view.latency);
  // what the first giver has too little for pays for no other thief: all others have more left
  NoSteal none = NoSteal::kForAnyThief;
  for (const auto& [key, number] : view.givers) {
    const Worker victim{number};
    const WorkerLoad& load = view.loads[number];
    if (Seconds(-key) - view.now <= thief.left) return none;
    if (victim != thief.worker) {
      const Seconds difference = load.finish + Seconds(load.waiting_work) - view.now - thief.left;
      if (difference <= least) return none;
      // what is little work pays only while the victim is busy with what it has
      const bool busy = load.finish - view.now > thief.left + least;
      if (load.waiting_offer.count > 0 || (busy && !load.waiting.empty()))
        return Steal{victim, StealFrom::kWaiting, {thief.left, thief.bytes_max}};
      if (load.ready > 0) {
        const StealRequest request{std::max(thief.left, view.latency), thief.bytes_max};
        return Steal{victim, StealFrom::kAssigned, request, difference / 2};
      }
    }
    none = NoSteal::kForThisThief;
  }
  return none;
}

}  // namespace rondo::scheduler
