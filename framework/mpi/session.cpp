// The start and the end of a run under MPI.
#include <malloc.h>
#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rondo/detail/run.hpp>
#include <rondo/error.hpp>

#include "checkpoint/posix_storage.hpp"
#include "engine/build.hpp"
#include "engine/crash_line.hpp"
#include "engine/options.hpp"
#include "engine/session.hpp"
#include "engine/signals.hpp"
#include "mpi/mpi_transport.hpp"

namespace rondo {

namespace {

bool running = false;  // inside a run on ranks
bool ours = false;     // whoever initialised MPI ends it

// Memory of states and messages comes and goes by the hundred kilobytes: the C library would give each back to the system and
// take it anew, page by page. What the user has set stays.
void keep_freed_memory() {
  constexpr int kKept = 32 << 20;
  if (std::getenv("MALLOC_MMAP_THRESHOLD_") == nullptr) mallopt(M_MMAP_THRESHOLD, kKept);
  if (std::getenv("MALLOC_TRIM_THRESHOLD_") == nullptr) mallopt(M_TRIM_THRESHOLD, kKept);
}

// Whether a launcher started this process as one of several. Asked before MPI_Init, which takes a third of a second and
// is not needed for threads.
bool launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_NAMESPACE", "PMI_SIZE", "PMI_FD", "MPI_LOCALNRANKS"})
    if (std::getenv(name) != nullptr) return true;
  return false;
}

// What the end of this process has to know of its last run.
struct Ending {
  int rank = 0;
  pid_t process = 0;              // not that of a child that the program has forked
  std::string marker;             // --rondo-marker
  std::vector<pid_t> companions;  // on rank 0: the other ranks of its node, if ranks may be lost
  bool recovers = false;          // --rondo-recover
  bool bereft = false;            // ranks were lost: MPI cannot end in order any more
};
Ending ending;

// A link that points to the text: it is there at once, and on a disk that is full, too.
void leave_word(const std::string& name, const std::string& text) {
  std::remove(name.c_str());
  if (symlink(text.c_str(), name.c_str()) != 0)
    std::cerr << "rondo: cannot write " << name << ": " << std::strerror(errno) << std::endl;
}

void mark(int status) {
  if (ending.rank == 0 && !ending.marker.empty()) leave_word(ending.marker, std::to_string(status));
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
  if (!ending.marker.empty()) leave_word(ending.marker + ".orphaned", std::to_string(ending.rank));
  leave(status);
}

// Several runs may follow each other in one process, but MPI starts and ends only once in it.
void finalise_at_exit(int status, void*) {
  if (getpid() != ending.process) return;
  int finalised = 0;
  MPI_Finalized(&finalised);
  if (finalised != 0) return;
  if (running) {
    engine::CrashMark::tell_exit();
    engine::flush_output();
    // a lost worker; of those that abort mpirun bears half of all
    if (ending.recovers && ending.rank != 0) leave(status != EXIT_SUCCESS ? status : EXIT_FAILURE);
    mark(EXIT_FAILURE);
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  }
  if (ending.bereft) leave(status);
  // mpirun kills all ranks as soon as one has left with a status that is not 0: what was printed must be out before
  engine::flush_output();
  mark(status);
  MPI_Finalize();
}

// How this process will end, and who has to have ended before it. Collective.
void prepare_ending(MPI_Comm communicator, const engine::Options& options) {
  int size = 0;
  MPI_Comm_rank(communicator, &ending.rank);
  MPI_Comm_size(communicator, &size);
  ending.marker = options.marker;
  ending.recovers = options.recover;
  if (ending.rank == 0 && !ending.marker.empty())
    leave_word(ending.marker + ".rank0", engine::node_name() + " " + std::to_string(getpid()));
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

bool initialised() {
  int yes = 0;
  MPI_Initialized(&yes);
  return yes != 0;
}

// Why not, if some ranks are to recover and others are not: they would wait for each other. Collective.
std::string differing_recovery(MPI_Comm communicator, bool mine) {
  const int recover = mine ? 1 : 0;
  int least = 0, most = 0;
  MPI_Allreduce(&recover, &least, 1, MPI_INT, MPI_MIN, communicator);
  MPI_Allreduce(&recover, &most, 1, MPI_INT, MPI_MAX, communicator);
  if (least == most) return "";
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  return engine::describe(
      Rank{rank}, OptionError("--rondo-recover: need the same on all ranks; a variable reaches those of "
                              "other hosts by mpirun -x RONDO_RECOVER"));
}

// Open MPI's launcher says to its ranks whether the others live on when one dies.
bool survivors_live() {
  const char* const enabled = std::getenv("OMPI_MCA_orte_enable_recovery");
  return enabled != nullptr && std::string_view(enabled) != "0";
}

// Why not, if ranks are to live on that would wait for the lost ones; and a word if they are to recover and cannot.
std::string unfit_launcher(bool recover) {
  if (recover && !survivors_live())
    std::cerr
        << "rondo: --rondo-recover counts for nothing: the launcher ends all ranks when one dies; start with "
           "slurm/rondo-run in the place of mpirun"
        << std::endl;
  if (recover || !survivors_live()) return "";
  return engine::describe(kMaster,
                          OptionError("--rondo-recover: need on under mpirun --enable-recovery (or "
                                      "slurm/rondo-run): without it the others would wait for a rank "
                                      "that dies"));
}

// The options, if every rank could read its own; otherwise the first rank that could not has said why.
std::optional<engine::Options> agree_on_options(MPI_Comm communicator, int& argc, char** argv, bool& failed) {
  int rank = 0;
  MPI_Comm_rank(communicator, &rank);
  std::optional<engine::Options> options;
  std::string error;
  std::streambuf* const shown = std::cout.rdbuf();
  if (rank != 0) std::cout.rdbuf(nullptr);  // one list of options is enough
  try {
    options = engine::take_options(argc, argv);
  } catch (const OptionError& e) {
    error = engine::describe(Rank{rank}, e);
  }
  std::cout.rdbuf(shown);
  std::cout.clear();
  int mine = error.empty() ? INT_MAX : rank, first = 0;
  MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, communicator);
  failed = first != INT_MAX;
  if (failed && rank == first) std::cerr << error;
  if (failed) return options;
  std::string refusal = differing_recovery(communicator, options && options->recover);
  if (refusal.empty() && rank == 0 && options) refusal = unfit_launcher(options->recover);
  failed = !refusal.empty();
  if (failed && rank == 0) std::cerr << refusal;
  MPI_Bcast(&failed, 1, MPI_CXX_BOOL, 0, communicator);
  return options;
}

int run_ranks(MPI_Comm communicator, int& argc, char** argv, const detail::Program& program,
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
  bool failed = false;
  const std::optional<engine::Options> options = agree_on_options(communicator, argc, argv, failed);
  if (failed) return EXIT_FAILURE;
  if (!options) return EXIT_SUCCESS;
  int size = 0, rank = 0;
  MPI_Comm_size(communicator, &size);
  MPI_Comm_rank(communicator, &rank);
  checkpoint::PosixStorage storage;
  prepare_ending(communicator, *options);
  // where ranks may be lost MPI_Abort ends only the one that calls it
  const engine::Host host{storage,
                          options->recover ? [](int status) { leave(status); }
                                           : [](int status) { MPI_Abort(MPI_COMM_WORLD, status); },
                          options->recover ? [](int status) { leave(status); } : [](int) {},
                          options->recover ? leave_orphaned : nullptr};
  if (size == 1) return engine::run_threads(host, program, *options, main);
  std::optional<engine::SignalWatch> watch;
  // slurm/rondo-run takes the status from the marker
  using Parent = engine::SignalWatch::Parent;
  const bool is_marked = options->recover && !options->marker.empty();
  if (!options->checkpoint.empty()) watch.emplace(is_marked ? Parent::other : Parent::launcher);

  running = true;
  keep_freed_memory();
  int status = EXIT_FAILURE;
  mpi::MpiTransport transport(communicator);
  try {
    status = rank == 0 ? engine::run_master(transport, host, program, *options, main)
                       : engine::run_worker(transport, host, program);
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

int run_program(int& argc, char** argv, const Program& program, const Main& main) {
  if (!initialised()) {
    if (!launched()) return engine::run_alone(argc, argv, program, main);
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    ending.process = getpid();
    on_exit(finalise_at_exit, nullptr);
    ours = true;
  }
  return run_ranks(MPI_COMM_WORLD, argc, argv, program, main);
}

int run_program_on(MPI_Comm communicator, int& argc, char** argv, const Program& program, const Main& main);
int run_program_on(MPI_Comm communicator, int& argc, char** argv, const Program& program, const Main& main) {
  return run_ranks(communicator, argc, argv, program, main);
}

}  // namespace detail

}  // namespace rondo
