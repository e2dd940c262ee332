// The start and the end of a run under MPI.
#include <malloc.h>
#include <mpi.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include <rondo/detail/run.hpp>
#include <rondo/error.hpp>

#include "checkpoint/posix_storage.hpp"
#include "engine/options.hpp"
#include "engine/session.hpp"
#include "engine/signals.hpp"
#include "mpi/mpi_transport.hpp"

namespace rondo {

namespace {

bool running = false;  // inside a run on ranks

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

// Several runs may follow each other in one process, but MPI starts and ends only once in it.
void finalise_at_exit() {
  int finalised = 0;
  MPI_Finalized(&finalised);
  if (finalised != 0) return;
  if (running) {
    std::cerr << "rondo: the program called exit() inside a run\n";
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  }
  // mpirun kills all ranks as soon as one has left with a status that is not 0: what was printed must be out before
  std::cout.flush();
  std::fflush(nullptr);
  MPI_Finalize();
}

bool initialised() {
  int yes = 0;
  MPI_Initialized(&yes);
  return yes != 0;
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
  return options;
}

int run_ranks(MPI_Comm communicator, int& argc, char** argv, const detail::Program& program,
              const detail::Main& main) {
  if (running) {  // the other ranks serve the outer run and would never hear of this one
    std::cerr << "rondo: rank 0: run() inside the main of another run: runs follow each other" << std::endl;
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
  const engine::Host host{storage, [](int status) { MPI_Abort(MPI_COMM_WORLD, status); }};
  if (size == 1) return engine::run_threads(host, program, *options, main);
  std::optional<engine::SignalWatch> watch;
  if (!options->checkpoint.empty()) watch.emplace();

  running = true;
  keep_freed_memory();
  int status = EXIT_FAILURE;
  mpi::MpiTransport transport(communicator);
  try {
    status = rank == 0 ? engine::run_master(transport, host, program, *options, main)
                       : engine::run_worker(transport, host, program);
  } catch (const MismatchError& error) {
    std::cerr << engine::describe(Rank{rank}, error);
  } catch (const std::exception& error) {
    // The others wait for this rank: end them all, at once and by name. Here, where the transport still lives: its
    // destructor would wait for them.
    std::cerr << engine::describe(Rank{rank}, error);
    host.abort(EXIT_FAILURE);
  }
  running = false;
  return status;
}

}  // namespace

namespace detail {

int run_program(int& argc, char** argv, const Program& program, const Main& main) {
  if (!initialised()) {
    if (!launched()) return engine::run_alone(argc, argv, program, main);
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
    std::atexit(finalise_at_exit);
  }
  return run_ranks(MPI_COMM_WORLD, argc, argv, program, main);
}

int run_program_on(MPI_Comm communicator, int& argc, char** argv, const Program& program, const Main& main);
int run_program_on(MPI_Comm communicator, int& argc, char** argv, const Program& program, const Main& main) {
  return run_ranks(communicator, argc, argv, program, main);
}

}  // namespace detail

}  // namespace rondo
