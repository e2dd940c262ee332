// The options of a run: --rondo-... on the command line, RONDO_... in the environment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <variant>

#include "checkpoint/cadence.hpp"

namespace rondo::engine {

struct Options {
  std::uint32_t workers = 0;  // threads without a launcher; 0: one per core
  bool alone = false;         // on threads, whatever a launcher has started beside it
  std::size_t stack = 0;      // bytes for each thread; 0: as the main thread has
  bool master_works = false;
  bool rebalance = true;
  std::size_t batch = 0;
  std::uint64_t seed = 0;
  double memory = 0;  // bytes of states per worker; 0: no limit
  bool rollback = false;
  bool check = false;      // every update twice: engine/check.hpp
  double stall = 300;      // seconds; 0: never
  double stall_abort = 0;  // seconds; 0: never
  std::size_t rounds_ahead = 16;
  std::uint32_t tree_fanout = 16;
  static constexpr std::uint32_t kRelayAuto = UINT32_MAX;
  std::uint32_t relay = kRelayAuto;    // workers in a group of it; 0: off
  std::size_t input_bytes = 64 << 20;  // of own inputs that wait at one worker
  /// Values that suit all users; only simulations and tests choose others.
  struct Tuning {
    std::optional<double> low;  // seconds of work left at which a worker asks for more; nullopt: WorkerSettings
    std::optional<double> report_interval;       // seconds; nullopt: what suits the number of workers
    std::optional<std::uint64_t> message_bytes;  // a message of many states is cut here; nullopt: WorkerSettings
    std::optional<std::uint64_t> unsent_bytes;   // copies that wait to leave; nullopt: WorkerSettings
    std::optional<double> tolerance;             // of a refinement; nullopt: scheduler::Settings
  } tuning;

  std::string checkpoint;       // folder; empty: no checkpoints but those the program asks for
  std::string checkpoint_copy;  // a second place for the same
  std::variant<std::monostate, std::chrono::seconds, checkpoint::Rounds>
      checkpoint_every;  // monostate: the optimum
  std::uint64_t checkpoint_keep = 2;
  std::uint64_t checkpoint_bytes = std::uint64_t{1}
                                   << 30;  // copies of states that wait for the disk, per worker
  // What is done with a checkpoint of a run that had other arguments.
  enum class OtherArguments { warn, refuse, ignore } other_arguments = OtherArguments::warn;
  double walltime = 0;       // seconds from the start; 0: until SLURM_JOB_END_TIME, if that is set
  double grace = 0.8;        // seconds after TERM or INT in which a round may end: mpirun leaves one
  double round_grace = 600;  // the same after USR2, where no walltime is known; 0: as long as it takes
  // Takes three times the memory of the states: each, its copy on the spot, its copy elsewhere; five times while the copies
  // are renewed.
  bool recover = false;
  std::uint64_t recover_every = 10;          // rounds
  double recover_deadline = 10;              // seconds
  double orphan = 6 * 3600;                  // seconds
  std::string marker;                        // link; empty: none
  double node_failure = 5 * 365.25 * 86400;  // seconds between failures of one node

  std::string arguments;  // the program's own, without its name, each with a zero byte behind it
  std::string
      started_in;  // the working directory of resolve_paths(); empty: it has not been called, or there was none
  std::set<std::string> from_environment;  // names, without dashes in front
  // An option as the user has written it: "--rondo-batch", or "RONDO_BATCH" if the environment gave it. `option` is
  // "rondo-batch".
  [[nodiscard]] std::string written(const std::string& option) const;
};

// Takes everything that begins with --rondo- out of argv and keeps the rest in order; the command line wins over the environment.
// Nothing: --rondo-help was given, and the list is written to `help`. Throws OptionError, which names the option or the variable.
[[nodiscard]] std::optional<Options> take_options(int& argc, char** argv, std::ostream& help = std::cout);

// For rank 0, as its run begins: makes the paths absolute, as the program or an update may change the working directory, and
// ranks may have different ones. Throws OptionError if there is no working directory, or if the marker would replace something.
void resolve_paths(Options& options);

}  // namespace rondo::engine
