// The start and the end of a run under MPI.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/mpi/exception.hpp>

#include <rondo/detail/run.hpp>
#include <rondo/error.hpp>

#include "checkpoint/posix_storage.hpp"
#include "engine/beginning.hpp"
#include "engine/freed_memory.hpp"
#include "engine/log.hpp"
#include "engine/options.hpp"
#include "engine/session.hpp"
#include "mpi/agreement.hpp"
#include "mpi/check.hpp"
#include "mpi/ending.hpp"
#include "mpi/mpi_transport.hpp"

namespace rondo {

namespace mpi {
namespace {

// The name and the version of the MPI that this program was built with. May be called before MPI_Init.
std::string library_name() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  std::string name(text.data(), static_cast<std::size_t>(length));
  name.resize(std::min(name.find_first_of(",\n"), name.size()));
  std::replace(name.begin(), name.end(), '\t', ' ');
  return name;
}

int refuse_to_run_alone(const engine::Launch& launch) {
  if (launch.tells) engine::standard_error().tell(engine::cut_off(launch, library_name()));
  return EXIT_FAILURE;
}

// Called when the rank is known.
void watch_as(int rank, engine::Beginning& beginning) {
  const engine::Options& options = *beginning.options();
  engine::Watchdog& watchdog = *beginning.watchdog();
  watchdog.set_rank(Rank{rank}, limits_of(rank, options));
  if (rank == 0) return;  // the master says by when it leaves
  constexpr double kMasterFirst = 2;
  const engine::Walltime walltime = engine::read_walltime(options, transport::steady_now().count());
  watchdog.leave_by(walltime.last_moment() + kMasterFirst, engine::kRequeueStatus, walltime.source);
}

// Prints which options of rank 0 have no effect because a launcher has started the ranks.
void tell_of_ignored(const engine::Options& options, int size) {
  if (!options.workers) return;
  const int workers = size - (options.master_works ? 0 : 1);
  engine::standard_error().tell(options.written("workers"), "=", *options.workers,
                                " is ignored: the launcher has started ", size, " ranks, of which ", workers,
                                workers == 1 ? " is a worker" : " are workers");
}

// A run whose ranks have met, on two ranks or more.
int run_rank(const boost::mpi::communicator& communicator, const engine::Host& host,
             const engine::Options& options, const detail::Program& program, const detail::Main& main) {
  const Rank rank{communicator.rank()};
  ending().running = true;
  engine::keep_freed_memory();
  int status = EXIT_FAILURE;
  MpiTransport transport(communicator);
  mark_begin();
  try {
    if (rank == kMaster) {
      status = engine::run_master(transport, host, program, options, main);
    } else {
      const engine::Doing doing(host.watchdog, "messages", false);
      status = engine::run_worker(transport, host, program);
      host.watchdog->main_has_ended(status);
    }
    (void)host.watchdog->here({"the end of the ranks' meeting", true});
  } catch (const MismatchError& error) {
    host.log.tell(engine::describe(rank, error));
  } catch (...) {
    // The others wait for this rank: end them all, at once and by name. Here, where the transport still lives: its
    // destructor would wait for them.
    host.log.tell(engine::describe(rank));
    host.abort(EXIT_FAILURE);
  }
  ending().running = false;
  ending().lost_ranks = transport.bereft();
  // the program would end MPI itself, and never return from that
  if (ending().lost_ranks && !started_mpi()) leave(status);
  return status;
}

int run_ranks(const boost::mpi::communicator& communicator, engine::Beginning& beginning,
              const detail::Program& program, const detail::Main& main) {
  if (ending().running) {  // the other ranks serve the outer run and would never hear of this one
    engine::standard_error().tell("rank 0: run() inside the main of another run: runs follow each other");
    return EXIT_FAILURE;
  }
  if (ending().lost_ranks) {
    engine::standard_error().tell("rank ", ending().rank, ": no further run() after one that has lost ranks");
    return EXIT_FAILURE;
  }
  const auto seen = static_cast<std::uint64_t>(boost::mpi::communicator().size());
  if (engine::is_cut_off(beginning.launch(), seen)) return refuse_to_run_alone(beginning.launch());
  const engine::Doing meeting(beginning.watchdog(), "the meeting of all ranks");
  if (!agree_on_options(communicator, beginning)) return EXIT_FAILURE;
  if (beginning.options() == nullptr) return EXIT_SUCCESS;
  const engine::Options& options = *beginning.options();
  watch_as(communicator.rank(), beginning);
  checkpoint::PosixStorage storage;
  prepare_ending(communicator, options);
  // where ranks may be lost MPI_Abort ends only the one that calls it
  const engine::Host host{storage,
                          options.recover ? [](int status) { leave(status); }
                                          : [](int status) { boost::mpi::environment::abort(status); },
                          options.recover ? [](int status) { leave(status); } : [](int) {},
                          options.recover ? leave_orphaned : nullptr, beginning.watchdog()};
  if (communicator.size() == 1) {
    mark_begin();
    return engine::run_threads(host, program, options, main);
  }
  if (communicator.rank() == 0) tell_of_ignored(options, communicator.size());
  return run_rank(communicator, host, options, program, main);
}

// The same, at the edge of the program: an error of MPI before the ranks have met is printed like the engine's errors.
int run_on(MPI_Comm communicator, engine::Beginning& beginning, const detail::Program& program,
           const detail::Main& main) {
  try {
    return run_ranks(boost::mpi::communicator(communicator, boost::mpi::comm_attach), beginning, program,
                     main);
  } catch (const boost::mpi::exception& error) {
    engine::standard_error().tell(engine::describe(Rank{ending().rank}, MpiError(error.what())));
  } catch (const MpiError& error) {
    engine::standard_error().tell(engine::describe(Rank{ending().rank}, error));
  }
  boost::mpi::environment::abort(EXIT_FAILURE);  // the others wait for this rank
  return EXIT_FAILURE;
}

}  // namespace
}  // namespace mpi

namespace detail {

int run_program(int& argc, char** argv, const Program& program, const Main& main, const Options& options) {
  engine::Beginning beginning(argc, argv, mpi::mark, options);
  const engine::Launch& launch = beginning.launch();
  if (beginning.options() != nullptr && beginning.options()->alone)
    return engine::run_alone(beginning, program, main);
  if (!boost::mpi::environment::initialized()) {
    // MPI_Init takes a third of a second, and is not needed for threads; without a way to the others it would only tell of that
    if (!launch.connects && engine::is_cut_off(launch, 1)) return mpi::refuse_to_run_alone(launch);
    if (!launch.connects) return engine::run_alone(beginning, program, main);
    const engine::Doing doing(beginning.watchdog(), "MPI_Init");
    mpi::start_mpi();
  }
  return mpi::run_on(MPI_COMM_WORLD, beginning, program, main);
}

// Declared in rondo/mpi.hpp, which brings all of the user's side along.
__attribute__((visibility("default"))) int run_program_on(MPI_Comm communicator, int& argc, char** argv,
                                                          const Program& program, const Main& main,
                                                          const Options& options);
int run_program_on(MPI_Comm communicator, int& argc, char** argv, const Program& program, const Main& main,
                   const Options& options) {
  engine::Beginning beginning(argc, argv, mpi::mark, options);
  return mpi::run_on(communicator, beginning, program, main);
}

}  // namespace detail

}  // namespace rondo
