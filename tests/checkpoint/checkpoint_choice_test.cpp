// Which checkpoint a run goes on from, of its folder and of the copies in a folder that runs share.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/choice.hpp"
#include "checkpoint/format.hpp"
#include "ensemble.hpp"
#include "memory_storage.hpp"

namespace rondo::checkpoint {
namespace {

const std::string kFolder = "runs/mine";
const Path kCopies = Path::shared("copies");

class ChoiceTest : public testing::Test {
 protected:
  // Checkpoint number `rounds` of this run ends there, with all before it.
  void write(const Path& root, std::uint64_t rounds, std::uint64_t run = 7) {
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      Ensemble ensemble = ensemble_of(7, round, 10, 50);
      ensemble.run = run;
      write_checkpoint(storage_, root, ensemble, 2, 100);
    }
  }
  static Path copies_of(const std::string& folder, std::uint64_t run) {
    return kCopies / run_name(folder, run);
  }
  Choice choose(bool with_copies = true) {
    return {storage_, kFolder, with_copies ? std::optional(kCopies) : std::nullopt, kTypeHash,
            [this](const std::string& line) { told_.push_back(line); }};
  }
  // Where it is, after the root: "mine/3".
  static std::string place(const Choice& choice) {
    const Checkpoint* found = choice.newest();
    if (found == nullptr) return "none";
    return (choice.is_first_place() ? "first/" : "copy/") + std::to_string(found->sequence);
  }
  bool has_told(const std::string& part) const {
    for (const std::string& line : told_)
      if (line.find(part) != std::string::npos) return true;
    return false;
  }

  MemoryStorage storage_;
  std::vector<std::string> told_;
};

TEST_F(ChoiceTest, NothingAnywhereIsANewRun) {
  const Choice choice = choose();
  EXPECT_EQ(place(choice), "none");
  EXPECT_EQ(choice.refusals(), "");
  EXPECT_TRUE(told_.empty());
}

TEST_F(ChoiceTest, OfTwoCopiesOfOneTheFirstPlaceIsTaken) {
  write(kFolder, 3);
  write(copies_of(kFolder, 7), 3);
  EXPECT_EQ(place(choose()), "first/3");
}

TEST_F(ChoiceTest, ANewerCopyIsTaken) {
  write(kFolder, 2);
  write(copies_of(kFolder, 7), 3);
  Choice choice = choose();
  EXPECT_EQ(place(choice), "copy/3");
  EXPECT_TRUE(choice.has_first_place());
  choice.refuse("the copy cannot be read");
  EXPECT_EQ(place(choice), "first/2");
  choice.refuse("this neither");
  EXPECT_EQ(place(choice), "copy/2");
  EXPECT_EQ(choice.refusals(), "\n  the copy cannot be read\n  this neither");
  choice.refuse("");
  choice.refuse("");
  choice.refuse("");
  EXPECT_EQ(place(choice), "none");
}

TEST_F(ChoiceTest, CopiesOfAnotherRunAreIgnoredWhereTheFolderHasOne) {
  write(kFolder, 2);
  write(copies_of(kFolder, 8), 5, 8);
  EXPECT_EQ(place(choose()), "first/2");
}

TEST_F(ChoiceTest, AnEmptyFolderGoesOnFromTheOnlyCopiesThatWereMadeOfIt) {
  write(copies_of(kFolder, 8), 4, 8);
  write(copies_of("runs/other", 9), 6, 9);
  EXPECT_EQ(place(choose()), "copy/4");
}

TEST_F(ChoiceTest, CopiesOfTwoRunsOfTheSameFolderAreNotChosenFrom) {
  write(copies_of(kFolder, 8), 4, 8);
  write(copies_of(kFolder, 9), 6, 9);
  try {
    (void)choose();
    ADD_FAILURE() << "one was chosen";
  } catch (const CheckpointError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("of more than one run"), std::string::npos) << text;
    EXPECT_NE(text.find(run_name(kFolder, 8)), std::string::npos) << text;
    EXPECT_NE(text.find(run_name(kFolder, 9)), std::string::npos) << text;
  }
}

TEST_F(ChoiceTest, CopiesThatOthersHaveThereAreIgnoredAndThatIsTold) {
  write(copies_of("runs/other", 9), 6, 9);
  EXPECT_EQ(place(choose()), "none");
  EXPECT_TRUE(has_told("what others have there is ignored"));
}

TEST_F(ChoiceTest, TheFolderOfTheCopiesGivenAsTheFolderIsTold) {
  write(Path(kFolder) / run_name("runs/other", 9), 1, 9);
  EXPECT_EQ(place(choose(false)), "none");
  EXPECT_TRUE(has_told("but copies of runs"));
}

TEST_F(ChoiceTest, NewerCopiesOfThisRunFromAnotherPlaceAreTold) {
  write(kFolder, 2);
  write(copies_of("runs/before_it_was_renamed", 7), 5);
  EXPECT_EQ(place(choose()), "first/2");
  EXPECT_TRUE(has_told("newer checkpoints of this run"));
}

}  // namespace
}  // namespace rondo::checkpoint
