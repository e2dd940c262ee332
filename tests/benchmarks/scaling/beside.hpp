// The constants of crowded() that drift, measured in two seconds, beside real runs of the reference workload that a simulation
// is to be held against. No round of updates is measured, and nothing is fitted to one.
#pragma once

#include <cstddef>
#include <span>

#include "simulation/machine.hpp"

namespace beside {

// Before and after real runs with so many workers. On a process's only thread, as it forks.
//
//   message    as many ranks as there are workers, and no fewer than eight for each core, send one another messages of 1 kB,
//              and pass over a state before each (crowding.cpp), so that no core ever rests, nor any cache has what
//              is needed next: half of what a core does by the messages that have come, without the passes
//   waiting    all of them wait, and nobody sends: processor time of one of them, by its clock
//   pass, nap  as many processes do nothing but pass over a state and sleep for a moment: all that a core does by what has been
//              done, with what switches and caches take; the pass by its thread's clock, the rest is the nap's
//   rested     one process at each core, which sleeps for 0.1 to 10 ms: by how much longer that takes
[[nodiscard]] rondo::simulation::Drifting measure(std::size_t workers);

// Each constant's median.
[[nodiscard]] rondo::simulation::Drifting median(std::span<const rondo::simulation::Drifting> measured);

}  // namespace beside
