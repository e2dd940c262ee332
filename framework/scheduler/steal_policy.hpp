// From which worker a hungry worker gets states: the decision of rank 0 in a steal.
//
// A policy is a function without a memory. It sees what the workers have left and says from whom to take; the running call then
// does it. A policy can make a call slow, and it cannot make it wrong: every state does its rounds whatever the policy says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "scheduler/share.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

/// Workers by a key; the least key first, of equal ones the lowest worker.
using Ranking = std::set<std::pair<double, std::uint32_t>>;

/// What a worker has left in the running call, as rank 0 knows it.
struct WorkerLoad {
  Time finish{0};             // predicted end of what is assigned to it
  std::size_t ready = 0;      // assigned states that a thief could get from it
  Seconds smallest = kNever;  // of these the least work with its move
  std::vector<Slot> waiting;  // its states that are not yet assigned; the next one last
  double waiting_work = 0;    // predicted seconds of these
  Offer waiting_offer;        // what a thief could get of these
};

struct StealView {
  Time now;
  Seconds latency;                    // from asking a victim to its answer, learned
  std::span<const WorkerLoad> loads;  // by worker
  /// The workers that have states to give. The key is -(predicted end of all that the worker has, less the smallest of its states).
  const Ranking& givers;
};

struct Thief {
  Worker worker;
  Seconds left;      // predicted work that it still has
  double bytes_max;  // memory that it can still take
};

enum class StealFrom {
  kWaiting,  // rank 0 takes states whose jobs are not assigned yet; the victim is not asked
  kAssigned  // the victim is asked, and picks unstarted states
};

struct Steal {
  Worker victim;
  StealFrom from;
  StealRequest request;
  Seconds relief{
      0};  // kAssigned: the victim is taken to end earlier by so much, so that the next thief looks elsewhere
};

enum class NoSteal {
  kForThisThief,
  kForAnyThief  // nor for thieves that have more left; they are not looked at
};

using StealChoice = std::variant<Steal, NoSteal>;

/// The victim is one of the givers, and not the thief; it has states of the kind that the policy names. The running call throws
/// logic_error for anything else. Called for the hungry workers in the order of their predicted ends.
using StealPolicy = StealChoice(const StealView& view, const Thief& thief);

/// The policy of Rondo: from the worker with the latest end that has something to give, about half of the difference.
/// O(1) where nobody has enough.
StealPolicy steal_from_latest;

}  // namespace rondo::scheduler
