// What a process keeps of memory that was freed: little, whatever sizes states have and whichever threads they come from.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <vector>

#include <rondo/rondo.hpp>

#include "command_line.hpp"
#include "engine/freed_memory.hpp"

namespace rondo::test {
namespace {

using engine::KeptMemory;

constexpr std::int64_t kMega = 1 << 20;

TEST(KeptMemory, IsTooMuchAboveAPartOfWhatIsInUse) {
  KeptMemory kept;
  EXPECT_FALSE(kept.is_too_much({110 * kMega, 100 * kMega}));  // 10 of stacks and the like
  EXPECT_FALSE(kept.is_too_much({141 * kMega, 100 * kMega}));
  EXPECT_TRUE(kept.is_too_much({143 * kMega, 100 * kMega}));
  EXPECT_FALSE(kept.is_too_much({1100 * kMega, 1000 * kMega}));
  EXPECT_TRUE(kept.is_too_much({1180 * kMega, 1000 * kMega}));
}

TEST(KeptMemory, LearnsWhatCannotBeGivenBack) {
  KeptMemory kept;
  EXPECT_FALSE(kept.is_too_much({10 * kMega, 0}));
  EXPECT_TRUE(kept.is_too_much({500 * kMega, 0}));
  kept.given_back({500 * kMega, 0});  // none of it: it did not come from the C library
  EXPECT_FALSE(kept.is_too_much({500 * kMega, 0}));
  EXPECT_TRUE(kept.is_too_much({540 * kMega, 0}));
  kept.given_back({500 * kMega, 0});
  EXPECT_FALSE(kept.is_too_much({50 * kMega, 0}));  // it has gone
  EXPECT_TRUE(kept.is_too_much({90 * kMega, 0}));
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0, shared = 0;
  file >> all >> resident >> shared;
  return (resident - shared) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

struct Reading {
  int process = 0;
  double resident = 0;
  double bytes = 0;
};

constexpr std::size_t kLeast = 250'000, kMost = 2'500'000;  // doubles: 2 to 20 MB

// Takes another size with every update.
class Breathe : public Update<std::vector<double>, double, Reading> {
 public:
  Reading update(std::vector<double>& state, const double& input, const Call& call) override {
    auto random = call.random();
    std::vector<double> next(std::uniform_int_distribution<std::size_t>(kLeast, kMost)(random), input);
    const double resident = resident_bytes();
    state = std::move(next);
    return {getpid(), resident, static_cast<double>(state.size() * sizeof(double))};
  }
};

// The states of each process: all of them on threads.
TEST(FreedMemory, IsAThirdOfWhatIsAliveAtMost) {
  const int status = run_with<Breathe>({"--rondo-batch=off"}, [](Master<Breathe>& master) {
    constexpr std::size_t kStates = 20;
    std::vector<std::vector<double>> states(kStates);
    for (std::vector<double>& state : states) state.assign((kLeast + kMost) / 2, 1.0);
    master.reset(std::move(states));
    constexpr double kMessage =
        kMost * sizeof(double);  // also: the state that an update makes before it drops the old one
    for (int round = 0; round < 3; ++round) {
      std::map<int, Reading> processes;
      for (const Reading& reading : master.update(1.0)) {
        Reading& sum = processes[reading.process];
        sum.resident = std::max(sum.resident, reading.resident);
        sum.bytes += reading.bytes;
      }
      if (round == 0) continue;  // what rank 0 has sent is still on its way out
      for (const auto& [process, sum] : processes)
        EXPECT_LT(sum.resident, 1.3 * sum.bytes + kMessage + static_cast<double>(KeptMemory::kLeast) + 16e6)
            << "round " << round << ": " << sum.bytes / 1e6 << " MB are alive";
    }
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace rondo::test
