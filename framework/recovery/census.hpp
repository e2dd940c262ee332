// What is left after a loss, and what that means for every state: it stays where it is, or is restored from a copy.
//
// Used by rank 0 only; pure. A state has to stand where its outputs do: if rank 0 has the first n of a call, it must have done n
// rounds of it. One that has done more has lost outputs with its worker, and is restored up to there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rondo/ids.hpp>

#include "recovery/backup.hpp"
#include "recovery/outputs.hpp"
#include "recovery/replay_log.hpp"

namespace rondo::recovery {

// A state that is whole at a worker.
struct Held {
  StateId state;
  std::uint32_t rounds;  // that it has done of the call `epoch`, if it had a job in it
  std::uint64_t epoch;
};

// From a loss until every worker that is left has told what it holds.
class Census {
 public:
  // One more loss: all are counted again.
  void begin(std::span<const Worker> lost, std::size_t workers);
  void count(Worker worker, std::span<const Held> held);
  [[nodiscard]] bool is_complete(const Workers& workers) const;

  // Since the states were last whole.
  [[nodiscard]] const std::vector<Worker>& lost() const { return lost_; }
  struct Holding {
    Worker worker;
    Held held;
  };
  [[nodiscard]] std::optional<Holding> find(StateId id) const;

 private:
  std::vector<bool> counted_;
  std::unordered_map<StateId, Holding> held_;
  std::vector<Worker> lost_;
};

// The call that runs, if one does.
struct Running {
  const Outputs& outputs;
  std::uint64_t epoch;
  std::vector<StateId> threw;  // an update of these has failed and left its mark
};

// Where every state goes on.
struct RecoveryPlan {
  std::vector<Worker> owners;                           // by slot
  std::vector<std::uint32_t> rounds;                    // by slot: done in the running call
  std::vector<std::vector<StateId>> kept;               // by worker, ascending
  std::vector<std::vector<ReplayLog::Target>> missing;  // by worker: to be restored there
  ReplayLog::Bases bases;                               // of a backup that is taken now
  std::size_t gone = 0;                                 // states without a copy
};
// `backup`, `running`: null if there is none.
[[nodiscard]] RecoveryPlan find_states(std::span<const StateId> ids, const Census& census,
                                       const Workers& workers, const Backup* backup, const ReplayLog& history,
                                       const Running* running);

}  // namespace rondo::recovery
