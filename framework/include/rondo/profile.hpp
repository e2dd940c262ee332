// The counters of a run.
#pragma once

#include <cstdint>

namespace rondo {

/// Sums since the start of the run, over all ranks unless said otherwise. Times are in seconds, sizes in bytes.
struct Profile {
  std::uint64_t calls = 0;  ///< update and evolve
  /// Updates that have ended without an exception.
  std::uint64_t updates = 0;
  double update_time =
      0;  ///< inside the user's update, by the clock: with its waits, and with what others took of its core
  /// Processor time of the threads that ran the updates, without what those threads waited or were interrupted. Threads that an
  /// update starts are not counted. Updates of a few microseconds are counted with what lies between them.
  double update_cpu_time = 0;
  double wall_time = 0;               ///< of the calls, on the master
  double bound = 0;                   ///< sum over the calls of max(update time / workers, longest update)
  std::uint64_t master_messages = 0;  ///< sent and received by rank 0
  std::uint64_t master_bytes = 0;     ///< sent and received by rank 0
  std::uint64_t steals = 0;           ///< states that left their worker inside a round
  std::uint64_t transfers = 0;        ///< packed states that went from worker to worker, for any reason
  /// Bytes of these.
  std::uint64_t transfer_bytes = 0;
};

}  // namespace rondo
