// The start and the end of a run under MPI.
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/detail/run.hpp>
#include <rondo/error.hpp>

#include "checkpoint/posix_storage.hpp"
#include "engine/beginning.hpp"
#include "engine/build.hpp"
#include "engine/crash_line.hpp"
#include "engine/freed_memory.hpp"
#include "engine/marker.hpp"
#include "engine/options.hpp"
#include "engine/session.hpp"
#include "engine/signals.hpp"
#include "mpi/mpi_transport.hpp"

namespace rondo {

namespace {

bool running = false;  // inside a run on ranks
bool ours = false;     // whoever initialised MPI ends it

// What the end of this process has to know of its last run.
struct Ending {
  int rank = 0;
  pid_t process = 0;              // not that of a child that the program has forked
  std::string marker;             // --rondo-marker
  std::vector<pid_t> companions;  // on rank 0: the other ranks of its node, if ranks may be lost
  bool recovers = false;          // --rondo-recover
  bool bereft = false;            // ranks were lost: MPI cannot end in order any more
  std::optional<engine::Options> options;
};
Ending ending;

void mark(int status) {
  if (ending.rank != 0 || ending.marker.empty()) return;
  const bool is_lost = status == EXIT_SUCCESS && engine::is_output_lost();
  engine::leave_marker(ending.marker, std::to_string(is_lost ? EXIT_FAILURE : status));
}

// Leaves without MPI_Finalize, which would wait for ranks that are gone; rank 0 last, so that the launcher's status is its.
[[noreturn]] void leave(int status) {
  engine::flush_output();
  mark(status);
  constexpr int kTries = 300;
  const auto is_there = [](pid_t process) { return kill(process, 0) == 0; };
  for (int i = 0; i < kTries && ending.rank == 0; ++i) {
    if (std::none_of(ending.companions.begin(), ending.companions.end(), is_there)) break;
    usleep(10'000);
  }
  _exit(status);
}

// Rank 0 has said nothing for long; mpirun sees it live, and would wait for it.
[[noreturn]] void leave_orphaned(int status) {
  if (!ending.marker.empty())
    engine::leave_marker(ending.marker + engine::kMarkerOrphaned, std::to_string(ending.rank));
  leave(status);
}

engine::Vigil::Limits limits_of(int rank, const engine::Options& options) {
  return rank == 0 ? engine::Vigil::limits_of_master(options) : engine::Vigil::limits_of_worker(options);
}

// The program ends the process in the middle of a run.
void end_inside_run(const char* what, int status) {
  engine::CrashMark::tell_exit(what);
  engine::flush_output();
  // a lost worker; of those that abort mpirun bears half of all
  if (ending.recovers && ending.rank != 0) leave(status != EXIT_SUCCESS ? status : EXIT_FAILURE);
  mark(EXIT_FAILURE);
  MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
}

// Several runs may follow each other in one process, but MPI starts and ends only once in it.
void finalise_at_exit(int status, void*) {
  if (getpid() != ending.process) return;
  int finalised = 0;
  MPI_Finalized(&finalised);
  if (finalised != 0) return;
  if (running) end_inside_run("exit()", status);
  if (ending.bereft) leave(status);
  // mpirun kills all ranks as soon as one has left with a status that is not 0: what was printed must be out before
  engine::flush_output();
  mark(status);
  if (!ending.options) {
    MPI_Finalize();
    return;
  }
  engine::Vigil::Limits limits = limits_of(ending.rank, *ending.options);
  limits.signals = false;  // they do again what they did before the run
  engine::Watchdog watchdog(limits, nullptr);
  watchdog.set_rank(Rank{ending.rank}, limits);
  watchdog.main_has_ended(status);
  const engine::Doing doing(&watchdog, "MPI_Finalize");
  MPI_Finalize();
}

// The same on all ranks: their own may be relative to other folders. Collective.
std::string text_of_rank0(MPI_Comm communicator, std::string text) {
  auto size = static_cast<std::uint64_t>(text.size());
  MPI_Bcast(&size, 1, MPI_UINT64_T, 0, communicator);
  text.resize(size);
  MPI_Bcast(text.data(), static_cast<int>(size), MPI_CHAR, 0, communicator);
  return text;
}

// How this process will end, and who has to have ended before it. Collective.
void prepare_ending(MPI_Comm communicator, const engine::Options& options) {
  int size = 0;
  MPI_Comm_rank(communicator, &ending.rank);
  MPI_Comm_size(communicator, &size);
  ending.options = options;
  ending.marker = text_of_rank0(communicator, options.marker);
  ending.recovers = options.recover;
  if (!options.recover) return;
  struct Process {
    std::uint64_t node;
    std::int64_t process;
  };
  const Process mine{std::hash<std::string>()(engine::node_name()), getpid()};
  std::vector<Process> all(static_cast<std::size_t>(size));
  MPI_Allgather(&mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, communicator);
  ending.companions.clear();
  for (const Process& each : all)
    if (each.node == mine.node && each.process != mine.process)
      ending.companions.push_back(static_cast<pid_t>(each.process));
}

// All ranks have met: from now on rank 0 notices by itself if one of them is gone.
void mark_begin() {
  if (ending.rank == 0 && !ending.marker.empty())
    engine::leave_marker(ending.marker + engine::kMarkerBegun,
                         engine::node_name() + " " + std::to_string(getpid()));
}

bool initialised() {
  int yes = 0;
  MPI_Initialized(&yes);
  return yes != 0;
}

// The name and the version of the MPI that this program was built with. May be called before MPI_Init.
std::string library_name() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  std::string name(text.data(), static_cast<std::size_t>(length));
  name.resize(std::min(name.find_first_of(",\n"), name.size()));
  std::replace(name.begin(), name.end(), '\t', ' ');
  return name;
}

int refuse_to_run_alone(const engine::Launch& launch) {
  if (launch.tells) std::cerr << engine::cut_off(launch, library_name());
  return EXIT_FAILURE;
}

// Why not, if some ranks are to recover and others are not: they would wait for each other. Collective.
std::string differing_recovery(MPI_Comm communicator, const engine::Options* options) {
  const bool mine = options != nullptr && options->recover;
  const int recover = mine ? 1 : 0;
  int least = 0, most = 0;
  MPI_Allreduce(&recover, &least, 1, MPI_INT, MPI_MIN, communicator);
  MPI_Allreduce(&recover, &most, 1, MPI_INT, MPI_MAX, communicator);
  if (least == most) return "";
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  const std::string name = options != nullptr ? options->written("recover") : "--rondo-recover";
  return engine::describe(
      Rank{rank},
      OptionError(name + ": need the same on all ranks; a variable reaches those of other hosts by "
                         "mpirun -x RONDO_RECOVER"));
}

// Open MPI's launcher says to its ranks whether the others live on when one dies.
bool survivors_live() {
  const char* const enabled = std::getenv("OMPI_MCA_orte_enable_recovery");
  return enabled != nullptr && std::string_view(enabled) != "0";
}

// Why not, if ranks are to live on that would wait for the lost ones; and a word if they are to recover and cannot.
std::string unfit_launcher(const engine::Options& options) {
  const bool recover = options.recover;
  const std::string name = options.written("recover");
  if (recover && !survivors_live())
    std::cerr << "rondo: " << name
              << " is ignored: the launcher ends all ranks when one dies; start with "
                 "slurm/rondo-run in the place of mpirun"
              << std::endl;
  if (recover || !survivors_live()) return "";
  return engine::describe(kMaster,
                          OptionError(name + ": need on under mpirun --enable-recovery (or "
                                             "slurm/rondo-run): without it the others would wait for a rank "
                                             "that dies"));
}

// Whether every rank could read its options; otherwise the first one that could not says why.
bool agree_on_options(MPI_Comm communicator, engine::Beginning& beginning) {
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  if (rank == 0) beginning.resolve_paths();
  if (rank == 0) std::cout << beginning.help() << std::flush;
  int mine = beginning.error() ? rank : INT_MAX, first = 0;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, communicator);
  if (rank == first) std::cerr << engine::describe(Rank{rank}, *beginning.error());
  if (first != INT_MAX) return false;
  const engine::Options* const options = beginning.options();
  std::string refusal = differing_recovery(communicator, options);
  if (refusal.empty() && rank == 0 && options != nullptr) refusal = unfit_launcher(*options);
  bool failed = !refusal.empty();
  if (failed && rank == 0) std::cerr << refusal;
  MPI_Bcast(&failed, 1, MPI_CXX_BOOL, 0, communicator);
  return !failed;
}

// Now that the rank is known.
void watch_as(int rank, engine::Beginning& beginning) {
  const engine::Options& options = *beginning.options();
  engine::Watchdog& watchdog = *beginning.watchdog();
  watchdog.set_rank(Rank{rank}, limits_of(rank, options));
  if (rank == 0) return;  // the master says by when it leaves
  constexpr double kMasterFirst = 2;
  const engine::Walltime walltime = engine::read_walltime(options, transport::steady_now().count());
  watchdog.leave_by(walltime.last_moment() + kMasterFirst, engine::kRequeueStatus, walltime.source);
}

// The options of rank 0 that mean nothing where a launcher has started ranks.
void tell_of_ignored(const engine::Options& options, int size) {
  if (!options.workers) return;
  const int workers = size - (options.master_works ? 0 : 1);
  std::cerr << "rondo: " + options.written("workers") + "=" + std::to_string(*options.workers) +
                   " is ignored: the launcher has started " + std::to_string(size) + " ranks, of which " +
                   std::to_string(workers) + (workers == 1 ? " is a worker\n" : " are workers\n");
}

int run_ranks(MPI_Comm communicator, engine::Beginning& beginning, const detail::Program& program,
              const detail::Main& main) {
  if (running) {  // the other ranks serve the outer run and would never hear of this one
    std::cerr << "rondo: rank 0: run() inside the main of another run: runs follow each other" << std::endl;
    return EXIT_FAILURE;
  }
  if (ending.bereft) {
    std::cerr << "rondo: rank " << ending.rank << ": no further run() after one that has lost ranks"
              << std::endl;
    return EXIT_FAILURE;
  }
  int seen = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &seen);
  if (engine::is_cut_off(beginning.launch(), static_cast<std::uint64_t>(seen)))
    return refuse_to_run_alone(beginning.launch());
  const engine::Doing meeting(beginning.watchdog(), "the meeting of all ranks");
  if (!agree_on_options(communicator, beginning)) return EXIT_FAILURE;
  if (beginning.options() == nullptr) return EXIT_SUCCESS;
  const engine::Options& options = *beginning.options();
  int size = 0, rank = 0;
  MPI_Comm_size(communicator, &size);
  MPI_Comm_rank(communicator, &rank);
  watch_as(rank, beginning);
  checkpoint::PosixStorage storage;
  prepare_ending(communicator, options);
  // where ranks may be lost MPI_Abort ends only the one that calls it
  const engine::Host host{storage,
                          options.recover ? [](int status) { leave(status); }
                                          : [](int status) { MPI_Abort(MPI_COMM_WORLD, status); },
                          options.recover ? [](int status) { leave(status); } : [](int) {},
                          options.recover ? leave_orphaned : nullptr, beginning.watchdog()};
  if (size == 1) {
    mark_begin();
    return engine::run_threads(host, program, options, main);
  }
  if (rank == 0) tell_of_ignored(options, size);

  running = true;
  engine::keep_freed_memory();
  int status = EXIT_FAILURE;
  mpi::MpiTransport transport(communicator);
  mark_begin();
  try {
    if (rank == 0) {
      status = engine::run_master(transport, host, program, options, main);
    } else {
      const engine::Doing doing(host.watchdog, "messages", false);
      status = engine::run_worker(transport, host, program);
      host.watchdog->main_has_ended(status);
    }
    (void)host.watchdog->here({"the end of the ranks' meeting", true});
  } catch (const MismatchError& error) {
    std::cerr << engine::describe(Rank{rank}, error);
  } catch (...) {
    // The others wait for this rank: end them all, at once and by name. Here, where the transport still lives: its
    // destructor would wait for them.
    std::cerr << engine::describe(Rank{rank});
    host.abort(EXIT_FAILURE);
  }
  running = false;
  ending.bereft = transport.bereft();
  if (ending.bereft && !ours) leave(status);  // the program would end MPI itself, and never return from that
  return status;
}

}  // namespace

namespace detail {

int run_program(int& argc, char** argv, const Program& program, const Main& main, const Options& options) {
  engine::Beginning beginning(argc, argv, mark, options);
  const engine::Launch& launch = beginning.launch();
  if (beginning.options() != nullptr && beginning.options()->alone)
    return engine::run_alone(beginning, program, main);
  if (!initialised()) {
    // MPI_Init takes a third of a second, and is not needed for threads; without a way to the others it would only tell of that
    if (!launch.connects && engine::is_cut_off(launch, 1)) return refuse_to_run_alone(launch);
    if (!launch.connects) return engine::run_alone(beginning, program, main);
    const engine::Doing doing(beginning.watchdog(), "MPI_Init");
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    ending.process = getpid();
    on_exit(finalise_at_exit, nullptr);
    std::at_quick_exit([] {
      if (running && getpid() == ending.process) end_inside_run("quick_exit()", EXIT_SUCCESS);
    });
    ours = true;
  }
  return run_ranks(MPI_COMM_WORLD, beginning, program, main);
}

// Declared in rondo/mpi.hpp, which brings all of the user's side along.
__attribute__((visibility("default"))) int run_program_on(MPI_Comm communicator, int& argc, char** argv,
                                                          const Program& program, const Main& main,
                                                          const Options& options);
int run_program_on(MPI_Comm communicator, int& argc, char** argv, const Program& program, const Main& main,
                   const Options& options) {
  engine::Beginning beginning(argc, argv, mark, options);
  return run_ranks(communicator, beginning, program, main);
}

}  // namespace detail

}  // namespace rondo
