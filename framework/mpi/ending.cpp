#include "mpi/ending.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include <boost/mpi/collectives.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/serialization/utility.hpp>

#include "engine/build.hpp"
#include "engine/crash_line.hpp"
#include "engine/host.hpp"
#include "engine/marker.hpp"
#include "engine/signals.hpp"
#include "engine/watchdog.hpp"
#include "mpi/check.hpp"

namespace rondo::mpi {

namespace {

// Null if MPI was not started here. Deleted when the process exits, but not by a forked child.
boost::mpi::environment* environment = nullptr;
pid_t process = 0;  // the process that has started MPI

// The program ends the process in the middle of a run.
void end_inside_run(const char* what, int status) {
  engine::CrashMark::tell_exit(what);
  engine::flush_output();
  const bool recovers = ending().options && ending().options->recover;
  // a lost worker; of those that abort mpirun bears half of all
  if (recovers && ending().rank != 0) leave(status != EXIT_SUCCESS ? status : EXIT_FAILURE);
  mark(EXIT_FAILURE);
  boost::mpi::environment::abort(EXIT_FAILURE);
}

void finalise() { delete std::exchange(environment, nullptr); }

void finalise_at_exit(int status, void*) {
  if (getpid() != process || boost::mpi::environment::finalized()) return;
  if (ending().running) end_inside_run("exit()", status);
  if (ending().lost_ranks) leave(status);
  // mpirun kills all ranks as soon as one has exited with a status that is not 0: the output must have been written before
  engine::flush_output();
  mark(status);
  if (!ending().options) return finalise();
  engine::Vigil::Limits limits = limits_of(ending().rank, *ending().options);
  limits.signals = false;  // they do again what they did before the run
  engine::Watchdog watchdog(limits, nullptr);
  watchdog.set_rank(Rank{ending().rank}, limits);
  watchdog.main_has_ended(status);
  const engine::Doing doing(&watchdog, "MPI_Finalize");
  finalise();
}

}  // namespace

Ending& ending() {
  static Ending* const the = new Ending;  // lives until the process has ended
  return *the;
}

void start_mpi() {
  environment = new boost::mpi::environment(boost::mpi::threading::funneled, false);
  // Boost.MPI has changed it, and the program's own calls may not look at what they return
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL), "MPI_Comm_set_errhandler");
  process = getpid();
  on_exit(finalise_at_exit, nullptr);
  std::at_quick_exit([] {
    if (ending().running && getpid() == process) end_inside_run("quick_exit()", EXIT_SUCCESS);
  });
}

bool started_mpi() { return environment != nullptr; }

void prepare_ending(const boost::mpi::communicator& communicator, const engine::Options& options) {
  ending().rank = communicator.rank();
  ending().options = options;
  // the same on all ranks: their own may be relative to other folders
  ending().marker = options.marker;
  boost::mpi::broadcast(communicator, ending().marker, 0);
  if (!options.recover) return;
  const std::pair mine(engine::node_name(), std::int64_t{getpid()});
  std::vector<std::pair<std::string, std::int64_t>> all;
  boost::mpi::all_gather(communicator, mine, all);
  ending().companions.clear();
  for (const auto& [node, other] : all)
    if (node == mine.first && other != mine.second) ending().companions.push_back(static_cast<pid_t>(other));
}

void mark_begin() {
  if (ending().rank == 0 && !ending().marker.empty())
    engine::leave_marker(ending().marker + engine::kMarkerBegun,
                         engine::node_name() + " " + std::to_string(getpid()));
}

void mark(int status) {
  if (ending().rank != 0 || ending().marker.empty()) return;
  const bool is_lost = status == EXIT_SUCCESS && engine::is_output_lost();
  engine::leave_marker(ending().marker, std::to_string(is_lost ? EXIT_FAILURE : status));
}

void leave(int status) {
  engine::flush_output();
  mark(status);
  constexpr int kTries = 300;
  const auto is_there = [](pid_t other) { return kill(other, 0) == 0; };
  for (int i = 0; i < kTries && ending().rank == 0; ++i) {
    if (std::none_of(ending().companions.begin(), ending().companions.end(), is_there)) break;
    usleep(10'000);
  }
  _exit(status);
}

void leave_orphaned(int status) {
  if (!ending().marker.empty())
    engine::leave_marker(ending().marker + engine::kMarkerOrphaned, std::to_string(ending().rank));
  leave(status);
}

engine::Vigil::Limits limits_of(int rank, const engine::Options& options) {
  return rank == 0 ? engine::Vigil::limits_of_master(options) : engine::Vigil::limits_of_worker(options);
}

}  // namespace rondo::mpi
