// How a program was started: by a launcher of its MPI, or of another one, with options that fit or do not.
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "launch.hpp"
#include "resilience/temporary_folder.hpp"

namespace rondo::test {
namespace {

const std::string kProgram = RONDO_TEST_PROGRAM;
const std::string kLauncher = RONDO_TEST_LAUNCHER;

Ended ranks(int count, const std::string& arguments) {
  return launch(kLauncher + " -np " + std::to_string(count) + " " + kProgram + " " + arguments);
}

// Each of these says that there are others, and MPI finds none: as a launcher of another MPI.
TEST(Launchers, ProcessesOfALauncherOfAnotherMpiAreNoRuns) {
  for (const std::string environment :
       {"OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=0", "PMI_SIZE=4 PMI_RANK=0",
        "MV2_COMM_WORLD_SIZE=4 MV2_COMM_WORLD_RANK=0"}) {
    const Ended ended = launch("env " + environment + " " + kProgram + " fine");
    EXPECT_EQ(ended.status, 1) << ended.output;
    EXPECT_EQ(ended.count("rondo: "), 1U) << ended.output;
    EXPECT_TRUE(ended.says(" has started 4 processes, but ")) << ended.output;
    EXPECT_FALSE(ended.says("sum")) << ended.output;
    EXPECT_EQ(launch("env " + environment + " " + kProgram + " fine --rondo-alone").output, "sum 200\n");
  }
}

TEST(Launchers, RanksThatAreToBeAloneAreRuns) {
  const Ended ended = ranks(2, "fine --rondo-alone --rondo-workers=1");
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.output, "sum 200\nsum 200\n");
}

TEST(Launchers, WorkersThatTheLauncherHasStartedCannotBeMore) {
  const Ended ended = ranks(2, "fine --rondo-workers=7");
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(
      ended.count("rondo: --rondo-workers=7 is ignored: the launcher has started 2 ranks, of which 1 is "
                  "a worker\n"),
      1U)
      << ended.output;
  EXPECT_FALSE(ranks(1, "fine --rondo-workers=2").says("ignored")) << "one rank runs on threads";
  EXPECT_TRUE(launch("env RONDO_WORKERS=7 " + kLauncher + " -np 2 " + kProgram + " fine")
                  .says("rondo: RONDO_WORKERS=7 is ignored"));
}

// ---- signals

// A signal that asks for a checkpoint, or for the end, finds a process that listens from the start.
TEST(Launchers, ASignalThatComesWhileMpiBeginsEndsNoRank) {
  const TemporaryFolder folder;
  const std::string program = RONDO_TEST_EARLY_PROGRAM;
  for (const int signal : {SIGUSR1, SIGUSR2})
    for (const std::string place : {"init", "meeting", "welcome"}) {
      const Ended ended = launch(kLauncher + " -np 4 " + program + " " + place + " " +
                                 std::to_string(signal) + " --rondo-checkpoint=" + folder / "checkpoints");
      EXPECT_EQ(ended.status, 0) << ended.output;
      EXPECT_TRUE(ended.says("sum 81 on 3\n")) << ended.output;
    }
}

}  // namespace
}  // namespace rondo::test
