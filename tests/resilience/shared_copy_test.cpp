// Runs that share a folder for copies: each goes on from its own, and leaves those of the others alone.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "checkpoint/catalog.hpp"
#include "checkpoint/format.hpp"
#include "engine/session.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"
#include "run_on_storage.hpp"

namespace rondo::test {
namespace {

constexpr const char* kCopy = "scratch/copies";
constexpr std::uint64_t kSteps = 6;
using Numbers = std::vector<std::uint64_t>;

class SharedCopy : public testing::Test {
 protected:
  // A run of `states` states on the place, which resumes or begins, does its steps up to `last` with a checkpoint after each,
  // and does `begun` before and `between` in the middle of them. Its step at the begin, and its digest once it has done all of them.
  struct Ended {
    int status = 0;
    std::uint64_t begun_at = 0;
    std::uint64_t digest = 0;
  };
  Ended travel(const std::string& place, std::size_t states, std::uint64_t last = kSteps,
               const std::function<void()>& between = {}, const std::function<void()>& begun = {}) {
    engine::Options options;
    options.workers = 2;
    options.checkpoint = place;
    options.checkpoint_copy = kCopy;
    Ended ended;
    testing::internal::CaptureStderr();
    ended.status = run_on(locked_, options, [&](Master<Walker>& master) {
      Progress progress;
      if (!master.resume(progress)) master.reset(Journey::start(states));
      ended.begun_at = progress.step;
      Journey journey(master, progress, 0);
      if (begun) begun();
      while (progress.step < last) {
        journey.step();
        ++progress.step;
        master.checkpoint(place, progress);
        if (between && progress.step == 2) {
          told_ = testing::internal::GetCapturedStderr();
          between();
          testing::internal::CaptureStderr();
        }
      }
      if (last == kSteps) ended.digest = journey.finish();
    });
    told_ = testing::internal::GetCapturedStderr();
    return ended;
  }
  // What a run of so many states ends with that nobody disturbs.
  static std::uint64_t undisturbed(std::size_t states) {
    checkpoint::MemoryStorage memory;
    LockedStorage locked(memory);
    engine::Options options;
    options.workers = 2;
    std::uint64_t digest = 0;
    EXPECT_EQ(run_on(locked, options,
                     [&](Master<Walker>& master) {
                       Progress progress;
                       master.reset(Journey::start(states));
                       Journey journey(master, progress, 0);
                       for (; progress.step < kSteps; ++progress.step) journey.step();
                       digest = journey.finish();
                     }),
              0);
    return digest;
  }
  // The roots of runs in the folder for copies.
  std::vector<Path> copies() { return every(checkpoint::list_shared(disk_, kCopy, "nobody's")); }
  std::vector<Path> copies_of(const std::string& place) {
    return checkpoint::list_shared(disk_, kCopy, place).of_own;
  }
  void lose(const Path& path) {
    for (const std::string& name : disk_.list(path)) lose(path / name);
    disk_.remove(path);
  }
  // One bit of its manifest.
  void damage(const Path& root, std::uint64_t sequence) {
    disk_.bytes(checkpoint::checkpoint_folder(root, sequence) / checkpoint::kManifestName)[50] ^=
        std::byte{1};
  }

  checkpoint::MemoryStorage disk_;
  LockedStorage locked_{disk_};
  std::string told_;

 private:
  static std::vector<Path> every(checkpoint::Shared shared) {
    shared.others.insert(shared.others.end(), shared.of_own.begin(), shared.of_own.end());
    return shared.others;
  }
};

TEST_F(SharedCopy, EachRunGoesOnFromItsOwnWhicheverIsTheNewest) {
  // one in the middle of the other, so that both number their checkpoints alike
  EXPECT_EQ(travel("one", 12, 3, [&] { travel("other", 7, 5); }).status, 0);
  EXPECT_EQ(checkpoint::sequences(disk_, copies_of("one").at(0)), (Numbers{2, 3}));
  EXPECT_EQ(checkpoint::sequences(disk_, copies_of("other").at(0)), (Numbers{4, 5}));
  damage("one", 3);  // now its newest is in the copy
  Ended ended = travel("one", 12);
  EXPECT_EQ(ended.begun_at, 3u);
  EXPECT_EQ(ended.digest, undisturbed(12));
  ended = travel("other", 7);
  EXPECT_EQ(ended.begun_at, 5u);
  EXPECT_EQ(ended.digest, undisturbed(7));
  EXPECT_EQ(copies().size(), 2u) << "a run that goes on is still the same";
}

// One place for two runs: whose checkpoints are not the newest there any more makes none, and leaves those of the other.
TEST_F(SharedCopy, TwoRunsInOnePlaceDoNotDestroyEachOther) {
  EXPECT_EQ(travel("one", 12, 5, [&] { EXPECT_EQ(travel("one", 12, 4).begun_at, 2u); }).status, 1);
  EXPECT_NE(told_.find("checkpoint-000000000004 is of another run, which writes here too"), std::string::npos)
      << told_;
  EXPECT_EQ(checkpoint::sequences(disk_, "one"), (Numbers{3, 4}));
  const Ended ended = travel("one", 12);
  EXPECT_EQ(ended.begun_at, 4u);
  EXPECT_EQ(ended.digest, undisturbed(12));
}

TEST_F(SharedCopy, APlaceThatComesBackWhileARunGoesOnFromItsCopyIsNotAnothers) {
  travel("one", 12, 3);
  disk_.rename("one", "away");
  EXPECT_EQ(travel("one", 12, 4, {},
                   [&] {
                     lose("one");
                     disk_.rename("away", "one");
                   })
                .status,
            0);
  EXPECT_EQ(checkpoint::sequences(disk_, "one"), (Numbers{3, 4}));
}

TEST_F(SharedCopy, ALostPlaceIsMadeGoodByItsOwnCopies) {
  travel("one", 12, 3);
  travel("other", 7, 5);
  lose("one");
  Ended ended = travel("one", 12, 4);
  EXPECT_EQ(ended.begun_at, 3u);
  lose("one");
  ended = travel("one", 12);
  EXPECT_EQ(ended.begun_at, 4u);
  EXPECT_EQ(ended.digest, undisturbed(12));
  EXPECT_EQ(copies().size(), 2u);
  EXPECT_EQ(checkpoint::sequences(disk_, copies_of("other").at(0)), (Numbers{4, 5}));
}

TEST_F(SharedCopy, ARunThatBeginsDoesNotTakeUpThatOfAnother) {
  travel("one", 12, 3);
  const Ended ended = travel("other", 7);
  EXPECT_EQ(ended.begun_at, 0u);
  EXPECT_EQ(ended.digest, undisturbed(7));
  EXPECT_EQ(checkpoint::sequences(disk_, copies_of("one").at(0)), (Numbers{2, 3}));
  // neither does one that cannot read its own place any more
  for (const std::uint64_t sequence : {5, 6}) damage("other", sequence);
  lose(copies_of("other").at(0));
  EXPECT_EQ(travel("other", 7).status, 1);
  EXPECT_NE(told_.find("no checkpoint in other can be used"), std::string::npos) << told_;
}

TEST_F(SharedCopy, WhoBeginsIsToldThatOnlyOthersHaveCopiesThere) {
  travel("one", 12, 1);
  EXPECT_EQ(told_, "");
  travel("other", 7, 1);
  EXPECT_NE(told_.find("scratch/copies has none that was copied from there"), std::string::npos) << told_;
  travel("other", 7, 2);
  EXPECT_EQ(told_.find("is ignored"), std::string::npos) << told_;
}

TEST_F(SharedCopy, WhoGoesOnFromACopyIsTold) {
  travel("one", 12, 3);
  lose("one");
  travel("one", 12, 5);
  EXPECT_NE(told_.find("goes on after round 3 from " + (copies_of("one").at(0) / "").string()),
            std::string::npos)
      << told_;
  lose(Path("one") / checkpoint::checkpoint_name(5));
  travel("one", 12, 6);
  EXPECT_NE(told_.find("as the newest is older in one"), std::string::npos) << told_;
}

TEST_F(SharedCopy, APlaceThatWasRenamedIsToldOfNewerCopies) {
  travel("one", 12, 3);
  lose(Path("one") / checkpoint::checkpoint_name(3));
  disk_.rename("one", "two");
  EXPECT_EQ(travel("two", 12, 4).begun_at, 2u);
  EXPECT_NE(told_.find(copies_of("one").at(0).string() + " has newer checkpoints of this run"),
            std::string::npos)
      << told_;
}

TEST_F(SharedCopy, WhoNamesTheFolderOfTheCopiesAsThePlaceIsTold) {
  travel("one", 12, 3);
  EXPECT_EQ(travel(kCopy, 12, 1).begun_at, 0u);
  EXPECT_NE(told_.find("has no checkpoint, but copies of runs"), std::string::npos) << told_;
}

TEST_F(SharedCopy, ALostPlaceOfTwoRunsIsRefusedByTheNamesOfBoth) {
  travel("one", 12, 3);
  std::vector<Path> runs = copies();
  // who takes away both the place and its copies begins anew, and who puts the copies back has two
  const Path kept = runs.at(0);
  lose("one");
  const Path aside = Path(kCopy) / "aside";
  disk_.rename(kept, aside);
  EXPECT_EQ(travel("one", 7, 2).begun_at, 0u);
  disk_.rename(aside, kept);
  runs = copies();
  ASSERT_EQ(runs.size(), 2u);

  // the place says which
  EXPECT_EQ(travel("one", 7, 3).begun_at, 2u);
  lose("one");
  EXPECT_EQ(travel("one", 7).status, 1);
  EXPECT_NE(told_.find("copies are of more than one run"), std::string::npos) << told_;
  for (const Path& run : runs) EXPECT_NE(told_.find(run.string()), std::string::npos) << told_;

  // what it says helps, either way
  EXPECT_EQ(travel(kept.string(), 12).digest, undisturbed(12));
  lose(kept);
  const Ended ended = travel("one", 7);
  EXPECT_EQ(ended.begun_at, 3u);
  EXPECT_EQ(ended.digest, undisturbed(7));
}

TEST_F(SharedCopy, WhatBeginsWithTheStatesOfAnotherRunIsARunOfItsOwn) {
  travel("one", 12, 3);
  engine::Options options;
  options.workers = 2;
  options.checkpoint = "other";
  options.checkpoint_copy = kCopy;
  for (int i = 0; i < 2; ++i) {
    lose("other");
    EXPECT_EQ(run_on(locked_, options,
                     [&](Master<Walker>& master) {
                       Progress progress;
                       ASSERT_TRUE(master.restore("one", progress));
                       master.checkpoint("other", progress);
                     }),
              0);
  }
  EXPECT_EQ(copies_of("one").size(), 1u);
  EXPECT_EQ(copies_of("other").size(), 2u);
}

}  // namespace
}  // namespace rondo::test
