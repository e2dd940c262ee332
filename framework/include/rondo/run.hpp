// The way into Rondo: one call in main().
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <rondo/detail/run.hpp>
#include <rondo/detail/typed_kernel.hpp>
#include <rondo/master.hpp>
#include <rondo/options.hpp>

namespace rondo {

/// What runs on rank 0.
template <class Main, class U>
concept MainFunction = requires(Main main, Master<U>& master) {
  main(master);
};

namespace detail {

template <UpdateClass U, class Function>
Main erase_main(Function main) {
  return [main = std::move(main)](Engine& engine) mutable -> int {
    Master<U> master(engine);
    if constexpr (std::convertible_to<std::invoke_result_t<Function&, Master<U>&>, int>) {
      return main(master);
    } else {
      main(master);
      return 0;
    }
  };
}

// Whether a Main and a U make a program. If not, an error says what is wrong.
template <class U, class Main>
consteval bool is_program() {
  if constexpr (!is_accepted<U>()) {
    return false;
  } else if constexpr (!MainFunction<Main, U>) {
    static_assert(MainFunction<Main, U>,
                  "rondo: the last argument of run<U>() has to be a function that can be called with a "
                  "rondo::Master<U>&, as [](rondo::Master<U>& master) { ... }");
    return false;
  } else {
    return true;
  }
}

}  // namespace detail

/// run() below, with options that the program sets; the environment and the command line override them. A value that is out of range
/// is printed as a wrong option is, and the status is EXIT_FAILURE.
template <class U, class Main>
int run(const Options& options, int& argc, char** argv, Main main) {
  if constexpr (detail::is_program<U, Main>() && detail::is_made_without_factory<U>()) {
    return detail::run_program(argc, argv, detail::make_program<U>([] { return U(); }),
                               detail::erase_main<U>(std::move(main)), options);
  } else {
    return 1;
  }
}

/// The same with a factory: see the last run() below.
template <class U, class Factory, class Main>
int run(const Options& options, int& argc, char** argv, Factory factory, Main main) {
  if constexpr (detail::is_program<U, Main>() && detail::is_factory<U, Factory>()) {
    return detail::run_program(argc, argv, detail::make_program<U>(std::move(factory)),
                               detail::erase_main<U>(std::move(main)), options);
  } else {
    return 1;
  }
}

/// Runs `main(Master<U>&)` on rank 0 and serves on the others; returns the exit status of the process: what main returned
/// if that is an int, 0 if it returned nothing, on every rank.
///
/// Started by a launcher (mpirun, srun) with several ranks, those are the places; otherwise threads of this process are,
/// one worker per core or --rondo-workers. Initialises MPI if a launcher started the process and nobody has yet, and then
/// finalises it when the process exits. Several runs may follow each other, but not one inside the other.
///
/// Takes the arguments that begin with --rondo- out of argv (--rondo-help lists them), and leaves the rest: of several runs
/// that are given the same argv the first one alone sees them. Options from the environment count for all,
/// but the second one's checkpoint directory is DIR/2, and so on, as checkpoints of two would be mixed up. One that has left with status
/// 75 or 74 was asked to end the process: start no other then.
///
/// Relative paths, in options or in calls of Master, are in rank 0's working directory as this is called, on all ranks; what the
/// program or an update changes it to counts for no path. The descriptors of the standard streams that are closed are opened, to
/// /dev/null, as the program is loaded and here.
///
/// This is the edge of the program: an exception that leaves main, a wrong option (OptionError), and ranks that do not run
/// the same program (MismatchError) are told on the error stream, the workers are stopped, and the status is EXIT_FAILURE.
/// A rank that cannot go on ends the whole job (MPI_Abort), naming itself. What main prints to standard output must get there: a run of
/// which some could not be written has status EXIT_FAILURE.
///
/// exit() and quick_exit() inside a run, also in an update, are told and never give status 0. _exit() and _Exit() cannot be noticed: on
/// threads the process ends silently with the status that they are given; under a launcher the job ends, as a
/// rank has left without MPI_Finalize. A handler of SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGABRT that the program has installed before
/// is called first, and may mend the fault.
///
/// Processes that a launcher has started together and that MPI does not connect end with EXIT_FAILURE and one line
/// (--rondo-alone: each is a run of its own).
template <class U, class Main>
int run(int& argc, char** argv, Main main) {
  return run<U>(Options(), argc, argv, std::move(main));
}

/// The same with a factory, called once per worker (never by two threads at a time), which returns a U or a
/// std::unique_ptr<U>.
template <class U, class Factory, class Main>
int run(int& argc, char** argv, Factory factory, Main main) {
  return run<U>(Options(), argc, argv, std::move(factory), std::move(main));
}

}  // namespace rondo
