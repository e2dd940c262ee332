// Two copies of each state, at two workers: where they go, and which workers have them when they are needed.
//
// Used by rank 0 only; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <rondo/ids.hpp>

#include "recovery/replay_log.hpp"
#include "scheduler/scheduler.hpp"

namespace rondo::recovery {

using scheduler::Worker;

// The workers of a run, by number.
struct Workers {
  std::vector<bool> lost;
  std::vector<std::uint32_t> nodes;  // which each is on, by any numbers
  [[nodiscard]] std::size_t alive() const;
};

struct Backup {
  std::uint64_t number = 0;
  std::uint64_t position = 0;  // in the history
  std::vector<StateId> ids;    // ascend
  std::vector<Worker> owners;  // keep one copy
  std::vector<Worker> others;  // keep the other; the owner, if it is alone
  std::size_t missing = 0;     // second copies that have not arrived
  ReplayLog::Bases bases;
};

// The workers that keep the second copies of this worker's states: some on other nodes, or on its own if there is no other.
// They are several because they share the work of a recovery.
[[nodiscard]] std::vector<Worker> keepers(Worker owner, const Workers& workers);

// Copies all states as they are: one copy stays with the owner, one goes to a keeper. What was asked of them later stands in the
// history from `position` on.
[[nodiscard]] Backup plan_backup(std::uint64_t number, std::uint64_t position, std::span<const StateId> ids,
                                 std::span<const Worker> owners, const Workers& workers,
                                 ReplayLog::Bases bases);

// Where there is a copy of this state of the backup; of two places the one that has fewer states to restore, by `given`.
[[nodiscard]] std::optional<Worker> holder_of_copy(const Backup& backup, StateId id, const Workers& workers,
                                                   std::span<const std::size_t> given);

}  // namespace rondo::recovery
