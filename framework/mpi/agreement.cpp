#include "mpi/agreement.hpp"

#include <climits>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <string_view>

#include <boost/mpi/collectives.hpp>
#include <boost/mpi/operations.hpp>

#include <rondo/error.hpp>

#include "engine/log.hpp"
#include "engine/options.hpp"
#include "engine/session.hpp"

namespace rondo::mpi {

namespace {

// The reason to refuse the run if --rondo-recover is set on some ranks only: they would wait for each other. Collective.
std::string differing_recovery(const boost::mpi::communicator& communicator, const engine::Options* options) {
  const int recover = options != nullptr && options->recover ? 1 : 0;
  const int least = boost::mpi::all_reduce(communicator, recover, boost::mpi::minimum<int>());
  const int most = boost::mpi::all_reduce(communicator, recover, boost::mpi::maximum<int>());
  if (least == most) return "";
  const std::string name = options != nullptr ? options->written("recover") : "--rondo-recover";
  return engine::describe(
      Rank{communicator.rank()},
      OptionError(name + ": need the same on all ranks; a variable reaches those of other hosts by "
                         "mpirun -x RONDO_RECOVER"));
}

// Open MPI's launcher tells its ranks whether the others continue when one dies.
bool survivors_live() {
  const char* const enabled = std::getenv("OMPI_MCA_orte_enable_recovery");
  return enabled != nullptr && std::string_view(enabled) != "0";
}

// Why the run cannot be, if ranks are to live on that would wait for the lost ones. Prints a line if ranks are to recover and
// cannot.
std::string unfit_launcher(const engine::Options& options) {
  const std::string name = options.written("recover");
  if (options.recover && !survivors_live())
    engine::standard_error().tell(name,
                                  " is ignored: the launcher ends all ranks when one dies; start with "
                                  "slurm/rondo-run in the place of mpirun");
  if (options.recover || !survivors_live()) return "";
  return engine::describe(
      kMaster,
      OptionError(
          name + ": need on under mpirun --enable-recovery (or slurm/rondo-run): without it the others would "
                 "wait for a rank that dies"));
}

}  // namespace

bool agree_on_options(const boost::mpi::communicator& communicator, engine::Beginning& beginning) {
  const int rank = communicator.rank();
  if (rank == 0) beginning.resolve_paths();
  if (rank == 0) std::cout << beginning.help() << std::flush;
  const int first =
      boost::mpi::all_reduce(communicator, beginning.error() ? rank : INT_MAX, boost::mpi::minimum<int>());
  if (rank == first) engine::standard_error().tell(engine::describe(Rank{rank}, *beginning.error()));
  if (first != INT_MAX) return false;
  const engine::Options* const options = beginning.options();
  std::string refusal = differing_recovery(communicator, options);
  if (refusal.empty() && rank == 0 && options != nullptr) refusal = unfit_launcher(*options);
  bool failed = !refusal.empty();
  if (failed && rank == 0) engine::standard_error().tell(refusal);
  boost::mpi::broadcast(communicator, failed, 0);
  return !failed;
}

}  // namespace rondo::mpi
