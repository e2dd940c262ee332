// What a rank has from outside besides its transport.
#pragma once

#include "checkpoint/storage.hpp"
#include "engine/log.hpp"
#include "engine/platform.hpp"

namespace rondo::engine {

class Observer;
class Watchdog;

struct Host {
  checkpoint::Storage& storage;
  // Ends all ranks of the run at once, with this status; with --rondo-recover perhaps only the one that calls.
  void (*abort)(int status);
  // Ends this rank alone, which counts as lost; null: it just returns.
  void (*leave)(int status) = nullptr;
  // As abort, by a worker that has no rank 0 any more; null: abort.
  void (*orphaned)(int status) = nullptr;
  // Holds the limits of the run where this rank's thread is away; null: nothing does.
  Watchdog* watchdog = nullptr;
  /// Sees what rank 0 decides; null: nothing does.
  Observer* observer = nullptr;
  /// Outlives the run.
  Platform& platform = this_platform();
  /// Lines for the user. Outlives the run.
  Log& log = standard_error();
};

// What the program has printed is out: before an exit without destructors, or one that makes a launcher kill this process.
void flush_output();
// Whether some of it could not be written to standard output: on a disk that is full, or as nobody reads it any more.
[[nodiscard]] bool is_output_lost();

}  // namespace rondo::engine
