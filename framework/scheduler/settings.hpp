// What a run asks of its scheduler. It stays as it is for the whole run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "scheduler/steal_policy.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

struct Settings {
  std::uint32_t workers = 1;
  bool rebalance = true;  // off: states stay where they were placed
  std::size_t batch = 0;  // states per assignment; 0: a worker's whole part
  MoveCost move;
  double bytes_max = std::numeric_limits<double>::infinity();  // of states, per worker
  /// A refinement between rounds may leave this much imbalance, as a share of the mean: stealing mends it for less.
  double tolerance = 0.06;
  /// Each call brings some of the states to other workers, whether that pays or not. For --rondo-check.
  bool rotate = false;
  /// From which worker a hungry one gets states.
  StealPolicy* steal = steal_from_latest;
};

}  // namespace rondo::scheduler
