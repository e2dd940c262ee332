// When a run writes a checkpoint by itself, and when it leaves: --rondo-checkpoint, signals and the walltime.
#pragma once

#include <cstdint>
#include <limits>

#include "engine/host.hpp"
#include "engine/master/checkpoint_writer.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/options.hpp"
#include "engine/signals.hpp"
#include "engine/walltime.hpp"

namespace rondo::engine {

class SafePoints {
 public:
  /// What it works with; all of it outlives the safe points.
  struct Parts {
    Peers& peers;
    Loop& loop;
    CheckpointWriter& writer;
    const Ensemble& ensemble;
    const Host& host;
    const Options& options;
  };
  explicit SafePoints(const Parts& parts);

  /// The program's state is whole here, and `program` is its own part of it. `step`: seconds that the longest call since the last safe
  /// point has taken. Throws Leave when the run must leave; then it has left.
  void at_safe_point(Bytes program, double step);
  /// To be called between waits. Ends the run at once if its time is over.
  void watch();
  /// A signal has come, here or to a worker.
  void heed(StopRequest request);
  /// States have been restored, up to this round: the next checkpoint is not due at once.
  void restored();
  /// The program has ended by itself: no signal and no walltime takes its status away any more.
  void end();
  /// Tells the watchdog by when the run must have left, and with which status.
  void publish() const;

  [[nodiscard]] bool has_left() const { return phase_ == Phase::kLeft; }
  [[nodiscard]] int leave_status() const;
  /// Says that the program has caught Leave.
  void tell_caught() const;
  /// Ends the run if the program goes on though it was told to leave, by a catch (...) around its loop most likely: its last checkpoint
  /// is written, and nothing more that it does would be in one.
  void require_going();

 private:
  enum class Phase : std::uint8_t { kGoing, kLeft, kEnded };

  [[nodiscard]] bool is_due() const;
  [[nodiscard]] double seconds_left() const { return walltime_.end - p_.peers.now().count(); }
  [[noreturn]] void leave(Bytes program);

  const Parts p_;
  Phase phase_ = Phase::kGoing;
  StopRequest request_ = StopRequest::kNone;
  double leave_by_ = std::numeric_limits<double>::infinity();  // in a round or not
  Walltime walltime_;
  double step_time_ = 0;  // of the longest step lately: a call, or all from one safe point to the next
  double last_ = 0;       // when the last safe point was; 0: none yet
  std::uint64_t saved_round_ = 0;
  double saved_at_;  // or when the run began
};

}  // namespace rondo::engine
