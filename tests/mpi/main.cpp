// The main of tests that run both without a launcher and under one.
//
// Under a launcher MPI is initialised once here, every rank runs every test in step with the others, rank 0 prints, and
// the others print only what fails. The status is non-zero on all ranks if any rank failed.
#include <mpi.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

namespace {

// What the ranks other than 0 tell.
class OnlyFailures final : public testing::EmptyTestEventListener {
 public:
  explicit OnlyFailures(int rank) : rank_(rank) {}

 private:
  void OnTestStart(const testing::TestInfo& test) override {
    test_ = std::string(test.test_suite_name()) + "." + test.name();
  }
  // UnitTest holds its lock meanwhile: to ask it for the test's name would wait for ever.
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    const char* file = result.file_name() == nullptr ? "?" : result.file_name();
    std::cerr << "[rank " + std::to_string(rank_) + "] " + test_ + " " + file + ":" +
                     std::to_string(result.line_number()) + ": " + result.message() + "\n";
  }

  int rank_;
  std::string test_ = "?";
};

bool launched() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_NAMESPACE", "PMI_SIZE"})
    if (std::getenv(name) != nullptr) return true;
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!launched()) return RUN_ALL_TESTS();

  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank != 0) {
    testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new OnlyFailures(rank));
  }
  const int mine = RUN_ALL_TESTS();
  int worst = 0;
  MPI_Allreduce(&mine, &worst, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  MPI_Finalize();
  return worst;
}
