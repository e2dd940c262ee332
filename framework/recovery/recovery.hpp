// Decides what is done about workers that may be lost: --rondo-recover.
//
// A state machine: events in, commands out. It lives on rank 0, is used from its one thread, and is pure: no messages, no clock, no
// threads. The engine performs the commands; in tests a checker does.
//
// Every state has two copies, in a backup that is renewed every few rounds, and a log of what has been asked of the states since
// then. A worker that is silent for too long is lost. The workers that are left then say what they hold (the census), and
// the machine decides for each state whether it stays where it is or is computed again from a copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "recovery/backup.hpp"
#include "recovery/census.hpp"
#include "recovery/failure_detector.hpp"
#include "recovery/outputs.hpp"
#include "recovery/replay_log.hpp"

namespace rondo::recovery {

namespace command {

/// This worker has been silent for a while: ask it for a sign of life.
struct Ping {
  Worker worker;
};
/// These workers are lost from now on. Nothing is sent to them any more.
struct Forget {
  std::vector<Worker> workers;
};
/// Tell all others which workers are lost. They start nothing more; in Phase::kCounting each answers with a census.
struct TellLoss {
  std::uint64_t number;
};
/// Each owner copies its states as they are, or will be when what is on its way has arrived. Event: backed_up().
struct BackUp {
  std::uint64_t number;
  std::span<const Worker> owners;  // of each state, in the order of the ids
  std::span<const Worker> others;  // who gets the copy
};
/// The backup is complete: copies of earlier ones are not needed any more.
struct BackupDone {
  std::uint64_t number;
};
/// It is known what is left. The workers go on with what they keep, and compute the missing states again. Event: resumed().
struct Resume {
  RecoveryPlan plan;
  std::vector<Replay>
      replays;  // by worker; only for workers with missing states. They show bytes of the log until resumed()
  std::uint64_t backup;       // the one that counts; 0: none
  std::uint64_t next_backup;  // copies of other backups before this one are dropped
};
/// States are gone with all their copies, or all workers are lost. Event: dropped().
struct GiveUp {
  std::vector<Worker> lost;           // since the states were last whole
  std::optional<std::size_t> states;  // gone; nothing: all of them
};

}  // namespace command

using Command = std::variant<command::Ping, command::Forget, command::TellLoss, command::BackUp,
                             command::BackupDone, command::Resume, command::GiveUp>;
using Commands = std::vector<Command>;

struct Settings {
  std::uint64_t every = 10;  // rounds between two backups
  double deadline = 10;      // seconds of silence after which a worker is lost
  bool rollback = false;     // an update that throws leaves no mark on its state
};

class Recovery {
 public:
  enum class Phase : std::uint8_t {
    kGreeting,     // workers have not begun: a lost one takes nothing with it
    kWhole,        // every state is at a worker or on its way to one
    kPlacing,      // states come from the program or from a checkpoint
    kInterrupted,  // some of these may have gone with a worker: all are placed again
    kCounting,     // a worker is lost, and not all others have said what they hold
    kOver          // the run ends, and losses do not matter any more
  };
  // Where the states are, as the scheduler knows it.
  struct Places {
    std::span<const StateId> ids;  // ascend
    std::span<const Worker> owners;
    std::uint64_t round;  // the next one
  };
  struct Call {
    std::uint64_t first_round;
    std::uint64_t seed;
    std::vector<Buffer> own;  // an input of each state, instead of shared ones
  };
  // What is known of the running call when states are found again.
  struct CallState {
    std::uint64_t epoch;
    std::vector<StateId> threw;  // an update of these has failed
  };

  // `workers` is the record of the run: this machine says which are lost. It outlives the machine. `now` is in seconds, on the
  // clock of tick().
  Recovery(const Settings& settings, Workers& workers, double now);

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] bool is_counting() const { return phase_ == Phase::kCounting; }
  [[nodiscard]] bool is_interrupted() const { return phase_ == Phase::kInterrupted; }
  // Whether a backup is under way.
  [[nodiscard]] bool is_backing_up() const { return next_.has_value(); }
  // Copies for backups before this one are not wanted.
  [[nodiscard]] std::uint64_t next_backup() const { return backups_ + 1; }

  // ---- the clock

  // Rank 0 begins to wait; its clock has stood still since the last wait.
  void begin_wait(double now) { detector_.begin(now); }
  void heard(Worker worker) { detector_.heard(worker); }
  // To be called between waits, when everything that has come is handled. `own`: the worker on rank 0, which cannot be lost.
  [[nodiscard]] Commands tick(double now, std::optional<Worker> own);
  // Seconds until the next tick() at the latest.
  [[nodiscard]] double patience(double now) const;

  // ---- the run and its states

  void welcomed() { phase_ = Phase::kWhole; }
  // All states are dropped. The workers have this context.
  void dropped(Bytes context);
  // States are being placed, for the first time or again; placed() or end_placing() follows.
  void begin_placing() { phase_ = Phase::kPlacing; }
  // All states are on their way to these owners: they are copied.
  [[nodiscard]] Commands placed(const Places& places) { return begin_backup(places, {}); }
  // All states and their copies are there, or none will be.
  void end_placing();
  void resampled(StateId first, std::vector<StateId> parents) { log_.resample(first, std::move(parents)); }
  void shared(Bytes context) { log_.share(context); }
  void end() { phase_ = Phase::kOver; }

  // ---- a call

  // Before anything of it is sent.
  [[nodiscard]] Commands call_began(const Places& places, Call call);
  void input(Bytes shared) { log_.add_input(shared); }
  // Whether this output has come for the first time.
  [[nodiscard]] bool is_first(Slot slot, std::uint32_t round) { return outputs_.is_first(slot, round); }
  // The call goes on after a Resume, with states that have done the rounds whose outputs are here.
  void call_resumed() { outputs_.resume(); }
  // The call has not gone to its end: how far each state has got, in the order of the ids.
  void call_cancelled(std::vector<ReplayLog::Progress> progress) { log_.end_early(std::move(progress)); }
  // The call is over, however it has ended.
  void call_ended() { in_call_ = false; }

  [[nodiscard]] const ReplayLog& log() const { return log_; }
  [[nodiscard]] const Outputs& outputs() const { return outputs_; }

  // ---- answers of the workers

  [[nodiscard]] Commands backed_up(std::uint64_t number, std::uint64_t copies);
  // `loss`: the number of the TellLoss that the worker answers.
  void count(Worker worker, std::uint64_t loss, std::span<const Held> held);
  // To be called between waits: decides once every worker that is left has been counted. `call`: null if none runs.
  [[nodiscard]] Commands settle(std::span<const StateId> ids, const CallState* call);
  // The states are where the plan says. All are copied at once, as what they are is known exactly now.
  [[nodiscard]] Commands resumed(const Places& places, ReplayLog::Bases bases) {
    return begin_backup(places, std::move(bases));
  }

 private:
  void lose(std::vector<Worker> silent, Commands& commands);
  [[nodiscard]] Commands begin_backup(const Places& places, ReplayLog::Bases bases);
  [[nodiscard]] Commands complete_backup();

  const Settings settings_;
  const double began_;
  Workers& workers_;
  Phase phase_ = Phase::kGreeting;
  FailureDetector detector_;
  ReplayLog log_;
  Outputs outputs_;  // of the running call
  bool in_call_ = false;
  std::optional<Backup> backup_;  // the last complete one
  std::optional<Backup> next_;    // the one that is under way
  std::uint64_t backups_ = 0;     // begun so far
  std::uint64_t backup_round_ = 0;
  Census census_;  // in kCounting
  std::uint64_t losses_ = 0;
};

}  // namespace rondo::recovery
