// What the environment tells of the launcher: each of those that are known, one inside of another, and none.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/launch.hpp"

namespace rondo::engine {
namespace {

using Environment = std::map<std::string, std::string>;

Launch read(const Environment& environment) {
  return read_launch([&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
}

void expect(const Environment& environment, const std::string& launcher, std::uint64_t processes, bool tells,
            bool connects) {
  const Launch launch = read(environment);
  EXPECT_EQ(launch.launcher, launcher);
  EXPECT_EQ(launch.processes, processes);
  EXPECT_EQ(launch.tells, tells);
  EXPECT_EQ(launch.connects, connects);
}

// As these launchers set them: Open MPI 4.1.4, MPICH 4.0.2 and SLURM 22.05.
const Environment kBatchScript{{"SLURM_JOB_ID", "1"}, {"SLURM_NTASKS", "4"}, {"SLURM_NPROCS", "4"},
                               {"SLURM_PROCID", "0"}, {"SLURM_NNODES", "2"}, {"SLURM_LOCALID", "0"}};
Environment in_batch_script(Environment more) {
  more.insert(kBatchScript.begin(), kBatchScript.end());
  return more;
}

TEST(Launch, ALoneProcessHasNoLauncher) {
  expect({}, "", 1, true, false);
  expect({{"HOME", "/root"}}, "", 1, true, false);
}

TEST(Launch, ABatchScriptStartsOneProcess) { expect(kBatchScript, "", 1, true, false); }

TEST(Launch, MpirunTellsHowMany) {
  expect({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "0"}, {"PMIX_RANK", "0"}},
         "Open MPI's mpirun", 4, true, true);
  expect({{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}, {"PMIX_RANK", "3"}},
         "Open MPI's mpirun", 4, false, true);
}

TEST(Launch, MpiexecOfMpichTellsHowMany) {
  expect({{"PMI_SIZE", "3"}, {"PMI_RANK", "1"}, {"PMI_FD", "8"}, {"MPI_LOCALNRANKS", "3"}},
         "an mpiexec that speaks PMI (as that of MPICH)", 3, false, true);
}

TEST(Launch, SrunTellsHowManyAndMayConnectThemOrNot) {
  const Environment step{{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}};
  expect(step, "srun", 4, true, false);
  Environment pmix = step, pmi2 = step;
  pmix.insert({{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "slurm.pmix.1.0"}});
  expect(pmix, "srun", 4, true, true);
  pmi2.insert({{"PMI_SIZE", "4"}, {"PMI_RANK", "0"}, {"PMI_FD", "13"}});
  expect(pmi2, "srun", 4, true, true);
}

TEST(Launch, TheInnermostLauncherDecides) {
  // srun has started the daemon of mpirun, and mpirun has started this process
  expect(in_batch_script(
             {{"SLURM_STEP_NUM_TASKS", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "3"}}),
         "Open MPI's mpirun", 4, false, true);
  // an mpirun of one rank in each task of srun: each was meant to be alone
  expect({{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "2"}, {"OMPI_COMM_WORLD_SIZE", "1"}},
         "Open MPI's mpirun", 1, true, true);
}

TEST(Launch, OfALauncherThatOnlyNumbersItsProcessesRankOneTells) {
  expect({{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "x"}}, "a launcher that speaks PMIx", 1, false, true);
  expect({{"PMIX_RANK", "1"}, {"PMIX_NAMESPACE", "x"}}, "a launcher that speaks PMIx", 2, true, true);
  expect({{"PMIX_RANK", "2"}, {"PMIX_NAMESPACE", "x"}}, "a launcher that speaks PMIx", 3, false, true);
}

TEST(Launch, WhatIsNoNumberIsNoLauncher) {
  expect({{"SLURM_STEP_NUM_TASKS", "4x"}}, "", 1, true, false);
  expect({{"SLURM_STEP_NUM_TASKS", ""}}, "", 1, true, false);
}

TEST(Launch, OnlyAProcessThatShouldSeeOthersAndDoesNotIsCutOff) {
  const Launch four = read({{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "0"}});
  EXPECT_TRUE(is_cut_off(four, 1));
  EXPECT_FALSE(is_cut_off(four, 4));
  EXPECT_FALSE(is_cut_off(read({}), 1));
  EXPECT_FALSE(is_cut_off(read(kBatchScript), 1));
}

TEST(Launch, TheLineNamesTheLauncherTheMpiAndTheWayOut) {
  const Launch srun = read({{"SLURM_STEP_NUM_TASKS", "4"}, {"SLURM_PROCID", "0"}});
  const std::string line = cut_off(srun, "Open MPI v4.1.4");
  EXPECT_EQ(line.find('\n'), std::string::npos) << "one line, which the log ends";
  for (const char* part : {"srun has started 4 processes", "Open MPI v4.1.4", "pmix", "--rondo-alone"})
    EXPECT_NE(line.find(part), std::string::npos) << part;
  EXPECT_NE(cut_off(srun, "").find("this build of Rondo has no MPI"), std::string::npos);
}

}  // namespace
}  // namespace rondo::engine
