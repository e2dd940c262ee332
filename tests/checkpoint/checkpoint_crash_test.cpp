// The process or the machine may die after every single operation: a restart finds the last complete
// checkpoint, or the one that was just being completed, bit for bit; or it says that there never was one.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include <unistd.h>

#include "checkpoint/posix_storage.hpp"
#include "ensemble.hpp"
#include "faulty_storage.hpp"
#include "memory_storage.hpp"

namespace rondo::checkpoint {
namespace {

const Path kRoot = "runs/checkpoints";
constexpr std::uint64_t kSeed = 23, kRounds = 4, kStates = 9, kLengthMax = 200, kParts = 3, kKeep = 2;

Ensemble ensemble_after(std::uint64_t round) { return ensemble_of(kSeed, round, kStates, kLengthMax); }

// Checkpoints the rounds from `first` on. Says through `committed` how far it got, when a crash ends it.
void run(Storage& storage, const Path& root, std::uint64_t first, std::uint64_t& committed) {
  for (std::uint64_t round = first; round <= kRounds; ++round) {
    write_checkpoint(storage, root, ensemble_after(round), kParts, kKeep);
    committed = round;
  }
}

// Dies after operation `at`; false if the run ended before.
bool run_until_crash(Storage& storage, std::uint64_t at, std::uint64_t first, std::uint64_t& committed) {
  FaultyStorage faulty(storage, {.trouble = Trouble::crash, .at = at});
  try {
    run(faulty, kRoot, first, committed);
    return false;
  } catch (const Crashed&) {
    return true;
  }
}

// The round that a restart finds, after checking that it finds it bit for bit; 0 if none was ever complete.
std::uint64_t restored_round(Storage& storage, const Path& root) {
  // nothing that a crash leaves looks complete and is not, not even what a restart need not look at
  for (const std::uint64_t sequence : sequences(storage, root)) {
    const Search one = find_newest(storage, root, kTypeHash, Depth::states, sequence + 1);
    for (const FileError& refusal : one.refusals)
      EXPECT_EQ(refusal.fault(), Fault::incomplete) << refusal.what();
  }
  Search search = find_newest(storage, root, kTypeHash, Depth::states);
  if (!search.newest) {
    EXPECT_FALSE(search.ever_complete());
    return 0;
  }
  const Checkpoint& found = search.newest.value();
  EXPECT_TRUE(read_ensemble(storage, found.folder, found.manifest) == ensemble_after(found.manifest.round));
  return found.manifest.round;
}

class Crashes : public ::testing::TestWithParam<Survival> {};

TEST_P(Crashes, AfterAnySingleOperationARestartFindsTheLastCompleteCheckpoint) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 generator(seed);
  std::uint64_t at = 0;
  for (;; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    MemoryStorage storage;
    std::uint64_t committed = 0;
    if (!run_until_crash(storage, at, 1, committed)) break;
    for (int variant = 0; variant < (GetParam() == Survival::some ? 5 : 1); ++variant) {
      const auto survived = storage.after_crash(GetParam(), generator);
      const std::uint64_t round = restored_round(*survived, kRoot);
      ASSERT_TRUE(round == committed || round == committed + 1)
          << round << " found, " << committed << " committed";
    }
  }
  EXPECT_GT(at, 100U);
}

TEST_P(Crashes, ASecondCrashOfTheRestartedRunLosesNothingEither) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 generator(seed);
  for (std::uint64_t at = 0;; ++at) {
    MemoryStorage storage;
    std::uint64_t committed_before = 0;
    if (!run_until_crash(storage, at, 1, committed_before)) break;
    for (const std::uint64_t second : {generator() % 80, generator() % 160, ~std::uint64_t{0}}) {
      SCOPED_TRACE("operations " + std::to_string(at) + " and " + std::to_string(second));
      const auto restarted = storage.after_crash(GetParam(), generator);
      const std::uint64_t resumed = restored_round(*restarted, kRoot);
      std::uint64_t committed = resumed;
      run_until_crash(*restarted, second, resumed + 1, committed);
      // the second one is a power cut, whatever the first was
      const std::uint64_t round =
          restored_round(*restarted->after_crash(Survival::flushed, generator), kRoot);
      // what only the living system still knew when the run resumed may go with the power, but no further
      // back
      const std::uint64_t least = committed > resumed ? committed : committed_before;
      ASSERT_GE(round, least);
      ASSERT_LE(round, committed + 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Survivals, Crashes,
                         ::testing::Values(Survival::everything, Survival::flushed, Survival::some),
                         [](const auto& test) {
                           return test.param == Survival::everything ? "EverythingWritten"
                                  : test.param == Survival::flushed  ? "OnlyFlushed"
                                                                     : "SomeOfTheUnflushed";
                         });

// The model above is only a model: the same on files of this machine, copied after every operation.
TEST(CrashesOnDisk, ACopyOfTheFolderAfterAnyOperationRestarts) {
  namespace fs = std::filesystem;
  const Path folder(fs::temp_directory_path() / ("rondo_crash_test_" + std::to_string(::getpid())));
  const Path live = folder / "live", copy = folder / "copy";
  fs::remove_all(folder);
  fs::create_directories(live);
  PosixStorage disk;
  FaultyStorage watched(disk, {});
  std::uint64_t committed = 0, operations = 0;
  watched.after_operation = [&] {
    ++operations;
    fs::remove_all(copy);
    fs::copy(live, copy, fs::copy_options::recursive);
    const std::uint64_t round = restored_round(disk, copy / "checkpoints");
    EXPECT_TRUE(round == committed || round == committed + 1)
        << round << " found, " << committed << " committed";
  };
  run(watched, live / "checkpoints", 1, committed);
  EXPECT_EQ(committed, kRounds);
  EXPECT_GT(operations, 100U);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace rondo::checkpoint
