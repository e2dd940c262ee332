// One rank's part in a run, on whatever transport: the master's, or a worker's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <rondo/detail/engine.hpp>
#include <rondo/detail/program.hpp>

#include "engine/beginning.hpp"
#include "engine/host.hpp"
#include "engine/options.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

using Main = std::function<int(detail::Engine&)>;

// Rank 0: agrees with the workers, runs `main`, tells the workers to stop, returns what main returned. An exception from
// main is told on the error stream and gives EXIT_FAILURE. Throws MismatchError.
[[nodiscard]] int run_master(transport::Transport& transport, const Host& host,
                             const detail::Program& program, const Options& options, const Main& main);

// Any other rank: serves until the master says that the run is over, and returns its status. Throws MismatchError, and
// what the user's types throw when they cannot be packed or unpacked: then the run cannot go on.
[[nodiscard]] int run_worker(transport::Transport& transport, const Host& host,
                             const detail::Program& program);

// All ranks as threads of this process, the master on the calling one.
[[nodiscard]] int run_threads(const Host& host, const detail::Program& program, const Options& options,
                              const Main& main);

// The whole of rondo::run for a process that is a run of its own, on threads. Prints the list of options or what is wrong with
// them, if that is to be printed.
[[nodiscard]] int run_alone(Beginning& beginning, const detail::Program& program, const Main& main);

// "rank 3: rondo::InputError: text", the line that says why a run ended; for Log::tell.
[[nodiscard]] std::string describe(Rank rank, const std::exception& error);
// The same of whatever is being handled.
[[nodiscard]] std::string describe(Rank rank);

}  // namespace rondo::engine
