// A call of MPI that fails ends the run, with one line that names the call, whatever error handler the program has set.
#include <gtest/gtest.h>

#include <string>

#include "launch.hpp"

namespace rondo::test {
namespace {

Ended fail(const std::string& call, int count, int rank, const std::string& how) {
  return launch(std::string(RONDO_TEST_LAUNCHER) + " -np 3 " + RONDO_TEST_PROGRAM + " " + call + " " +
                std::to_string(count) + " " + std::to_string(rank) + " " + how);
}

void expect_told(const std::string& call, int count, int rank) {
  for (const std::string how : {"", "returns"}) {
    const Ended ended = fail(call, count, rank, how);
    EXPECT_NE(ended.status, 0) << call << " " << how << ": " << ended.output;
    EXPECT_NE(ended.status, 124) << "hung";
    EXPECT_EQ(
        ended.count("rondo: rank " + std::to_string(rank) + ": rondo::MpiError: " + call + ": MPI_ERR_"), 1U)
        << call << " " << how << ": " << ended.output;
    EXPECT_FALSE(ended.says("sum ")) << ended.output;
  }
}

TEST(MpiErrors, NothingFails) {
  for (const std::string how : {"", "returns"})
    EXPECT_EQ(fail("nothing", 1, 0, how).output, "sum 54\n") << how;
}

TEST(MpiErrors, OfTheMaster) { expect_told("MPI_Isend", 5, 0); }
TEST(MpiErrors, OfAWorker) { expect_told("MPI_Improbe", 3, 2); }
TEST(MpiErrors, OfTheStart) { expect_told("MPI_Comm_dup", 1, 1); }
TEST(MpiErrors, OfACollectiveOfTheStart) { expect_told("MPI_Allreduce", 1, 0); }

}  // namespace
}  // namespace rondo::test
