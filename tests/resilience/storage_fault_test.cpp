// Disks that fail while checkpoints are written and read: the run goes on, says so, and an older checkpoint stands.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>

#include "engine/session.hpp"
#include "engine/signals.hpp"
#include "faulty_storage.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"

namespace rondo::test {
namespace {

using checkpoint::FaultyStorage;
using checkpoint::MemoryStorage;
using checkpoint::Path;
using checkpoint::Trouble;

// A run on threads with this storage.
template <class Function>
int run_on(checkpoint::Storage& storage, const engine::Options& options, Function main) {
  LockedStorage locked(storage);
  const engine::Host host{locked, [](int status) { std::_Exit(status); }};
  return engine::run_threads(host, detail::make_program<Walker>([] { return Walker(); }), options,
                             detail::erase_main<Walker>(std::move(main)));
}

engine::Options options_for(std::uint32_t workers) {
  engine::Options options;
  options.workers = workers;
  return options;
}

constexpr const char* kPlace = "checkpoints";

// After three steps, whatever happened to the disk in between.
std::uint64_t expected() {
  static const std::uint64_t digest = [] {
    std::uint64_t result = 0;
    MemoryStorage storage;
    (void)run_on(storage, options_for(2), [&](Master<Walker>& master) {
      Progress progress;
      master.reset(Journey::start(12));
      Journey journey(master, progress, 0);
      for (; progress.step < 3; ++progress.step) journey.step();
      result = journey.finish();
    });
    return result;
  }();
  return digest;
}

struct Outcome {
  bool refused = false;
  std::uint64_t operations = 0;
};

// Checkpoints after step 1 on a good disk, and after step 2 on a bad one; then restores what there is.
Outcome save_on(const checkpoint::TroublePlan& plan) {
  MemoryStorage disk;
  Outcome outcome;
  std::uint64_t first = 0, second = 0;
  EXPECT_EQ(run_on(disk, options_for(3),
                   [&](Master<Walker>& master) {
                     Progress progress;
                     master.reset(Journey::start(12));
                     Journey journey(master, progress, 0);
                     journey.step();
                     ++progress.step;
                     master.checkpoint(kPlace, progress);
                   }),
            0);
  FaultyStorage faulty(disk, plan);
  EXPECT_EQ(run_on(faulty, options_for(2),
                   [&](Master<Walker>& master) {
                     Progress progress;
                     if (!master.restore(kPlace, progress)) throw Error("nothing to begin with");
                     Journey journey(master, progress, 0);
                     journey.step();
                     ++progress.step;
                     const std::uint64_t before = faulty.operations();
                     try {
                       master.checkpoint(kPlace, progress);
                     } catch (const CheckpointError&) {
                       outcome.refused = true;
                     }
                     outcome.operations = faulty.operations();
                     if (before == outcome.operations) throw Error("nothing was asked of the disk");
                     journey.step();  // the run goes on
                     EXPECT_EQ(journey.finish(), expected());
                   }),
            0);
  for (std::uint64_t* const result : {&first, &second}) {
    EXPECT_EQ(run_on(disk, options_for(result == &first ? 1 : 3),
                     [&](Master<Walker>& master) {
                       Progress progress;
                       ASSERT_TRUE(master.restore(kPlace, progress));
                       EXPECT_EQ(progress.step, outcome.refused ? progress.step : 2);
                       EXPECT_TRUE(progress.step == 1 || progress.step == 2);
                       Journey journey(master, progress, 0);
                       for (; progress.step < 3; ++progress.step) journey.step();
                       *result = journey.finish();
                     }),
              0);
    EXPECT_EQ(*result, expected());
  }
  return outcome;
}

// The operations of a run without trouble: those of the restore, then those of the checkpoint.
std::uint64_t operations_before_saving() {
  MemoryStorage disk;
  std::uint64_t result = 0;
  (void)run_on(disk, options_for(3), [&](Master<Walker>& master) {
    Progress progress;
    master.reset(Journey::start(12));
    Journey(master, progress, 0).step();
    master.checkpoint(kPlace, progress);
  });
  FaultyStorage counting(disk, {});
  (void)run_on(counting, options_for(2), [&](Master<Walker>& master) {
    EXPECT_TRUE(master.restore(kPlace));
    result = counting.operations();
  });
  return result;
}

class EveryOperation : public testing::TestWithParam<Trouble> {};

TEST_P(EveryOperation, ThatFailsWhileACheckpointIsWrittenLeavesTheOneBeforeAndAUsableMaster) {
  const std::uint64_t begin = operations_before_saving();
  const std::uint64_t end = save_on({}).operations;
  ASSERT_GT(end, begin + 20);
  std::size_t refused = 0;
  for (const bool for_ever : {false, true}) {
    for (std::uint64_t at = begin; at < end; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at) + (for_ever ? " and all later ones" : ""));
      refused += save_on({GetParam(), at, for_ever}).refused;
    }
  }
  if (GetParam() == Trouble::short_transfer) {
    EXPECT_EQ(refused, 0u);
  } else {
    EXPECT_GT(refused, (end - begin) / 2);
  }
}

INSTANTIATE_TEST_SUITE_P(StorageFault, EveryOperation,
                         testing::Values(Trouble::no_space, Trouble::input_output, Trouble::done_but_fails,
                                         Trouble::short_transfer));

TEST(StorageFault, ABackgroundCheckpointThatFailsIsToldAndTheRunGoesOn) {
  MemoryStorage disk;
  FaultyStorage full(disk, {Trouble::no_space, 0, true});
  engine::Options options = options_for(2);
  options.checkpoint = kPlace;
  options.checkpoint_every = checkpoint::Rounds{1};
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_on(full, options,
                   [&](Master<Walker>& master) {
                     Progress progress;
                     master.reset(Journey::start(12));
                     Journey journey(master, progress, 0);
                     for (; progress.step < 3; ++progress.step) {
                       master.safe_point(progress);
                       journey.step();
                     }
                     EXPECT_EQ(journey.finish(), expected());
                   }),
            0);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("a checkpoint failed, the run goes on"), std::string::npos) << told;
  EXPECT_NE(told.find("No space left on device"), std::string::npos) << told;
}

TEST(StorageFault, ARunThatIsToldToLeaveLeavesWhateverTheDiskDoes) {
  MemoryStorage disk;
  FaultyStorage broken(disk, {Trouble::input_output, 0, true});
  engine::Options options = options_for(2);
  options.checkpoint = kPlace;
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_on(broken, options,
                   [&](Master<Walker>& master) {
                     Progress progress;
                     master.reset(Journey::start(12));
                     (void)raise(SIGUSR2);
                     master.safe_point(progress);
                     ADD_FAILURE() << "it goes on";
                   }),
            engine::kRequeueStatus);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("the last checkpoint failed"), std::string::npos) << told;
}

TEST(StorageFault, ACopyThatFailsIsToldAndTheCheckpointStands) {
  MemoryStorage disk;
  engine::Options options = options_for(2);
  options.checkpoint_copy = "copy";
  // a file where the folder of the copies should be
  {
    const auto file = disk.create("copy");
    const std::byte byte{};
    (void)file->write(Bytes(&byte, 1));
    file->close();
  }
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_on(disk, options,
                   [&](Master<Walker>& master) {
                     Progress progress;
                     master.reset(Journey::start(12));
                     master.checkpoint(kPlace, progress);
                     EXPECT_TRUE(master.restore(kPlace, progress));
                     EXPECT_EQ(master.size(), 12u);
                   }),
            0);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("the copy of a checkpoint failed"), std::string::npos) << told;
}

}  // namespace
}  // namespace rondo::test
