// Programs, and updates, that change the working directory; ranks that begin in different ones. What a path means is settled
// as the run begins, by rank 0.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <unistd.h>

#include "engine/command_line.hpp"

namespace rondo::test {
namespace {

namespace fs = std::filesystem;

std::string elsewhere;  // where updates go

// Leaves the folder in the middle of each update, as a program does that calls others.
class Wandering : public Update<int, int, int> {
 public:
  int update(int& state, const int& input, const Call&) override {
    EXPECT_EQ(::chdir(elsewhere.c_str()), 0);
    return state += input;
  }
};

int rank_here() {
  for (const char* const name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK"})
    if (const char* const rank = std::getenv(name)) return std::atoi(rank);
  return 0;
}

// The ranks of one run have one parent.
class WorkingFolder : public ::testing::Test {
 protected:
  WorkingFolder()
      : top_(fs::temp_directory_path() / ("rondo_working_folder_" + std::to_string(::getppid()) + "_" +
                                          testing::UnitTest::GetInstance()->current_test_info()->name())) {
    for (const int rank : {0, rank_here()}) fs::create_directories(start(rank));
    fs::create_directories(top_ / "elsewhere");
    elsewhere = top_ / "elsewhere";
    go_to(start(rank_here()));
  }
  ~WorkingFolder() override {
    go_to(fs::temp_directory_path());
    std::error_code ignored;
    if (rank_here() == 0) fs::remove_all(top_, ignored);
  }

  [[nodiscard]] fs::path start(int rank) const { return top_ / ("rank" + std::to_string(rank)); }
  static void go_to(const fs::path& folder) { ASSERT_EQ(::chdir(folder.c_str()), 0) << folder; }
  // The checkpoints in a folder, with a manifest and every part that it has.
  static std::vector<std::string> complete(const fs::path& folder) {
    std::vector<std::string> names;
    if (!fs::exists(folder)) return names;
    for (const auto& entry : fs::directory_iterator(folder))
      if (fs::exists(entry.path() / "manifest") && fs::exists(entry.path() / "part-00000"))
        names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  const fs::path top_;
};

TEST_F(WorkingFolder, OptionsMeanTheOneInWhichRank0HasCalledRun) {
  const std::vector<std::string> options = {"--rondo-workers=2", "--rondo-checkpoint=ckpt",
                                            "--rondo-checkpoint-copy=copies", "--rondo-checkpoint-every=1r"};
  for (const int begins_at : {0, 3}) {
    go_to(start(rank_here()));
    EXPECT_EQ(run_with<Wandering>(options,
                                  [&](Master<Wandering>& master) {
                                    int step = 0;
                                    EXPECT_EQ(master.resume(step), begins_at > 0);
                                    EXPECT_EQ(step, begins_at);
                                    if (step == 0) master.reset(std::vector<int>(6, 1));
                                    for (const int last = step + 3; step < last;) {
                                      master.safe_point(step);
                                      (void)master.update(1);
                                      ++step;
                                      go_to(elsewhere);
                                      // the same folder, as it was named
                                      master.checkpoint("ckpt/", step);
                                    }
                                  }),
              0);
  }
  if (rank_here() != 0) return;
  EXPECT_EQ(complete(start(0) / "ckpt").size(), 2U);
  std::vector<fs::path> copies;
  for (const auto& entry : fs::directory_iterator(start(0) / "copies")) copies.push_back(entry.path());
  ASSERT_EQ(copies.size(), 1U);
  EXPECT_EQ(complete(copies.at(0)), complete(start(0) / "ckpt"));
  EXPECT_TRUE(fs::is_empty(elsewhere));
  for (const auto& entry : fs::directory_iterator(top_)) {
    if (entry.path() == start(0)) continue;
    EXPECT_TRUE(fs::is_empty(entry.path())) << entry.path();
  }
}

TEST_F(WorkingFolder, WhatTheProgramNamesIsThereToo) {
  EXPECT_EQ(run_with<Wandering>({"--rondo-workers=2"},
                                [&](Master<Wandering>& master) {
                                  master.reset(std::vector<int>(6, 1));
                                  (void)master.update(1);
                                  master.checkpoint("mine", 1);
                                  go_to(elsewhere);
                                  (void)master.update(1);
                                  master.checkpoint("mine", 2);
                                  master.checkpoint((start(0) / "absolute").string(), 3);
                                  int step = 0;
                                  EXPECT_TRUE(master.restore("mine", step));
                                  EXPECT_EQ(step, 2);
                                  EXPECT_TRUE(master.restore("absolute", step));
                                  EXPECT_EQ(step, 3);
                                  EXPECT_THROW(master.checkpoint(""), CheckpointError);
                                  EXPECT_THROW((void)master.restore(""), CheckpointError);
                                  EXPECT_EQ(master.size(), 6U);
                                }),
            0);
  if (rank_here() == 0) {
    EXPECT_EQ(complete(start(0) / "mine").size(), 2U);
    EXPECT_TRUE(fs::is_empty(elsewhere));
  }
}

TEST_F(WorkingFolder, ThatIsGoneLeavesAbsolutePaths) {
  if (rank_here() == 0) {
    fs::create_directory(start(0) / "gone");
    go_to(start(0) / "gone");
    fs::remove(start(0) / "gone");
  }
  bool begun = false;
  const auto main = [&](Master<Wandering>& master) {
    begun = true;
    master.reset(std::vector<int>(6, 1));
    master.checkpoint((start(0) / "ckpt").string());
  };
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_with<Wandering>({"--rondo-workers=2", "--rondo-checkpoint=ckpt"}, main), 1);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_FALSE(begun);
  if (rank_here() == 0) {
    EXPECT_NE(told.find("--rondo-checkpoint: need an absolute path, got 'ckpt'"), std::string::npos) << told;
  }
  EXPECT_EQ(
      run_with<Wandering>({"--rondo-workers=2", "--rondo-checkpoint=" + (start(0) / "ckpt").string()}, main),
      0);
  EXPECT_EQ(begun, rank_here() == 0);
}

}  // namespace
}  // namespace rondo::test
