// A run that is interrupted and goes on elsewhere ends as if nothing had happened.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "journey.hpp"
#include "run_on_threads.hpp"
#include "temporary_folder.hpp"

namespace rondo::test {
namespace {

constexpr std::uint64_t kSteps = 12;
constexpr std::size_t kStates = 40;

struct Ended {
  int status = 0;
  std::uint64_t resumed_at = 0;
  std::uint64_t step = 0;  // the one that did not begin
  std::uint64_t digest = 0;
};

// `interrupt(step)` is called as a step begins, after its safe point.
template <class Interrupt>
Ended travel(std::vector<std::string> options, const Interrupt& interrupt, std::uint32_t delay = 0) {
  CommandLine line(std::move(options));
  Ended ended;
  ended.status = run<Walker>(line.argc, line.argv(), [&](Master<Walker>& master) {
    Progress progress;
    if (!master.resume(progress)) master.reset(Journey::start(kStates));
    ended.resumed_at = progress.step;
    Journey journey(master, progress, delay);
    for (; progress.step < kSteps; ++progress.step) {
      ended.step = progress.step;
      master.safe_point(progress);
      interrupt(progress.step);
      journey.step();
    }
    ended.step = kSteps;
    ended.digest = journey.finish();
  });
  return ended;
}

Ended travel(std::vector<std::string> options) {
  return travel(std::move(options), [](std::uint64_t) {});
}

std::uint64_t uninterrupted() {
  static const std::uint64_t digest = travel({"--rondo-workers=2", "--rondo-seed=7"}).digest;
  return digest;
}

void copy_folder(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

class AnyWorkers : public testing::TestWithParam<int> {};

TEST_P(AnyWorkers, WriteACheckpointThatAnyNumberOfWorkersGoesOnFrom) {
  TemporaryFolder folder;
  const std::string place = folder / "kept", copy = folder / "used";
  const Ended first =
      travel({workers(GetParam()), "--rondo-seed=7", "--rondo-checkpoint=" + place}, [](std::uint64_t step) {
        if (step == 5) (void)raise(SIGUSR2);
      });
  EXPECT_EQ(first.status, 75);
  EXPECT_EQ(first.step, 6u);
  for (const int others : {1, 2, 3, 7}) {
    copy_folder(place, copy);
    // the seed is the checkpoint's, whatever is said now
    const Ended second = travel({workers(others), "--rondo-seed=8", "--rondo-checkpoint=" + copy});
    EXPECT_EQ(second.status, 0);
    EXPECT_EQ(second.resumed_at, 6u);
    EXPECT_EQ(second.digest, uninterrupted()) << GetParam() << " workers, then " << others;
  }
}

INSTANTIATE_TEST_SUITE_P(Restart, AnyWorkers, testing::Values(1, 2, 3, 7));

TEST(Restart, EveryStepHasACheckpointToGoOnFrom) {
  TemporaryFolder folder;
  const std::string options = "--rondo-checkpoint=" + (folder / "c");
  std::uint64_t at = 0;
  for (std::uint64_t interruption = 1; at < kSteps; ++interruption) {
    ASSERT_LE(interruption, kSteps + 1);
    const Ended ended = travel({workers(1 + static_cast<int>(interruption % 3)), "--rondo-seed=7", options},
                               [&](std::uint64_t step) {
                                 if (step == interruption) (void)raise(SIGUSR2);
                               });
    EXPECT_EQ(ended.resumed_at, at);
    at = ended.step;
    if (at == kSteps) {
      EXPECT_EQ(ended.digest, uninterrupted());
    }
  }
}

TEST(Restart, CheckpointsAreWrittenWhileRoundsGoOn) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  const Ended first = travel(
      {workers(3), "--rondo-seed=7", "--rondo-checkpoint=" + place, "--rondo-checkpoint-every=1r",
       "--rondo-keep=3"},
      [](std::uint64_t) {}, 100);
  EXPECT_EQ(first.status, 0);
  EXPECT_EQ(first.digest, uninterrupted());
  // each of those that are left gives the same end
  std::vector<std::string> checkpoints;
  for (const auto& entry : std::filesystem::directory_iterator(place))
    checkpoints.push_back(entry.path().string());
  std::sort(checkpoints.begin(), checkpoints.end());
  // how many there were in all, the disk decides: none is begun while one is being written
  ASSERT_GE(checkpoints.size(), 1u);
  ASSERT_LE(checkpoints.size(), 3u);
  while (!checkpoints.empty()) {
    const Ended again = travel({workers(2), "--rondo-checkpoint=" + place});
    EXPECT_GT(again.resumed_at, 0u);
    EXPECT_EQ(again.digest, uninterrupted());
    std::filesystem::remove_all(checkpoints.back());
    checkpoints.pop_back();
  }
}

TEST(Restart, ACheckpointRightAfterAResampleHasTheCopiesThatWereStillOnTheirWay) {
  TemporaryFolder folder;
  const auto play = [&](int count, bool save) {
    std::uint64_t digest = 0;
    run_on_threads<Walker>(count, [&](Master<Walker>& master) {
      std::vector<State> states(8);
      for (State& state : states) state.words.assign(100'000, 5);
      master.reset(std::move(states));
      const std::vector<std::uint32_t> offspring = {0, 0, 0, 40, 0, 0, 0, 1};
      master.resample(offspring);
      Progress progress;
      if (save) {
        master.checkpoint(folder / "c", progress);
        master.reset({});
        EXPECT_TRUE(master.restore(folder / "c", progress));
      }
      Journey journey(master, progress, 0);
      journey.step();
      digest = journey.finish();
    });
    return digest;
  };
  const std::uint64_t expected = play(1, false);
  EXPECT_EQ(play(3, true), expected);
  EXPECT_EQ(play(7, true), expected);
}

TEST(Restart, ASmallMemoryForCopiesHoldsTheNextRoundBackAndChangesNothing) {
  TemporaryFolder folder;
  const Ended ended = travel({workers(3), "--rondo-seed=7", "--rondo-checkpoint=" + (folder / "c"),
                              "--rondo-checkpoint-every=1r", "--rondo-checkpoint-memory=1"});
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.digest, uninterrupted());
  EXPECT_EQ(travel({workers(2), "--rondo-checkpoint=" + (folder / "c")}).digest, uninterrupted());
}

TEST(Restart, TheCopyIsUsedWhereTheFirstPlaceIsGoneOrDamaged) {
  TemporaryFolder folder;
  const std::string place = folder / "c", copy = folder / "copy";
  const std::vector<std::string> options = {workers(2), "--rondo-seed=7", "--rondo-checkpoint=" + place,
                                            "--rondo-checkpoint-copy=" + copy};
  const Ended first = travel(options, [](std::uint64_t step) {
    if (step == 3 || step == 5) (void)raise(step == 3 ? SIGUSR1 : SIGUSR2);
  });
  EXPECT_EQ(first.status, 75);
  copy_folder(place, folder / "c.kept");
  copy_folder(copy, folder / "copy.kept");
  // gone
  std::filesystem::remove_all(place);
  EXPECT_EQ(travel(options).digest, uninterrupted());
  // damaged in every file
  copy_folder(folder / "c.kept", place);
  copy_folder(folder / "copy.kept", copy);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(place))
    if (entry.is_regular_file()) std::filesystem::resize_file(entry.path(), entry.file_size() - 1);
  testing::internal::CaptureStderr();
  const Ended again = travel(options);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_EQ(again.resumed_at, 6u);
  EXPECT_EQ(again.digest, uninterrupted());
  EXPECT_NE(told.find(place), std::string::npos) << told;
}

TEST(Restart, ADamagedCheckpointIsToldByNameAndTheOneBeforeIsUsed) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  const std::vector<std::string> options = {workers(3), "--rondo-seed=7", "--rondo-checkpoint=" + place};
  const Ended first = travel(options, [](std::uint64_t step) {
    if (step == 2) (void)raise(SIGUSR1);
    if (step == 6) (void)raise(SIGUSR2);
  });
  ASSERT_EQ(first.status, 75);
  copy_folder(place, folder / "kept");
  std::vector<std::filesystem::path> newest;  // its files
  std::string last;
  for (const auto& entry : std::filesystem::directory_iterator(place))
    last = std::max(last, entry.path().filename().string());
  for (const auto& entry : std::filesystem::directory_iterator(place + "/" + last))
    newest.push_back(entry.path().filename());
  ASSERT_EQ(newest.size(), 4u);  // a manifest and three parts
  for (const auto& name : newest) {
    copy_folder(folder / "kept", place);
    const std::filesystem::path file = std::filesystem::path(place) / last / name;
    {
      std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
      const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(file) / 2);
      damage.seekg(middle);
      const int old = damage.get();
      damage.seekp(middle);
      damage.put(static_cast<char>(old ^ 0x10));
    }
    testing::internal::CaptureStderr();
    const Ended again = travel(options);
    const std::string told = testing::internal::GetCapturedStderr();
    EXPECT_EQ(again.resumed_at, 3u) << name;
    EXPECT_EQ(again.digest, uninterrupted()) << name;
    EXPECT_NE(told.find(file.string()), std::string::npos) << told;
  }
}

TEST(Restart, WhereEverythingIsDamagedTheMasterSaysSoAndStaysUsable) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  run_on_threads<Walker>(3, [&](Master<Walker>& master) {
    Progress progress;
    EXPECT_FALSE(master.restore(place, progress));  // nothing was ever written
    master.reset(Journey::start(20));
    master.checkpoint(place, progress);
    master.checkpoint(place, progress);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place))
      if (entry.path().filename().string().find("part") != std::string::npos)
        std::filesystem::resize_file(entry.path(), entry.file_size() - 1);
    EXPECT_THROW((void)master.restore(place, progress), CheckpointError);
    EXPECT_EQ(master.size(), 0u);
    master.reset(Journey::start(20));
    Journey journey(master, progress, 0);
    journey.step();
    EXPECT_EQ(master.size(), 20u);
    master.checkpoint(place, progress);
    EXPECT_TRUE(master.restore(place, progress));
    journey.step();
  });
}

TEST(Restart, IdsOfStatesThatAreGoneAreNotGivenAgain) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  run_on_threads<Walker>(2, [&](Master<Walker>& master) {
    std::map<StateId, std::vector<Input>> none;
    for (const StateId id : master.reset(Journey::start(5))) none[id];
    (void)master.update(none);
    EXPECT_EQ(master.size(), 0u);
    master.checkpoint(place);
  });
  run_on_threads<Walker>(2, [&](Master<Walker>& master) {
    EXPECT_TRUE(master.restore(place));
    EXPECT_EQ(master.size(), 0u);
    EXPECT_EQ(master.reset(Journey::start(2)), (std::vector<StateId>{StateId{5}, StateId{6}}));
  });
}

TEST(Restart, AContextSharedAfterTheCheckpointIsForgotten) {
  TemporaryFolder folder;
  run_on_threads<Walker>(2, [&](Master<Walker>& master) {
    Input reads_context;
    reads_context.program = 4;
    master.reset(Journey::start(6));
    master.checkpoint(folder / "c");
    const std::vector<Output> without = master.update(reads_context);
    master.share(Context{{1, 2, 3}});
    EXPECT_TRUE(master.restore(folder / "c"));
    EXPECT_EQ(master.update(reads_context), without);
    master.share(Context{{1, 2, 3}});
    EXPECT_TRUE(master.restore(folder / "c"));
    EXPECT_EQ(master.update(reads_context), without);
  });
}

}  // namespace
}  // namespace rondo::test
