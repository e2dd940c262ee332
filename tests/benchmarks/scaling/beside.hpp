// The constants of crowded() that drift, measured in two seconds, beside real runs of the reference workload that a simulation
// is to be held against. No round of updates is measured, and nothing is fitted to one.
#pragma once

#include <cstddef>
#include <span>

#include "simulation/machine.hpp"

namespace beside {

// Before and after real runs with so many workers; on no other thread, as it forks.
//
//   pass, nap  so many processes, and no fewer than four for each core, do nothing else, so that no core ever rests: all that a
//              core does by what has been done, with what its switches and caches take
//   rested     one process at each core, which does nothing else: how much longer a pass and a sleep of 0.1 to 10 ms take
//              than they would if the core had not rested
[[nodiscard]] rondo::simulation::Drifting measure(std::size_t workers);

// Each constant's median.
[[nodiscard]] rondo::simulation::Drifting median(std::span<const rondo::simulation::Drifting> measured);

}  // namespace beside
