// The begin and the end of MPI in this process, and how the process ends if it cannot end MPI in order.
//
// Several runs may follow each other in one process, but MPI starts and ends only once in it: it is finalised when the process
// exits. Rank 0 leaves its exit status in the marker (--rondo-marker) on every way out.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <boost/mpi/communicator.hpp>

#include "engine/options.hpp"
#include "engine/vigil.hpp"

namespace rondo::mpi {

// What the end of this process has to know of its last run.
struct Ending {
  int rank = 0;
  std::string marker;                      // --rondo-marker
  std::vector<pid_t> companions;           // on rank 0: the other ranks of its node, if ranks may be lost
  bool running = false;                    // inside a run on ranks
  bool lost_ranks = false;                 // MPI cannot end in order any more
  std::optional<engine::Options> options;  // empty: no run has begun
};
[[nodiscard]] Ending& ending();

// Initialises MPI, and finalises it when the process exits.
void start_mpi();
// Whether start_mpi() did.
[[nodiscard]] bool started_mpi();

// Tells the end of the process of the run that begins. Collective.
void prepare_ending(const boost::mpi::communicator& communicator, const engine::Options& options);

// All ranks have met: from now on rank 0 notices by itself if one of them is gone. Marks that.
void mark_begin();
// On rank 0: leaves the status in the marker.
void mark(int status);

// Leaves without MPI_Finalize, which would wait for ranks that are gone; rank 0 last, so that the launcher's status is its.
[[noreturn]] void leave(int status);
// The same of a worker that has not heard of rank 0 for long; mpirun sees rank 0 live, and would wait for it.
[[noreturn]] void leave_orphaned(int status);

[[nodiscard]] engine::Vigil::Limits limits_of(int rank, const engine::Options& options);

}  // namespace rondo::mpi
