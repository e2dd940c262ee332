// Disks that fail while checkpoints are written and read: the run goes on, says so, and an older checkpoint stands.
#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>

#include "checkpoint/catalog.hpp"
#include "engine/build.hpp"
#include "engine/session.hpp"
#include "engine/signals.hpp"
#include "faulty_storage.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"
#include "run_on_storage.hpp"

namespace rondo::test {
namespace {

using checkpoint::FaultyStorage;
using checkpoint::MemoryStorage;
using checkpoint::Path;
using checkpoint::Trouble;

// The disk is for one thread.
template <class Main>
int run_on_disk(checkpoint::Storage& disk, const engine::Options& options, Main main) {
  LockedStorage locked(disk);
  return run_on(locked, options, std::move(main));
}

engine::Options options_for(std::uint32_t workers) {
  engine::Options options;
  options.workers = workers;
  return options;
}

constexpr const char* kPlace = "checkpoints";
constexpr const char* kCopy = "second/place";

// With one place or two.
engine::Options options_for(std::uint32_t workers, int places) {
  engine::Options options = options_for(workers);
  options.checkpoint = kPlace;
  if (places == 2) options.checkpoint_copy = kCopy;
  return options;
}

// After three steps, whatever happened to the disk in between.
std::uint64_t expected() {
  static const std::uint64_t digest = [] {
    std::uint64_t result = 0;
    MemoryStorage storage;
    (void)run_on_disk(storage, options_for(2), [&](Master<Walker>& master) {
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

// Goes on from what a restart finds, and says from which step; 0: there is nothing.
std::uint64_t restored_step(checkpoint::Storage& disk, std::uint32_t workers, int places) {
  std::uint64_t step = 0;
  EXPECT_EQ(run_on_disk(disk, options_for(workers, places),
                        [&](Master<Walker>& master) {
                          Progress progress;
                          if (!master.restore(kPlace, progress)) return;
                          step = progress.step;
                          Journey journey(master, progress, 0);
                          for (; progress.step < 3; ++progress.step) journey.step();
                          EXPECT_EQ(journey.finish(), expected());
                        }),
            0);
  return step;
}

// Checkpoints after step 1 on a good disk, and after step 2 on a bad one; then restores what there is.
Outcome save_on(const checkpoint::TroublePlan& plan, int places) {
  MemoryStorage disk;
  Outcome outcome;
  EXPECT_EQ(run_on_disk(disk, options_for(3, places),
                        [&](Master<Walker>& master) {
                          Progress progress;
                          master.reset(Journey::start(12));
                          Journey journey(master, progress, 0);
                          journey.step();
                          ++progress.step;
                          master.checkpoint(kPlace, progress);
                        }),
            0);
  FaultyStorage faulty(disk, {});
  EXPECT_EQ(run_on_disk(faulty, options_for(2, places),
                        [&](Master<Walker>& master) {
                          Progress progress;
                          if (!master.restore(kPlace, progress)) throw Error("nothing to begin with");
                          Journey journey(master, progress, 0);
                          journey.step();
                          ++progress.step;
                          faulty.meet(plan);
                          try {
                            master.checkpoint(kPlace, progress);
                          } catch (const CheckpointError&) {
                            outcome.refused = true;
                          }
                          outcome.operations = faulty.operations();
                          if (outcome.operations == 0) throw Error("nothing was asked of the disk");
                          journey.step();  // the run goes on
                          EXPECT_EQ(journey.finish(), expected());
                        }),
            0);
  // what a failed attempt leaves would take the space of the next
  if (outcome.refused && !plan.for_ever) {
    EXPECT_EQ(checkpoint::sequences(disk, kPlace), std::vector<std::uint64_t>{1});
  }
  for (const std::uint32_t workers : {1, 3}) {
    const std::uint64_t step = restored_step(disk, workers, places);
    EXPECT_TRUE(step == 2 || (outcome.refused && step == 1)) << step;
  }
  return outcome;
}

// What the scheduler has learned is in no result, so it is compared where it is kept.
TEST(StorageFault, WhatWasLearnedOfCostsComesBackToAnyNumberOfWorkers) {
  MemoryStorage disk;
  const auto checkpoint_after = [&](std::uint32_t workers, int steps) {
    EXPECT_EQ(run_on_disk(disk, options_for(workers, 1),
                          [&](Master<Walker>& master) {
                            Progress progress;
                            if (!master.resume(progress)) master.reset(Journey::start(12));
                            Journey journey(master, progress, 0);
                            for (; steps > 0; --steps, ++progress.step) journey.step();
                            master.checkpoint(kPlace, progress);
                          }),
              0);
    const std::uint64_t last = checkpoint::sequences(disk, kPlace).back();
    const checkpoint::Manifest manifest = checkpoint::read_manifest(
        disk, checkpoint::checkpoint_folder(kPlace, last),
        engine::hash_of_types(detail::make_program<Walker>([] { return Walker(); })));
    return std::string(reinterpret_cast<const char*>(manifest.scheduler.data()), manifest.scheduler.size());
  };
  const std::string learned = checkpoint_after(2, 3);
  EXPECT_NE(learned, std::string(learned.size(), learned.front()));
  EXPECT_EQ(checkpoint_after(2, 0), learned);
  EXPECT_EQ(checkpoint_after(3, 0), learned);
}

class EveryOperation : public testing::TestWithParam<Trouble> {};

TEST_P(EveryOperation, ThatFailsWhileACheckpointIsWrittenLeavesTheOneBeforeAndAUsableMaster) {
  const std::uint64_t operations = save_on({}, 1).operations;
  ASSERT_GT(operations, 20u);
  std::size_t refused = 0;
  for (const bool for_ever : {false, true}) {
    for (std::uint64_t at = 0; at < operations; ++at) {
      SCOPED_TRACE("operation " + std::to_string(at) + (for_ever ? " and all later ones" : ""));
      refused += save_on({GetParam(), at, for_ever}, 1).refused;
    }
  }
  if (GetParam() == Trouble::short_transfer) {
    EXPECT_EQ(refused, 0u);
  } else {
    EXPECT_GT(refused, operations / 2);
  }
}

class EveryOperationOfTwoPlaces : public testing::TestWithParam<Trouble> {};

TEST_P(EveryOperationOfTwoPlaces, ThatFailsCostsNothing) {
  const std::uint64_t operations = save_on({}, 2).operations;
  testing::internal::CaptureStderr();  // it is told, each time
  for (std::uint64_t at = 0; at < operations; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    EXPECT_FALSE(save_on({GetParam(), at, false}, 2).refused);
  }
  for (const char* const place : {kPlace, kCopy}) {
    const std::uint64_t in_place = save_on({Trouble::none, 0, false, place}, 2).operations;
    ASSERT_GT(in_place, operations / 3);
    for (std::uint64_t at = 0; at < in_place; at += 2) {
      SCOPED_TRACE(place + (" from operation " + std::to_string(at)) + " on");
      EXPECT_FALSE(save_on({GetParam(), at, true, place}, 2).refused);
    }
  }
  (void)testing::internal::GetCapturedStderr();
}

TEST_P(EveryOperationOfTwoPlaces, MayBeTheLastOneThatBothDo) {
  const std::uint64_t operations = save_on({}, 2).operations;
  testing::internal::CaptureStderr();
  std::size_t refused = 0;
  for (std::uint64_t at = 0; at < operations; at += 2) {
    SCOPED_TRACE("from operation " + std::to_string(at) + " on");
    refused += save_on({GetParam(), at, true}, 2).refused;
  }
  (void)testing::internal::GetCapturedStderr();
  EXPECT_GT(refused, 0u);
}

INSTANTIATE_TEST_SUITE_P(StorageFault, EveryOperation,
                         testing::Values(Trouble::no_space, Trouble::input_output, Trouble::done_but_fails,
                                         Trouble::short_transfer));
INSTANTIATE_TEST_SUITE_P(StorageFault, EveryOperationOfTwoPlaces,
                         testing::Values(Trouble::input_output, Trouble::done_but_fails));

// What a crash leaves after an operation of a run, and how many of its checkpoints had returned before.
struct Wreck {
  std::unique_ptr<MemoryStorage> disk;
  std::uint64_t complete;
};

void expect_the_last_or_the_one_being_written(checkpoint::Survival survival, int places) {
  MemoryStorage disk;
  FaultyStorage watched(disk, {});
  std::mt19937_64 generator(places);
  std::vector<Wreck> wrecks;
  std::uint64_t complete = 0;
  watched.after_operation = [&] { wrecks.push_back({disk.after_crash(survival, generator), complete}); };
  EXPECT_EQ(run_on_disk(watched, options_for(2, places),
                        [&](Master<Walker>& master) {
                          Progress progress;
                          master.reset(Journey::start(12));
                          Journey journey(master, progress, 0);
                          while (progress.step < 2) {
                            journey.step();
                            ++progress.step;
                            master.checkpoint(kPlace, progress);
                            complete = progress.step;
                          }
                          watched.after_operation = nullptr;
                        }),
            0);
  ASSERT_GT(wrecks.size(), 50u * static_cast<unsigned>(places));
  for (std::size_t i = 0; i < wrecks.size(); i += static_cast<std::size_t>(places)) {
    SCOPED_TRACE("a crash after operation " + std::to_string(i));
    const std::uint64_t step = restored_step(*wrecks[i].disk, 1 + i % 3, places);
    EXPECT_TRUE(step == wrecks[i].complete || step == wrecks[i].complete + 1)
        << step << " after " << wrecks[i].complete;
  }
}

TEST(StorageFault, ACrashAfterAnyOperationCostsNoCheckpointThatWasComplete) {
  using checkpoint::Survival;
  for (const int places : {1, 2})
    for (const Survival survival : {Survival::everything, Survival::flushed, Survival::some})
      expect_the_last_or_the_one_being_written(survival, places);
}

TEST(StorageFault, ABackgroundCheckpointThatFailsIsToldAndTheRunGoesOn) {
  MemoryStorage disk;
  FaultyStorage full(disk, {});
  engine::Options options = options_for(2);
  options.checkpoint = kPlace;
  options.checkpoint_every = Rounds{1};
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_on_disk(full, options,
                        [&](Master<Walker>& master) {
                          Progress progress;
                          full.meet({Trouble::no_space, 0, true});
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

// The status of a run that is told to leave when its disk has died, and what it tells.
int leave_on_a_dead_disk(bool saved_before, std::string& told) {
  MemoryStorage disk;
  FaultyStorage broken(disk, {});
  engine::Options options = options_for(2, 2);
  // an older one, of another start: enough to begin again with, and no step further
  EXPECT_EQ(run_on_disk(disk, options,
                        [](Master<Walker>& master) {
                          master.reset(Journey::start(12));
                          master.checkpoint(kPlace, Progress());
                        }),
            0);
  testing::internal::CaptureStderr();
  const int status = run_on_disk(broken, options, [&](Master<Walker>& master) {
    Progress progress;
    EXPECT_TRUE(master.resume(progress));
    if (saved_before) master.checkpoint(kPlace, progress);
    broken.meet({Trouble::input_output, 0, true});
    (void)raise(SIGUSR2);
    master.safe_point(progress);
    ADD_FAILURE() << "it goes on";
  });
  told = testing::internal::GetCapturedStderr();
  return status;
}

TEST(StorageFault, ARunThatIsToldToLeaveAsksForARestartOnlyIfItHasSavedSomething) {
  std::string told;
  EXPECT_EQ(leave_on_a_dead_disk(true, told), engine::kRequeueStatus);
  EXPECT_NE(told.find("the last checkpoint failed, the one before stands"), std::string::npos) << told;
  EXPECT_EQ(leave_on_a_dead_disk(false, told), engine::kNothingSavedStatus);
  EXPECT_NE(told.find("and so did all of this run"), std::string::npos) << told;
}

void put_a_file(checkpoint::Storage& disk, const Path& path) {
  const auto file = disk.create(path);
  const std::byte byte{};
  (void)file->write(Bytes(&byte, 1));
  file->close();
}

TEST(StorageFault, APlaceThatCannotBeWrittenIsToldAsTheRunBegins) {
  for (const bool both : {false, true}) {
    for (const char* const broken : {"checkpoints", "second"}) {
      MemoryStorage disk;
      put_a_file(disk, broken);  // where there should be a folder
      if (both) put_a_file(disk, broken == std::string("second") ? "checkpoints" : "second");
      testing::internal::CaptureStderr();
      bool begun = false;
      EXPECT_EQ(run_on_disk(disk, options_for(2, 2),
                            [&](Master<Walker>& master) {
                              begun = true;
                              Progress progress;
                              EXPECT_FALSE(master.resume(progress));
                              master.reset(Journey::start(12));
                              master.checkpoint(kPlace, progress);
                              EXPECT_TRUE(master.resume(progress));
                              EXPECT_EQ(master.size(), 12u);
                            }),
                both ? 1 : 0);
      const std::string told = testing::internal::GetCapturedStderr();
      EXPECT_EQ(begun, !both);
      EXPECT_NE(told.find(broken == std::string("second") ? "--rondo-checkpoint-copy: rank 0: second/"
                                                          : "--rondo-checkpoint: rank 0: checkpoints/"),
                std::string::npos)
          << told;
      EXPECT_EQ(told.find("rondo::CheckpointError") != std::string::npos, both) << told;
      EXPECT_EQ(told.find("a checkpoint is in ") != std::string::npos, !both) << told;
    }
  }
}

TEST(StorageFault, NoSpaceForAWordIsToldAsTheRunBegins) {
  MemoryStorage disk;
  FaultyStorage full(disk, {Trouble::no_space, 0, true, "checkpoints/trial"});
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_on_disk(full, options_for(2, 1), [](Master<Walker>&) { ADD_FAILURE() << "it begins"; }), 1);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("No space left on device"), std::string::npos) << told;
  EXPECT_TRUE(disk.list(kPlace).empty());
}

// A file system may give what is written there to another user, say: then it could not be gone on from.
TEST(StorageFault, APlaceThatCannotBeReadIsToldAsTheRunBegins) {
  MemoryStorage disk;
  constexpr std::uint64_t kRead = 5;  // after create, write, sync, close and rename
  FaultyStorage unreadable(disk, {Trouble::input_output, kRead, false, "checkpoints/trial"});
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_on_disk(unreadable, options_for(2, 1), [](Master<Walker>&) { ADD_FAILURE() << "it begins"; }),
            1);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("--rondo-checkpoint: rank 0: "), std::string::npos) << told;
}

}  // namespace
}  // namespace rondo::test
