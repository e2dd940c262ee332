// The begin and the end of MPI in this process, and how the process ends if it cannot end MPI in order.
//
// Several runs may follow each other in one process, but MPI can start and end only once: it is finalised when the process
// exits. However the process ends, rank 0 writes its exit status into the marker (--rondo-marker).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include <boost/mpi/communicator.hpp>

#include "engine/options.hpp"
#include "engine/vigil.hpp"

namespace rondo::mpi {

// The facts about the last run that are needed at the end of this process.
struct Ending {
  int rank = 0;
  std::string marker;                      // --rondo-marker
  std::vector<pid_t> companions;           // on rank 0, if ranks may be lost: the other ranks of its node
  bool running = false;                    // whether a run on ranks is under way
  bool lost_ranks = false;                 // whether ranks are lost, so that MPI_Finalize would not return
  std::optional<engine::Options> options;  // empty: no run has begun
};
[[nodiscard]] Ending& ending();

// Initialises MPI, and finalises it when the process exits.
void start_mpi();
// Whether start_mpi() has initialised MPI.
[[nodiscard]] bool started_mpi();

// Records the facts about the run that begins. Collective.
void prepare_ending(const boost::mpi::communicator& communicator, const engine::Options& options);

// Writes into the marker that all ranks have met. From then on rank 0 notices by itself if a rank is lost.
void mark_begin();
// On rank 0, writes the status into the marker.
void mark(int status);

// Exits without MPI_Finalize, which would wait for lost ranks. Rank 0 exits last, so that the launcher returns its status.
[[noreturn]] void leave(int status);
// Ends a worker that has received no message from rank 0 for too long. To mpirun rank 0 is alive, so it would wait for it.
[[noreturn]] void leave_orphaned(int status);

[[nodiscard]] engine::Vigil::Limits limits_of(int rank, const engine::Options& options);

}  // namespace rondo::mpi
