// Profile::update_cpu_time: what updates take of the processors, whatever else runs beside them and however long they wait.
#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <numeric>
#include <thread>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// Computes for so many seconds of its thread, and sleeps as long as a negative input says. Returns what it has used.
class Use : public Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override {
    const double begin = thread_seconds();
    if (input < 0) std::this_thread::sleep_for(std::chrono::duration<double>(-input));
    while (thread_seconds() - begin < input) state += 1;
    return thread_seconds() - begin;
  }
};

void expect_time(double input, std::size_t states) {
  SCOPED_TRACE(input);
  EXPECT_EQ(0, run_with<Use>({"--rondo-workers=2"}, [&](Master<Use>& master) {
              master.reset(std::vector<double>(states, 0.0));
              double used = 0;
              for (int round = 0; round < 3; ++round) {
                const std::vector<double> outputs = master.update(input);
                used = std::accumulate(outputs.begin(), outputs.end(), used);
              }
              const Profile profile = master.profile();
              // what lies between two updates is a few microseconds, with all that a loaded machine does to caches
              EXPECT_GT(profile.update_cpu_time, used - 3e-5 * static_cast<double>(master.workers()));
              EXPECT_LT(profile.update_cpu_time, used + 50e-6 * static_cast<double>(profile.updates) + 5e-3);
              if (input < 0) {
                EXPECT_LT(profile.update_cpu_time, profile.update_time / 5);
              }
            }));
}

TEST(ProcessorTime, IsThatOfTheUpdates) {
  expect_time(2e-3, 40);
  expect_time(100e-6, 200);
}

TEST(ProcessorTime, DoesNotPassWhileAnUpdateSleeps) { expect_time(-5e-3, 20); }

TEST(ProcessorTime, OfShortUpdatesIsMeasuredTogether) { expect_time(0, 20'000); }

}  // namespace
}  // namespace rondo::test
