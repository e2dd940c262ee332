// What the scheduler believes of a state's cost, and what it shares by that.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "scheduler/cost.hpp"
#include "scheduler/share.hpp"

namespace rondo::scheduler {
namespace {

TEST(Cost, IsUnknownUntilMeasured) {
  Cost cost;
  EXPECT_FALSE(cost.known());
  cost.measured(Seconds(0));
  EXPECT_TRUE(cost.known());
}

TEST(Cost, AHintCountsLessThanOneMeasurement) {
  Cost cost(Seconds(5));
  EXPECT_DOUBLE_EQ(cost.predicted().count(), 5);
  cost.measured(Seconds(1));
  EXPECT_DOUBLE_EQ(cost.predicted().count(), 1);
}

TEST(Cost, SurvivesOneOutlierAndFollowsTheSecond) {
  for (const double spike : {10.0, 0.1}) {
    Cost cost;
    for (int i = 0; i < 10; ++i) cost.measured(Seconds(1));
    cost.measured(Seconds(spike));
    EXPECT_NEAR(cost.predicted().count(), 1, 0.15);
    Cost back = cost;
    back.measured(Seconds(1));
    EXPECT_NEAR(back.predicted().count(), 1, 0.12);
    cost.measured(Seconds(spike * 1.1));
    EXPECT_NEAR(cost.predicted().count(), spike * 1.05, spike * 0.01);
  }
}

TEST(Cost, AveragesJitterAndFollowsADrift) {
  std::mt19937_64 random(3);
  std::normal_distribution<> jitter(1, 0.2);
  Cost steady, drifting;
  double error = 0, off = 0;
  for (int round = 0; round < 400; ++round) {
    const double level = std::exp(0.02 * round);
    if (round > 10) {
      error += std::abs(steady.predicted().count() - 1);
      off += std::abs(drifting.predicted().count() / level - 1);
    }
    steady.measured(Seconds(std::max(jitter(random), 0.1)));
    drifting.measured(Seconds(level * std::max(jitter(random), 0.1)));
  }
  EXPECT_LT(error / 389, 0.09);  // one measurement alone is off by 0.16
  EXPECT_LT(off / 389, 0.13);
}

// Whatever there is to share: each candidate once, within the memory, and each only where the pair ends earlier by it.
TEST(Share, LeavesThePairNoWorseOff) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 random(seed);
    const auto real = [&] { return std::uniform_real_distribution<>(0, 1)(random); };
    const MoveCost move{Seconds(real() * 0.2), Seconds(real() * 0.01), Seconds(1e-5 * real())};
    std::vector<Candidate> candidates;
    double total = 0;
    for (std::uint32_t i = 0; i < random() % 30; ++i) {
      candidates.push_back({i, i, real() < 0.2 ? 0 : real(), 1000 * real()});
      total += candidates.back().work;
    }
    const Seconds left(total + real());
    const StealRequest thief{Seconds(real() * left.count() * 1.2), 5000 * real()};
    const std::vector<std::uint32_t> chosen = share(candidates, left, thief, move);
    std::vector<bool> seen(candidates.size(), false);
    double memory = 0, mine = left.count(), theirs = std::max(thief.left, move.latency).count();
    for (const std::uint32_t position : chosen) {
      ASSERT_FALSE(seen.at(position)) << "seed " << seed;
      seen[position] = true;
      memory += candidates[position].bytes;
      theirs += candidates[position].work + move.of_state(candidates[position].bytes).count();
      ASSERT_LT(theirs, mine) << "seed " << seed;
      mine -= candidates[position].work;
    }
    ASSERT_LE(memory, thief.bytes_max) << "seed " << seed;
  }
}

TEST(Share, GivesAboutHalfOfTheDifference) {
  std::vector<Candidate> candidates;
  for (std::uint32_t i = 0; i < 100; ++i) candidates.push_back({i, i, 1, 0});
  const MoveCost free{Seconds(0), Seconds(0), Seconds(0)};
  EXPECT_NEAR(static_cast<double>(share(candidates, Seconds(100), {Seconds(0), 1e9}, free).size()), 50, 1);
  EXPECT_NEAR(static_cast<double>(share(candidates, Seconds(100), {Seconds(40), 1e9}, free).size()), 30, 1);
  EXPECT_TRUE(share(candidates, Seconds(100), {Seconds(100), 1e9}, free).empty());
}

TEST(Share, GivesNothingThatCostsMoreThanItSaves) {
  const std::vector<Candidate> candidates{{0, 0, 2e-4, 300e3}};
  const MoveCost move;  // 150 us for the message and as much for the bytes
  EXPECT_TRUE(share(candidates, Seconds(4e-4), {Seconds(0), 1e9}, move).empty());
  EXPECT_EQ(share(candidates, Seconds(2e-2), {Seconds(0), 1e9}, move).size(), 1U);
}

TEST(Share, GivesNothingThatIsLessWorkThanItsMove) {
  const MoveCost move;
  EXPECT_TRUE(share({{0, 0, 1e-4, 300e3}}, Seconds(2e-2), {Seconds(0), 1e9}, move).empty());
  // a state of few bytes is packed, unpacked and entered in two tables all the same
  EXPECT_TRUE(share({{0, 0, 1e-7, 8}}, Seconds(2e-2), {Seconds(0), 1e9}, move).empty());
  EXPECT_EQ(share({{0, 0, 1e-5, 8}}, Seconds(2e-2), {Seconds(0), 1e9}, move).size(), 1U);
}

}  // namespace
}  // namespace rondo::scheduler
