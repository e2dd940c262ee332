// Who waits does not burn its core: the processor time of this process over two seconds of waiting.
//
// The only test that lets time pass; the bound is generous, and a spinning thread takes five times as much.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// The first state lets a second pass, the others nothing.
class Pause : public Update<int, int, int> {
 public:
  int update(int& state, const int&, const Call&) override {
    if (state == 0) std::this_thread::sleep_for(std::chrono::seconds(1));
    return state;
  }
};

void expect_rest(const std::vector<std::string>& options) {
  const double before = processor_seconds();
  EXPECT_EQ(0, run_with<Pause>(options, [](Master<Pause>& master) {
              master.reset({0, 1, 2, 3, 4, 5, 6, 7});
              // the master waits for a worker, the other workers wait for work
              EXPECT_EQ(master.update(1).size(), 8U);
              // all workers wait for the master
              std::this_thread::sleep_for(std::chrono::seconds(1));
            }));
  EXPECT_LT(processor_seconds() - before, 0.4);
}

TEST(Idle, MasterAndWorkersSleep) { expect_rest({"--rondo-workers=4"}); }
TEST(Idle, AMasterThatWorksSleeps) { expect_rest({"--rondo-workers=2", "--rondo-master-works"}); }

}  // namespace
}  // namespace rondo::test
