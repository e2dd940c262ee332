// Runs on communicators of the user's own, in a program that has started MPI itself.
#include <mpi.h>

#include <gtest/gtest.h>

#include <boost/mpi/communicator.hpp>
#include <vector>

#include <rondo/mpi.hpp>

#include "command_line.hpp"

namespace rondo::test {
namespace {

class Sum : public Update<int, int, int> {
 public:
  explicit Sum(int factor = 1) : factor_(factor) {}
  int update(int& state, const int& input, const Call&) override { return state += factor_ * input; }

 private:
  int factor_;
};

// The main of these tests starts MPI only under a launcher; the user of this test does so in any case.
class OwnCommunicator : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    int done = 0;
    MPI_Initialized(&done);
    if (done != 0) return;
    MPI_Init(nullptr, nullptr);
    finalises_ = true;
  }
  static void TearDownTestSuite() {
    if (finalises_) MPI_Finalize();
  }

  int rank() const { return rank_of(MPI_COMM_WORLD); }
  static int rank_of(MPI_Comm communicator) {
    int rank = 0;
    MPI_Comm_rank(communicator, &rank);
    return rank;
  }
  static int size_of(MPI_Comm communicator) {
    int size = 0;
    MPI_Comm_size(communicator, &size);
    return size;
  }

  // A run that works; its status on every rank tells which one it was.
  static void expect_run(MPI_Comm communicator, int status) {
    CommandLine line({"--rondo-workers=2"});
    const int size = size_of(communicator);
    EXPECT_EQ(status, run<Sum>(communicator, line.argc, line.argv(), [&](Master<Sum>& master) {
                EXPECT_EQ(master.workers(), static_cast<std::size_t>(size == 1 ? 2 : size - 1));
                EXPECT_EQ(rank_of(communicator), 0);
                master.reset(std::vector<int>(20, status));
                EXPECT_EQ(master.update(1), std::vector<int>(20, status + 1));
                const std::vector<std::uint32_t> offspring(20, 2);
                master.resample(offspring);
                EXPECT_EQ(master.states(), std::vector<int>(40, status + 1));
                return status;
              }));
  }

 private:
  inline static bool finalises_ = false;
};

TEST_F(OwnCommunicator, TheWorld) {
  expect_run(MPI_COMM_WORLD, 5);
  CommandLine line;
  EXPECT_EQ(0, run<Sum>(line.argc, line.argv(), [](Master<Sum>& master) {
              master.reset({1});
              EXPECT_EQ(master.update(1), std::vector<int>{2});
            }));
}

TEST_F(OwnCommunicator, WithAFactory) {
  CommandLine line;
  EXPECT_EQ(0, run<Sum>(
                   MPI_COMM_WORLD, line.argc, line.argv(), [] { return Sum(10); },
                   [](Master<Sum>& master) {
                     master.reset({1});
                     EXPECT_EQ(master.update(1), std::vector<int>{11});
                   }));
}

TEST_F(OwnCommunicator, HalvesOfTheWorldRunSideBySide) {
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank() % 2, rank(), &half);
  for (int i = 0; i < 20; ++i) expect_run(half, 10 + rank() % 2);
  MPI_Comm_free(&half);
}

TEST_F(OwnCommunicator, OneRankAloneRunsOnThreads) { expect_run(MPI_COMM_SELF, 20 + rank()); }

TEST_F(OwnCommunicator, TheMasterNeedNotBeTheFirstRankOfTheWorld) {
  MPI_Comm reversed = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, 0, -rank(), &reversed);
  expect_run(reversed, 30);
  MPI_Comm_free(&reversed);
}

TEST_F(OwnCommunicator, OfBoost) {
  const boost::mpi::communicator world;
  expect_run(world, 40);
  CommandLine line;
  EXPECT_EQ(0,
            run<Sum>(world.split(world.rank() < 2 ? 0 : 1), line.argc, line.argv(), [](Master<Sum>& master) {
              master.reset({1});
              EXPECT_EQ(master.update(1), std::vector<int>{2});
            }));
}

// The user's messages on the same communicator, under way during the run, with tags that Rondo uses too.
TEST_F(OwnCommunicator, MessagesOfTheUserStayTheirs) {
  const int size = size_of(MPI_COMM_WORLD);
  std::vector<int> sent(4, rank()), received(4, -1);
  std::vector<MPI_Request> requests(4);
  for (int tag = 0; tag < 4; ++tag)
    MPI_Isend(&sent[static_cast<std::size_t>(tag)], 1, MPI_INT, (rank() + 1) % size, tag, MPI_COMM_WORLD,
              &requests[static_cast<std::size_t>(tag)]);
  expect_run(MPI_COMM_WORLD, 50);
  for (int tag = 0; tag < 4; ++tag)
    MPI_Recv(&received[static_cast<std::size_t>(tag)], 1, MPI_INT, (rank() + size - 1) % size, tag,
             MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  MPI_Waitall(4, requests.data(), MPI_STATUSES_IGNORE);
  EXPECT_EQ(received, std::vector<int>(4, (rank() + size - 1) % size));
}

TEST_F(OwnCommunicator, HundredsOfRunsLeaveNothingBehind) {
  for (int i = 0; i < 300; ++i) {
    CommandLine line({"--rondo-workers=1"});
    ASSERT_EQ(0, run<Sum>(MPI_COMM_WORLD, line.argc, line.argv(), [](Master<Sum>& master) {
                master.reset({1, 2});
                EXPECT_EQ(master.update(1), (std::vector<int>{2, 3}));
              }));
  }
}

}  // namespace
}  // namespace rondo::test
