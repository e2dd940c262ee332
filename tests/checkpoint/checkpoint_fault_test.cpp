// Every operation of the storage may fail, once or from then on: what was complete before stays, and the
// error is typed.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "checkpoint/format.hpp"
#include "checkpoint/pruning.hpp"
#include "ensemble.hpp"
#include "faulty_storage.hpp"
#include "memory_storage.hpp"

namespace rondo::checkpoint {
namespace {

const Path kRoot = "runs/checkpoints";
constexpr std::uint64_t kSeed = 11, kRounds = 4, kStates = 12, kLengthMax = 200, kParts = 3, kKeep = 2;

Ensemble ensemble_after(std::uint64_t round) { return ensemble_of(kSeed, round, kStates, kLengthMax); }

struct Outcome {
  std::uint64_t committed = 0;  // the last round whose checkpoint was reported as complete
  std::uint64_t failures = 0;
};

// A run that checkpoints after every round and goes on when that fails.
Outcome run(Storage& storage) {
  Outcome outcome;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    try {
      write_checkpoint(storage, kRoot, ensemble_after(round), kParts, kKeep);
      outcome.committed = round;
    } catch (const CheckpointError& error) {
      EXPECT_NE(dynamic_cast<const FileError*>(&error), nullptr) << error.what();
      ++outcome.failures;
    }
  }
  return outcome;
}

std::uint64_t operations_of_a_run() {
  MemoryStorage memory;
  FaultyStorage counted(memory, {});
  run(counted);
  return counted.operations();
}

// The round that a restart finds, after checking that it finds it bit for bit; 0 if there is none.
std::uint64_t restored_round(Storage& storage) {
  Search search = find_newest(storage, kRoot, kTypeHash, Depth::states);
  if (!search.newest) {
    return 0;
  }
  const Checkpoint& found = search.newest.value();
  EXPECT_TRUE(read_ensemble(storage, found.folder, found.manifest) == ensemble_after(found.manifest.round));
  return found.manifest.round;
}

void expect_only_whole_checkpoints(Storage& storage) {
  const std::vector<std::uint64_t> found = sequences(storage, kRoot);
  EXPECT_EQ(found.size(), kKeep);
  for (const std::uint64_t sequence : found) {
    EXPECT_EQ(storage.list(checkpoint_folder(kRoot, sequence)).size(), kParts + 1) << sequence;
  }
}

TEST(Faults, OneRefusedOperationCostsAtMostOneCheckpoint) {
  const std::uint64_t operations = operations_of_a_run();
  ASSERT_GT(operations, 100U);
  std::uint64_t failures = 0;
  for (const Trouble trouble : {Trouble::no_space, Trouble::input_output, Trouble::done_but_fails}) {
    for (std::uint64_t at = 0; at < operations; ++at) {
      SCOPED_TRACE("trouble " + std::to_string(static_cast<int>(trouble)) + " at operation " +
                   std::to_string(at));
      MemoryStorage memory;
      FaultyStorage faulty(memory, {.trouble = trouble, .at = at});
      const Outcome outcome = run(faulty);
      ASSERT_LE(outcome.failures, 1U);
      ASSERT_GE(outcome.committed, kRounds - 1);
      const std::uint64_t round = restored_round(memory);
      ASSERT_TRUE(round == outcome.committed || round == outcome.committed + 1) << round;
      failures += outcome.failures;
      // and what it left behind is gone with the next
      write_checkpoint(memory, kRoot, ensemble_after(kRounds + 1), kParts, kKeep);
      expect_only_whole_checkpoints(memory);
    }
  }
  EXPECT_GT(failures, operations);  // most operations matter; those that only prune do not
}

TEST(Faults, AfterADiskDiedTheLastCompleteCheckpointIsStillThere) {
  const std::uint64_t operations = operations_of_a_run();
  for (const Trouble trouble : {Trouble::no_space, Trouble::input_output, Trouble::done_but_fails}) {
    for (std::uint64_t at = 0; at < operations; ++at) {
      SCOPED_TRACE("trouble " + std::to_string(static_cast<int>(trouble)) + " from operation " +
                   std::to_string(at));
      MemoryStorage memory;
      FaultyStorage faulty(memory, {.trouble = trouble, .at = at, .for_ever = true});
      const Outcome outcome = run(faulty);
      const std::uint64_t round = restored_round(memory);
      ASSERT_TRUE(round == outcome.committed || round == outcome.committed + 1)
          << round << " found, " << outcome.committed << " committed";
    }
  }
}

TEST(Faults, ShortTransfersAreContinued) {
  const std::uint64_t operations = operations_of_a_run();
  MemoryStorage reference;
  run(reference);
  for (std::uint64_t at = 0; at < operations; ++at) {
    for (const bool for_ever : {false, true}) {
      if (for_ever && at > 0) continue;
      MemoryStorage memory;
      FaultyStorage faulty(memory, {.trouble = Trouble::short_transfer, .at = at, .for_ever = for_ever});
      const Outcome outcome = run(faulty);
      ASSERT_EQ(outcome.failures, 0U) << at;
      ASSERT_EQ(restored_round(faulty), kRounds) << at;
      for (const std::string& name : reference.list(checkpoint_folder(kRoot, kRounds))) {
        const Path file = checkpoint_folder(kRoot, kRounds) / name;
        ASSERT_EQ(memory.bytes(file), reference.bytes(file)) << name << " at " << at;
      }
    }
  }
}

TEST(Faults, EveryReadOfARestartMayFail) {
  MemoryStorage memory;
  run(memory);
  FaultyStorage counted(memory, {});
  ASSERT_EQ(restored_round(counted), kRounds);
  std::uint64_t fell_back = 0, refused = 0;
  for (std::uint64_t at = 0; at < counted.operations(); ++at) {
    SCOPED_TRACE(at);
    FaultyStorage faulty(memory, {.trouble = Trouble::input_output, .at = at});
    try {
      const std::uint64_t round = restored_round(faulty);
      ASSERT_TRUE(round == kRounds || round == kRounds - 1) << round;
      fell_back += round == kRounds - 1;
    } catch (const CheckpointError&) {
      ++refused;
    }
  }
  // the search tries the one before; the listing of the root and the reading of states afterwards refuse
  EXPECT_GT(fell_back, 0U);
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(fell_back + refused, counted.operations());
}

}  // namespace
}  // namespace rondo::checkpoint
