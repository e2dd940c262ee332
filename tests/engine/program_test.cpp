// How a program ends, on threads: its status, and the line that says why.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>

#include "launch.hpp"
#include "resilience/temporary_folder.hpp"

namespace rondo::test {
namespace {

const std::string kProgram = RONDO_TEST_PROGRAM;

Ended program(const std::string& arguments, const std::string& environment = "") {
  return launch("env " + environment + " " + kProgram + " " + arguments + " --rondo-workers=3");
}

// What a fault must say; sanitizers have their own last word, so the status is only not 0.
void expect_crash(const std::string& how, const std::string& signal) {
  const Ended ended = program(how);
  EXPECT_NE(ended.status, 0);
  EXPECT_NE(ended.status, 124) << "hung";
  EXPECT_EQ(ended.count("rondo: rank "), 1U) << ended.output;
  EXPECT_TRUE(ended.says(": " + signal + " in the update of state 3 in round 2\n")) << ended.output;
}

TEST(Program, EndsWithTheStatusOfMain) {
  EXPECT_EQ(program("fine").status, 0);
  EXPECT_EQ(program("fine").output, "sum 200\n");
  EXPECT_EQ(program("return-7").status, 7);
  EXPECT_EQ(program("twice").output, "sum 200\nsum 200\n");
}

TEST(Program, AnExceptionOfMainIsToldAndFailsTheProgram) {
  const Ended ended = program("throw-in-main");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.output, "rondo: rank 0: std::runtime_error: thrown by main\n");
}

TEST(Program, AnExceptionOfAnUpdateThatNobodyCatchesIsTold) {
  const Ended ended = program("throw-in-update");
  EXPECT_EQ(ended.status, 1);
  EXPECT_TRUE(ended.says("rondo: rank 0: rondo::UpdateError: update of state 3 on rank ")) << ended.output;
  EXPECT_TRUE(ended.says(" in round 2: thrown by an update\n")) << ended.output;
}

TEST(Program, AFaultInAnUpdateNamesRankStateAndRound) { expect_crash("fault", "SIGSEGV"); }
TEST(Program, AnAbortInAnUpdateNamesRankStateAndRound) { expect_crash("abort", "SIGABRT"); }
TEST(Program, ATerminateInAnUpdateNamesRankStateAndRound) { expect_crash("terminate", "SIGABRT"); }
TEST(Program, AFaultInAThreadOfAnUpdateNamesRankStateAndRound) { expect_crash("fault-in-thread", "SIGSEGV"); }

TEST(Program, FaultsOfSeveralThreadsAreOneLine) {
  for (int i = 0; i < 5; ++i) {
    const Ended ended = program("faults-together");
    EXPECT_NE(ended.status, 0);
    EXPECT_EQ(ended.count("rondo: rank "), 1U) << ended.output;
    EXPECT_EQ(ended.count(": SIGSEGV in the update of state "), 1U) << ended.output;
  }
}

TEST(Program, AStackThatIsFullIsToldAsThat) {
  const std::string line =
      ": SIGSEGV in the update of state 3 in round 2: the stack of the thread is full; --rondo-stack=SIZE "
      "gives "
      "threads bigger ones\n";
  const Ended recursion = program("overflow");
  EXPECT_TRUE(recursion.says(line)) << recursion.output;
  const Ended locals = launch("bash -c 'ulimit -s 1024; exec " + kProgram + " big-locals --rondo-workers=3'");
  EXPECT_TRUE(locals.says(line)) << locals.output;
  EXPECT_FALSE(program("fault").says("stack")) << "another fault";
}

// What works on the main thread works on the others: with the soft limit, without a limit, and with the option.
TEST(Program, ThreadsHaveTheStackOfMain) {
  for (const std::string how : {"big-locals", "big-locals-in-stream"})
    for (const std::string limit : {"8192", "16384", "unlimited"}) {
      const Ended ended =
          launch("bash -c 'ulimit -s " + limit + " && exec " + kProgram + " " + how + " --rondo-workers=3'");
      EXPECT_EQ(ended.status, 0) << how << ", ulimit -s " << limit << ": " << ended.output;
    }
  const std::string option = "bash -c 'ulimit -s 1024; exec " + kProgram + " big-locals --rondo-workers=3";
  EXPECT_EQ(launch(option + " --rondo-stack=16M'").output, "sum 200\n");
}

// ---- handlers of the program's

TEST(Program, AFaultThatAHandlerOfTheProgramMendsIsNoCrash) {
  EXPECT_EQ(program("mended-fault").output, "sum 200\n");
  EXPECT_EQ(program("fault-jumped-over").output, "sum 200\n");
}

TEST(Program, AFaultThatAHandlerOfTheProgramGivesUpIsToldOnce) {
  for (const std::string how : {"fault-given-up", "one-shot-handler"}) {
    expect_crash(how, "SIGSEGV");
    EXPECT_EQ(program(how).status, 128 + SIGSEGV);
  }
  expect_crash("abort-with-handler", "SIGABRT");
  EXPECT_EQ(program("abort-with-handler").status, 128 + SIGABRT);
}

TEST(Program, ASignalKeepsItsStatus) { EXPECT_EQ(program("abort").status, 128 + SIGABRT); }

TEST(Program, AFaultInASerializeNamesRankAndState) {
  for (const auto& [how, line] :
       {std::pair("fault-in-resetting", "rank 0: SIGSEGV while packing state 7\n"),
        std::pair("fault-in-packing", ": SIGSEGV while packing state 7\n"),
        std::pair("fault-in-moving", ": SIGSEGV while unpacking state "),
        std::pair("fault-in-unpacking", "rank 0: SIGSEGV while unpacking state 7\n")}) {
    const Ended ended = program(how);
    EXPECT_NE(ended.status, 0);
    EXPECT_NE(ended.status, 124) << "hung";
    EXPECT_TRUE(ended.says(line)) << how << ": " << ended.output;
    EXPECT_EQ(ended.count("rondo: rank "), 1U) << ended.output;
  }
}

// A worker that cannot go on ends the run, wherever it is; the program cannot take it for an error of its call.
TEST(Program, AStateThatCannotBeUnpackedEndsTheRunByName) {
  for (const std::string options : {"", " --rondo-master-works"}) {
    const Ended ended = program("unreadable-state" + options);
    EXPECT_EQ(ended.status, 1);
    EXPECT_TRUE(ended.says("rondo: rank ")) << ended.output;
    EXPECT_TRUE(ended.says(" cannot be unpacked: makes no sense\n")) << ended.output;
  }
}

TEST(Program, AStateThatIsTooDeepToBeCopiedEndsTheRunByName) {
  for (const std::string workers : {"1", "3"}) {
    const Ended ended = launch(kProgram + " too-deep --rondo-workers=" + workers);
    EXPECT_EQ(ended.status, 1);
    EXPECT_TRUE(ended.says("state 0 cannot be ")) << ended.output;
    EXPECT_TRUE(ended.says("Node is inside of more than 100000 other values")) << ended.output;
  }
}

TEST(Program, AFactoryThatThrowsEndsTheRun) {
  const Ended ended = program("throw-in-factory");
  EXPECT_EQ(ended.status, 1);
  EXPECT_TRUE(ended.says("std::runtime_error: makes nothing\n")) << ended.output;
}

TEST(Program, AnExitInsideARunIsToldAndIsNoSuccess) {
  for (const std::string status : {"", "-0"}) {
    const Ended in_update = program("exit" + status + "-in-update");
    EXPECT_EQ(in_update.status, status.empty() ? 3 : 1);
    EXPECT_EQ(in_update.count("rondo: "), 1U) << in_update.output;
    EXPECT_TRUE(in_update.says(": exit() in the update of state 3 in round 2\n")) << in_update.output;
    const Ended in_main = program("exit" + status + "-in-main");
    EXPECT_EQ(in_main.status, status.empty() ? 3 : 1);
    EXPECT_EQ(in_main.output, "rondo: the program called exit() inside a run\n");
  }
  EXPECT_EQ(program("exit-in-a-child").output, "sum 200\n") << "a child process may exit";
}

TEST(Program, AQuickExitInsideARunIsToldAndIsNoSuccess) {
  const Ended in_update = program("quick-exit-in-update");
  EXPECT_EQ(in_update.status, 1);
  EXPECT_EQ(in_update.count("rondo: "), 1U) << in_update.output;
  EXPECT_TRUE(in_update.says(": quick_exit() in the update of state 3 in round 2\n")) << in_update.output;
  for (const std::string where : {"main", "thread"}) {
    const Ended ended = program("quick-exit-in-" + where);
    EXPECT_EQ(ended.status, 1);
    EXPECT_EQ(ended.output, "rondo: the program called quick_exit() inside a run\n");
  }
  EXPECT_EQ(program("quick-exit-in-a-child").output, "sum 200\n");
}

// The C library ends the process, as the exception that unwinds the thread is not thrown on.
TEST(Program, AThreadThatIsEndedByItsUpdateIsACrash) {
  const Ended ended = program("thread-exit-in-update");
  EXPECT_NE(ended.status, 0);
  EXPECT_NE(ended.status, 124) << "hung";
  EXPECT_TRUE(ended.says(": SIGABRT in the update of state 3 in round 2\n")) << ended.output;
}

TEST(Program, AResultThatCannotBePrintedIsNoSuccess) {
  const Ended ended = launch("sh -c '" + kProgram + " fine --rondo-workers=2 > /dev/full'");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.output,
            "rondo: rank 0: what the program has printed could not be written to standard output\n");
  EXPECT_EQ(launch("sh -c '" + kProgram + " return-7 --rondo-workers=2 > /dev/full'").status, 7);
}

// ---- threads

// One that watches, and two for each of the three workers.
constexpr int kThreads = 7;

TEST(Program, WithoutEnoughThreadsThereIsNoRun) {
  for (int threads = 0; threads < kThreads; ++threads) {
    const Ended ended = program("fine", "RONDO_TEST_THREADS=" + std::to_string(threads));
    EXPECT_EQ(ended.status, 1) << ended.output;
    EXPECT_TRUE(ended.says("rondo::Error: ")) << ended.output;
    EXPECT_TRUE(
        ended.says(" cannot be started: Resource temporarily unavailable; need more threads (ulimit -u)"))
        << ended.output;
    EXPECT_FALSE(ended.says("terminate")) << ended.output;
  }
  EXPECT_EQ(program("fine", "RONDO_TEST_THREADS=" + std::to_string(kThreads)).output, "sum 200\n");
}

TEST(Program, ACheckpointThatGetsNoThreadFails) {
  const TemporaryFolder folder;
  const std::string command = "sh -c 'cd " + folder / "" +
                              " && RONDO_TEST_THREADS=" + std::to_string(kThreads) + " " + kProgram +
                              " checkpoint --rondo-workers=3'";
  const Ended ended = launch(command);
  EXPECT_EQ(ended.status, 1);
  EXPECT_TRUE(ended.says("rondo::CheckpointError: the writing of a checkpoint: ")) << ended.output;
  EXPECT_FALSE(ended.says("terminate")) << ended.output;
}

// ---- options

void expect_refused(const Ended& ended, const std::string& option) {
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("rondo: "), 1U) << ended.output;
  EXPECT_TRUE(ended.says("rondo: rank 0: rondo::OptionError: " + option)) << ended.output;
}

TEST(Program, AWrongOptionIsNamed) {
  expect_refused(program("fine --rondo-batch=0"), "--rondo-batch: need ");
  expect_refused(program("fine --rondo-batch=-1"), "--rondo-batch: need ");
  expect_refused(program("fine --rondo-bach=3"), "--rondo-bach");
  expect_refused(program("fine --rondo-"), "--rondo-");
  expect_refused(program("fine --rondo-seed=x"), "--rondo-seed: need ");
  expect_refused(program("fine --rondo-seed=18446744073709551616"), "--rondo-seed: need ");
  expect_refused(program("fine --rondo-memory=4Q"), "--rondo-memory: need ");
  expect_refused(program("fine --rondo-memory=0"), "--rondo-memory: need ");
  expect_refused(program("fine --rondo-rollback=maybe"), "--rondo-rollback: need ");
  expect_refused(program("fine --rondo-fanout=0"), "--rondo-fanout: need ");
  expect_refused(program("fine --rondo-stall=-1"), "--rondo-stall: need ");
  expect_refused(program("fine --rondo-stall=nan"), "--rondo-stall: need ");
  expect_refused(program("fine --rondo-walltime=02:00:00"), "--rondo-walltime: need a time such as 90s");
  expect_refused(program("fine --rondo-walltime=2h"), "--rondo-walltime: need --rondo-checkpoint");
  expect_refused(program("fine --rondo-checkpoint-every=2r"),
                 "--rondo-checkpoint-every: need --rondo-checkpoint");
  // the value is not the next word, nor another option
  expect_refused(program("fine --rondo-checkpoint folder --rondo-keep=3"),
                 "--rondo-checkpoint: need a value");
  expect_refused(program("fine --rondo-recover-deadline=1e-300"),
                 "--rondo-recover-deadline: need a number of seconds from 0.001 to 1000000000, got '1e-300'");
  expect_refused(program("fine --rondo-recover-deadline=0"), "--rondo-recover-deadline: need a number");
  expect_refused(program("fine --rondo-orphan=1e10"), "--rondo-orphan: need 0 or a number of seconds from");
  expect_refused(program("fine --rondo-stack=0"), "--rondo-stack: need ");
  expect_refused(launch(kProgram + " fine --rondo-workers=0"), "--rondo-workers: need ");
  expect_refused(launch(kProgram + " fine --rondo-batch"), "");
  expect_refused(launch(kProgram + " fine --rondo-batch=1 --rondo-batch=2"), "");
}

// Whoever has set a variable looks for its name.
TEST(Program, AWrongVariableIsNamedAsAVariable) {
  expect_refused(program("fine", "RONDO_BATCH=x"), "RONDO_BATCH: need ");
  expect_refused(program("fine", "RONDO_SEED="), "RONDO_SEED: need ");
  expect_refused(program("fine", "RONDO_MEMORY=4Q"), "RONDO_MEMORY: need ");
  expect_refused(program("fine", "RONDO_ROLLBACK=maybe"), "RONDO_ROLLBACK: need ");
  expect_refused(program("fine", "RONDO_STALL=-1"), "RONDO_STALL: need ");
  expect_refused(program("fine", "RONDO_RELAY=1"), "RONDO_RELAY: need ");
  expect_refused(program("fine", "RONDO_WALLTIME=2h"), "RONDO_WALLTIME: need --rondo-checkpoint");
  expect_refused(program("fine", "RONDO_CHECKPOINT_EVERY=soon"), "RONDO_CHECKPOINT_EVERY: need ");
  expect_refused(program("fine", "RONDO_CHECKPOINT_COPY=x"), "RONDO_CHECKPOINT_COPY: need ");
  expect_refused(program("fine --rondo-batch=0", "RONDO_BATCH=x"), "--rondo-batch: need ");
}

// ---- launchers

TEST(Program, ProcessesThatCannotSeeEachOtherAreNoRuns) {
  const TemporaryFolder folder;
  const std::string fine = "fine --rondo-checkpoint=" + folder / "checkpoints";
  const Ended ended = program(fine, "SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0");
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("\n"), 1U) << ended.output;
  EXPECT_TRUE(ended.says("rondo: srun has started 4 processes, but ")) << ended.output;
  EXPECT_FALSE(std::filesystem::exists(folder / "checkpoints"));
  const Ended other = program(fine, "SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=1");
  EXPECT_EQ(other.status, 1);
  EXPECT_EQ(other.output, "");
}

TEST(Program, ProcessesThatAreToBeAloneAreRuns) {
  const std::string step = "SLURM_STEP_NUM_TASKS=4 SLURM_PROCID=0";
  EXPECT_EQ(program("fine --rondo-alone", step).output, "sum 200\n");
  EXPECT_EQ(program("fine", "RONDO_ALONE=on " + step).output, "sum 200\n");
  EXPECT_EQ(program("fine", "SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0").output, "sum 200\n");
  EXPECT_EQ(program("fine", "SLURM_JOB_ID=1 SLURM_NTASKS=4 SLURM_PROCID=0").output, "sum 200\n")
      << "a batch script";
}

TEST(Program, TheEnvironmentIsATwinAndTheCommandLineWins) {
  EXPECT_EQ(program("fine --rondo-batch=1", "RONDO_BATCH=x RONDO_UNKNOWN=1").status, 0);
  EXPECT_EQ(program("fine", "RONDO_BATCH=off RONDO_MASTER_WORKS=1 RONDO_ROLLBACK=on").output, "sum 200\n");
}

// Of two runs in one process, the second one would go on with the checkpoints of the first.
TEST(Program, ASecondRunHasAFolderOfItsOwnWhereTheEnvironmentNamesOne) {
  const TemporaryFolder folder;
  EXPECT_EQ(program("twice", "RONDO_CHECKPOINT=" + folder / "given").status, 0);
  EXPECT_TRUE(std::filesystem::is_directory(folder / "given/2"));
  EXPECT_EQ(program("twice --rondo-checkpoint=" + folder / "ours").status, 0);
  EXPECT_TRUE(std::filesystem::is_directory(folder / "ours"));
  EXPECT_FALSE(std::filesystem::exists(folder / "ours/2"));
}

TEST(Program, HelpListsTheOptionsAndRunsNothing) {
  const Ended ended = program("fine --rondo-help");
  EXPECT_EQ(ended.status, 0);
  EXPECT_TRUE(ended.says("--rondo-batch="));
  EXPECT_FALSE(ended.says("sum 200"));
}

}  // namespace
}  // namespace rondo::test
