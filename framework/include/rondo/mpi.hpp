// rondo::run on a communicator of the user's own. The one public header that includes mpi.h.
#pragma once

#include <mpi.h>

#include <utility>

#include <rondo/run.hpp>

#pragma GCC visibility push(default)

namespace rondo {

namespace detail {
[[nodiscard]] int run_program_on(MPI_Comm communicator, int& argc, char** argv, const Program& program,
                                 const Main& main, const Options& options);
}

/// run() below, with options that the program sets; all ranks must set the same.
template <class U, class Main>
int run(const Options& options, MPI_Comm communicator, int& argc, char** argv, Main main) {
  if constexpr (detail::is_program<U, Main>() && detail::is_made_without_factory<U>()) {
    return detail::run_program_on(communicator, argc, argv, detail::make_program<U>([] { return U(); }),
                                  detail::erase_main<U>(std::move(main)), options);
  } else {
    return 1;
  }
}

/// The same with a factory.
template <class U, class Factory, class Main>
int run(const Options& options, MPI_Comm communicator, int& argc, char** argv, Factory factory, Main main) {
  if constexpr (detail::is_program<U, Main>() && detail::is_factory<U, Factory>()) {
    return detail::run_program_on(communicator, argc, argv, detail::make_program<U>(std::move(factory)),
                                  detail::erase_main<U>(std::move(main)), options);
  } else {
    return 1;
  }
}

/// Like run(), on the ranks of this communicator, which is duplicated: Rondo's messages never meet the user's. Collective over it;
/// MPI must have been initialised by the thread that calls (MPI_THREAD_FUNNELED or more, if the program has threads),
/// and the user finalises it. A boost::mpi::communicator converts to MPI_Comm by itself.
template <class U, class Main>
int run(MPI_Comm communicator, int& argc, char** argv, Main main) {
  return run<U>(Options(), communicator, argc, argv, std::move(main));
}

/// The same with a factory.
template <class U, class Factory, class Main>
int run(MPI_Comm communicator, int& argc, char** argv, Factory factory, Main main) {
  return run<U>(Options(), communicator, argc, argv, std::move(factory), std::move(main));
}

}  // namespace rondo

#pragma GCC visibility pop
