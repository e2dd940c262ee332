// Lost workers in the virtual machine: what its messages carry for that, and what its master and its workers keep.
//
// A state has contents here: a hash chained over its id and its rounds, so that a state made anew can be told from one that
// was not taken through all it should have been.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "recovery/backup.hpp"
#include "recovery/census.hpp"
#include "recovery/copies.hpp"
#include "recovery/history.hpp"
#include "recovery/outputs.hpp"
#include "recovery/silence.hpp"

namespace rondo::simulation {

// ---- what states are made of

using Contents = std::uint64_t;

// What every state is in the beginning, by its id.
[[nodiscard]] inline Contents first_contents(StateId id) { return value(id) * 0x9e3779b97f4a7c15; }
// The input that all states share in a round.
[[nodiscard]] inline std::uint64_t input_of(std::uint64_t round) { return (round + 1) * 0xd1b54a32d192ed03; }
// After an update, or after one that threw and left its mark.
[[nodiscard]] inline Contents updated(Contents contents, StateId id, std::uint64_t round, std::uint64_t input,
                                      bool threw) {
  for (const std::uint64_t word : {value(id), round, input, std::uint64_t{threw ? 1U : 0U}}) {
    contents ^= word + 0x9e3779b97f4a7c15 + (contents << 6) + (contents >> 2);
    contents *= 0xff51afd7ed558ccd;
    contents ^= contents >> 32;
  }
  return contents;
}

// A state as its holder has it.
struct Holding {
  Contents contents = 0;
  std::uint64_t epoch = 0;   // of the last call that it did a round of
  std::uint32_t rounds = 0;  // done in that
};

// ---- what messages carry

struct Redo {
  std::vector<StateId> copies;
  struct Rounds {
    std::uint64_t first_round;
    std::uint32_t from;
    std::vector<std::uint64_t> inputs;  // of the rounds from there on
    std::vector<recovery::Replay::Way> ways;
  };
  std::vector<std::variant<recovery::Replay::Family, Rounds>> steps;
  [[nodiscard]] static Redo of(const recovery::Replay& replay);
};

struct LossNote {
  std::uint64_t number = 0;                                // of the backup or the loss
  std::uint64_t next_backup = 0;                           // kResume
  std::vector<std::pair<StateId, std::uint32_t>> targets;  // kBackup: and the worker that gets the copy
  std::vector<std::pair<StateId, Contents>> copies;        // kCopies
  std::vector<std::uint32_t> lost;                         // kLost: workers
  std::vector<recovery::Held> held;                        // kCensus
  std::vector<StateId> kept;                               // kResume
  Redo redo;                                               // kReplay
  std::vector<Holding> holdings;                           // kStates: as the parcels
  std::vector<Contents> contents;                          // kReport: as the results
};

// ---- what is kept

// By a worker.
struct WorkerMemory {
  std::set<std::uint32_t> lost;  // workers
  std::uint64_t generation = 0;  // of states: what is sent in an earlier one is dropped
  std::uint64_t loss = 0;        // number of the last one
  recovery::Copies<Contents> copies;
  std::vector<Contents> contents;  // of the results that are to be reported
  std::uint64_t replays = 0;       // begun or stopped
  bool census_due = false;
  bool counted = false;  // what arrives after that and before the master has decided is dropped
  bool replaying = false;
  bool left = false;
};

enum class Fate : std::uint8_t { kLives, kStandsStill, kDead };

// By the master.
struct MasterMemory {
  MasterMemory(recovery::Workers all, double deadline)
      : workers(std::move(all)), silence(workers.lost.size(), deadline) {}

  recovery::Workers workers;
  recovery::Silence silence;
  recovery::History history;
  recovery::Outputs outputs;
  std::optional<recovery::Backup> backup;   // the last complete one
  std::optional<recovery::Backup> backing;  // the next one
  std::optional<recovery::Census> census;   // from a loss until it is known what is left
  std::uint64_t backups = 0;
  std::uint64_t backup_round = 0;
  std::uint64_t losses = 0;
  std::uint64_t generation = 0;
  std::vector<StateId> threw;  // in this call
  bool calling = false;
  bool watching = false;  // the next look at who is silent is planned
  // for who asks
  std::vector<scheduler::Worker> lost_since_backup;
  std::uint64_t made_anew = 0;
};

}  // namespace rondo::simulation
