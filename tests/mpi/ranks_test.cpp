// How a program ends under a launcher: every rank leaves, at once, with a status that says whether all is well, and one
// line that says why if not.
#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "launch.hpp"

namespace rondo::test {
namespace {

const std::string kProgram = RONDO_TEST_PROGRAM;
const std::string kOtherBuild = RONDO_TEST_OTHER_PROGRAM;
const std::string kLauncher = RONDO_TEST_LAUNCHER;

Ended ranks_with(const std::string& option, int count, const std::string& arguments) {
  return launch(kLauncher + " " + option + " -np " + std::to_string(count) + " " + kProgram + " " +
                arguments);
}
Ended ranks(int count, const std::string& arguments) { return ranks_with("", count, arguments); }

// Generous: a second is what it takes; whoever waits for a rank that is gone is killed after a minute.
void expect_at_once(const Ended& ended) { EXPECT_LT(ended.time.count(), 20); }

void expect_crash(const std::string& how, const std::string& signal) {
  const Ended ended = ranks(4, how);
  EXPECT_NE(ended.status, 0);
  EXPECT_EQ(ended.count("rondo: rank "), 1U) << ended.output;
  EXPECT_TRUE(ended.says(": " + signal + " in the update of state 3 in round 2\n")) << ended.output;
  expect_at_once(ended);
}

TEST(Ranks, EveryRankEndsWithTheStatusOfMain) {
  for (const int count : {1, 2, 5}) {
    const Ended fine = ranks(count, "fine");
    EXPECT_EQ(fine.status, 0);
    EXPECT_EQ(fine.output, "sum 200\n");
    EXPECT_EQ(ranks(count, "return-7").status, 7);
    EXPECT_EQ(ranks(count, "twice").output, "sum 200\nsum 200\n");
  }
  EXPECT_EQ(ranks(2, "fine --rondo-master-works").output, "sum 200\n");
}

TEST(Ranks, AnExceptionOfMainIsToldAndFailsTheJob) {
  const Ended ended = ranks(3, "throw-in-main");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("rondo: rank 0: std::runtime_error: thrown by main\n"), 1U) << ended.output;
  expect_at_once(ended);
}

TEST(Ranks, AnExceptionOfAnUpdateThatNobodyCatchesIsTold) {
  const Ended ended = ranks(3, "throw-in-update");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("rondo: rank 0: rondo::UpdateError: update of state 3 on rank "), 1U) << ended.output;
  expect_at_once(ended);
}

TEST(Ranks, AFaultInAnUpdateNamesRankStateAndRound) { expect_crash("fault", "SIGSEGV"); }
TEST(Ranks, AnAbortInAnUpdateNamesRankStateAndRound) { expect_crash("abort", "SIGABRT"); }
TEST(Ranks, AStackOverflowInAnUpdateNamesRankStateAndRoundAndTheOption) {
  const Ended ended = ranks(4, "overflow");
  EXPECT_NE(ended.status, 0);
  EXPECT_EQ(ended.count("rondo: rank "), 1U) << ended.output;
  EXPECT_TRUE(
      ended.says(": SIGSEGV in the update of state 3 in round 2: the stack of the thread is full; "
                 "--rondo-stack=SIZE gives threads bigger ones\n"))
      << ended.output;
  expect_at_once(ended);
}
TEST(Ranks, AFaultInAThreadOfAnUpdateNamesRankStateAndRound) { expect_crash("fault-in-thread", "SIGSEGV"); }

TEST(Ranks, ARankThatIsKilledEndsTheJob) {
  const Ended ended = ranks(4, "kill");
  EXPECT_EQ(ended.status, 128 + SIGKILL) << ended.output;
  expect_at_once(ended);
}

TEST(Ranks, AnExitInsideARunEndsTheJob) {
  for (const std::string how : {"exit-in-main", "exit-0-in-main", "exit-in-update", "exit-0-in-update",
                                "quick-exit-in-update", "quick-exit-in-main"}) {
    const Ended ended = ranks(3, how);
    EXPECT_NE(ended.status, 0);
    const std::string what = how.starts_with("quick") ? "quick_exit()" : "exit()";
    const std::string where = how.ends_with("main") ? "the program called " + what + " inside a run\n"
                                                    : ": " + what + " in the update of state 3 in round 2\n";
    EXPECT_TRUE(ended.says(where)) << ended.output;
    expect_at_once(ended);
  }
}

TEST(Ranks, AStateThatCannotBeUnpackedEndsTheJobByName) {
  for (const std::string options : {"", " --rondo-master-works"}) {
    const Ended ended = ranks(3, "unreadable-state" + options);
    EXPECT_EQ(ended.status, 1);
    EXPECT_TRUE(ended.says("rondo: rank ")) << ended.output;
    EXPECT_TRUE(ended.says(" cannot be unpacked: makes no sense\n")) << ended.output;
    expect_at_once(ended);
  }
}

TEST(Ranks, AFactoryThatThrowsEndsTheJob) {
  const Ended ended = ranks(3, "throw-in-factory");
  EXPECT_EQ(ended.status, 1);
  EXPECT_TRUE(ended.says("std::runtime_error: makes nothing\n")) << ended.output;
  expect_at_once(ended);
}

// ---- messages through leaders

TEST(Ranks, EndInTheSameWaysWithARelay) {
  const std::string relay = " --rondo-relay=3";
  EXPECT_EQ(ranks(9, "fine" + relay).output, "sum 200\n");
  EXPECT_EQ(ranks(9, "twice" + relay).output, "sum 200\nsum 200\n");
  EXPECT_EQ(ranks(9, "fine --rondo-master-works" + relay).output, "sum 200\n");
  EXPECT_EQ(ranks(9, "return-7" + relay).status, 7);
  EXPECT_EQ(ranks(2, "fine" + relay).output, "sum 200\n");

  const Ended failed = ranks(9, "throw-in-update" + relay);
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(failed.count("rondo: rank 0: rondo::UpdateError: update of state 3 on rank "), 1U)
      << failed.output;
  expect_at_once(failed);

  const Ended crashed = ranks(9, "fault" + relay);
  EXPECT_NE(crashed.status, 0);
  EXPECT_TRUE(crashed.says(": SIGSEGV in the update of state 3 in round 2\n")) << crashed.output;
  expect_at_once(crashed);
  const Ended killed = ranks(9, "kill" + relay);
  EXPECT_EQ(killed.status, 128 + SIGKILL) << killed.output;
  expect_at_once(killed);
}

// ---- the handshake

void expect_mismatch(const Ended& ended, std::size_t on_ranks) {
  EXPECT_EQ(ended.status, 1) << ended.output;
  for (std::size_t rank = 0; rank < on_ranks; ++rank)
    EXPECT_EQ(ended.count("rondo: rank " + std::to_string(rank) +
                          ": rondo::MismatchError: the ranks do not run the same program: rank 0 has build "),
              1U)
        << ended.output;
  EXPECT_FALSE(ended.says("sum"));
  expect_at_once(ended);
}

TEST(Ranks, DifferentBuildsAreTold) {
  const std::string two = kLauncher + " -np 1 " + kProgram + " fine : -np 2 " + kOtherBuild + " fine";
  expect_mismatch(launch(two), 3);
  const std::string last = kLauncher + " -np 3 " + kProgram + " fine : -np 1 " + kOtherBuild + " fine";
  const Ended ended = launch(last);
  expect_mismatch(ended, 4);
  EXPECT_EQ(ended.count(", rank 3 has build "), 4U) << ended.output;
}

TEST(Ranks, DifferentTypesAreTold) {
  const Ended ended = ranks(3, "other-types");
  expect_mismatch(ended, 3);
  expect_mismatch(ranks(9, "other-types --rondo-relay=3"), 9);
  EXPECT_TRUE(ended.says("Ending, int, int, int, ")) << ended.output;
  EXPECT_TRUE(ended.says("Other, int, int, double, ")) << ended.output;
}

// ---- options

TEST(Ranks, AWrongOptionIsToldOnceAndFailsTheJob) {
  const Ended ended = ranks(3, "fine --rondo-batch=0");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("rondo::OptionError: --rondo-batch: need "), 1U) << ended.output;
  expect_at_once(ended);
}

TEST(Ranks, AWrongOptionOfOneRankFailsTheJob) {
  const Ended ended = launch(kLauncher + " -np 1 " + kProgram + " fine : -np 1 " + kProgram +
                             " fine --rondo-bach=1 : -np 1 " + kProgram + " fine");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("rondo: rank 1: rondo::OptionError: --rondo-bach"), 1U) << ended.output;
  expect_at_once(ended);
}

TEST(Ranks, AGroupOfOneIsNoRelay) {
  const Ended ended = ranks(3, "fine --rondo-relay=1");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("rondo::OptionError: --rondo-relay: need auto, off or "), 1U) << ended.output;
}

TEST(Ranks, RecoveryThatTheLauncherDoesNotAllowIsTold) {
  const Ended ended = ranks(3, "fine --rondo-recover");
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.count("--rondo-recover is ignored"), 1U) << ended.output;
}

TEST(Ranks, SurvivorsThatWouldWaitForTheLostAreRefused) {
  const Ended ended = ranks_with("--enable-recovery", 3, "fine");
  EXPECT_EQ(ended.count("rondo::OptionError: --rondo-recover: need on under mpirun --enable-recovery"), 1U)
      << ended.output;
  EXPECT_FALSE(ended.says("sum 200"));
}

// Of ranks that abort mpirun bears only half.
TEST(Ranks, AnExitOfAWorkerThatMayBeLostIsNoAbort) {
  const Ended ended =
      ranks_with("--enable-recovery", 4, "exit-in-update --rondo-recover --rondo-recover-deadline=1");
  EXPECT_TRUE(ended.says("exit() in the update of state 3 in round 2")) << ended.output;
  EXPECT_TRUE(ended.says("rondo::WorkerLost")) << ended.output;
  EXPECT_FALSE(ended.says("MPI_ABORT")) << ended.output;
}

TEST(Ranks, HelpIsPrintedOnce) {
  const Ended ended = ranks(3, "fine --rondo-help");
  EXPECT_EQ(ended.status, 0);
  EXPECT_EQ(ended.count("--rondo-batch=auto"), 1U) << ended.output;
}

}  // namespace
}  // namespace rondo::test
