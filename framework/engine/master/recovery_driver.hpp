// Carries out what recovery::Recovery decides about lost workers: --rondo-recover.
//
// After a loss all other workers stop and tell what they hold. States that nobody holds, or whose outputs are missing, are
// computed again from a copy by a worker that has one, and the call goes on under a new epoch for all. States that are being
// restored are like states on their way: all orders for them wait.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/log.hpp"
#include "engine/master/backups.hpp"
#include "engine/master/call_runner.hpp"
#include "engine/master/checkpoint_reader.hpp"
#include "engine/master/checkpoint_writer.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/fetcher.hpp"
#include "engine/master/peers.hpp"
#include "engine/master/state_placer.hpp"
#include "engine/master/task_server.hpp"
#include "engine/messages.hpp"
#include "recovery/recovery.hpp"
#include "scheduler/scheduler.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

class RecoveryDriver {
 public:
  /// What it works with; all of it outlives the driver.
  struct Parts {
    transport::Transport& transport;
    Peers& peers;
    Ensemble& ensemble;
    scheduler::Scheduler& scheduler;
    recovery::Recovery& recovery;
    Backups& backups;
    StatePlacer& placer;
    CallRunner& calls;
    TaskServer& tasks;
    Fetcher& fetcher;
    CheckpointWriter& writer;
    CheckpointReader& reader;
    Log& log;
    const Options& options;
  };
  explicit RecoveryDriver(const Parts& parts) : p_(parts) {}

  /// To be called between waits. Returns seconds until the next call. `own`: the worker on rank 0, if there is one. Throws WorkerLost
  /// when states are gone.
  [[nodiscard]] double watch(std::optional<scheduler::Worker> own);
  /// Goes on when every worker that is left has told what it holds. Throws WorkerLost when states are gone.
  void settle();
  void take(Rank from, const messages::Census& census);

 private:
  void perform(const recovery::Commands& commands);
  void perform(const recovery::command::Ping& ping);
  void perform(const recovery::command::Forget& forget);
  void perform(const recovery::command::TellLoss& loss);
  void perform(const recovery::command::Resume& resume);
  [[noreturn]] void perform(const recovery::command::GiveUp& give_up);
  void perform(const recovery::command::BackUp&) {}  // Backups does both
  void perform(const recovery::command::BackupDone&) {}
  [[nodiscard]] std::string names_of(const std::vector<Rank>& ranks) const;

  const Parts p_;
};

}  // namespace rondo::engine
