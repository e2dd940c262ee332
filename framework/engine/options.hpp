// The options of a run: --rondo-... on the command line, RONDO_... in the environment.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "checkpoint/cadence.hpp"

namespace rondo::engine {

struct Options {
  std::uint32_t workers = 0;  // threads without a launcher; 0: one per core
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
  std::size_t input_bytes = 64 << 20;  // own inputs of one assignment

  std::string checkpoint;       // folder; empty: no checkpoints but those the program asks for
  std::string checkpoint_copy;  // a second place for the same
  std::variant<std::monostate, std::chrono::seconds, checkpoint::Rounds>
      checkpoint_every;  // monostate: the optimum
  std::uint64_t checkpoint_keep = 2;
  std::uint64_t checkpoint_bytes = std::uint64_t{1}
                                   << 30;  // copies of states that wait for the disk, per worker
  double walltime = 0;       // seconds from the start; 0: until SLURM_JOB_END_TIME, if that is set
  double grace = 0.8;        // seconds after TERM or INT in which a round may end: mpirun leaves one
  double round_grace = 600;  // the same after USR2, where no walltime is known; 0: as long as it takes
  // Takes three times the memory of the states: each, its copy on the spot, its copy elsewhere; five times while the copies
  // are renewed.
  bool recover = false;
  std::uint64_t recover_every = 10;          // rounds
  double recover_deadline = 10;              // seconds
  double orphan = 6 * 3600;                  // seconds
  std::string marker;                        // file; empty: none
  double node_failure = 5 * 365.25 * 86400;  // seconds between failures of one node
};

// Takes everything that begins with --rondo- out of argv and keeps the rest in order; the command line wins over the environment.
// Nothing: --rondo-help was given, and the list is printed. Throws OptionError, which names the option.
[[nodiscard]] std::optional<Options> take_options(int& argc, char** argv);

}  // namespace rondo::engine
