// How many threads are useful: the speed-up models, the averages they are fed with, and how cores are shared
// out.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <rondo/stream.hpp>

#include "lock_simulation.hpp"
#include "stream/meter.hpp"

namespace {

using std::chrono::microseconds;

TEST(SpeedupModel, GivesThePublishedValues) {
  const double published[] = {100, 196, 287, 375, 426, 453, 475, 492};
  for (unsigned n = 1; n <= 8; ++n) {
    EXPECT_EQ(std::lround(100 * rondo::modeled_speedup(0.15, n)), published[n - 1]) << n << " threads";
  }
}

TEST(SpeedupModel, QueueingIsCloserToASimulatedLockThanTheFormula) {
  for (unsigned n = 5; n <= 12; ++n) {
    const double simulated = simulated_speedup(0.15, n, n);
    const double formula = rondo::modeled_speedup(0.15, n);
    const double queueing = rondo::queueing_speedup(0.15, n);
    EXPECT_LT(std::abs(queueing - simulated), 0.02 * simulated) << n << " threads";
    EXPECT_LT(formula, 0.97 * simulated) << n << " threads";
    EXPECT_GT(formula, 0.80 * simulated) << n << " threads";
  }
}

TEST(SpeedupModel, QueueingIsExactWhereTheAnswerIsKnown) {
  EXPECT_DOUBLE_EQ(rondo::queueing_speedup(0.3, 1), 1);
  EXPECT_DOUBLE_EQ(rondo::queueing_speedup(0, 7), 7);
  EXPECT_DOUBLE_EQ(rondo::queueing_speedup(1, 7), 1);
  EXPECT_NEAR(rondo::queueing_speedup(0.2, 1000), 5, 1e-9) << "bounded by 1 / p";
}

TEST(ThreadRule, AsManyThreadsAsBringSeventyPercentEach) {
  EXPECT_EQ(rondo::useful_threads(0.15, 16, 0.7, rondo::modeled_speedup), 4U);
  EXPECT_EQ(rondo::useful_threads(0.15, 16), 5U) << "the fifth brings 74 %, says the better model";
  EXPECT_EQ(rondo::useful_threads(0.15, 3), 3U) << "the cap is an option";
  EXPECT_EQ(rondo::useful_threads(0, 16), 16U);
  EXPECT_EQ(rondo::useful_threads(1, 16), 1U);
  EXPECT_EQ(rondo::useful_threads(1, 16, 0), 16U) << "0 asks for all of them";
  const double no_number = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(rondo::useful_threads(no_number, 16), 1U);
  EXPECT_EQ(rondo::useful_threads(0.1, 16, no_number), 1U);
}

TEST(ThreadRule, TellsTheSameWhetherItCountsOnOrBeginsAnew) {
  const auto anew = [](double p, unsigned n) { return rondo::queueing_speedup(p, n); };
  for (const double p : {0.0, 0.001, 0.01, 0.1, 0.15, 0.5, 1.0}) {
    for (const double effectiveness : {0.1, 0.5, 0.7, 1.0})
      EXPECT_EQ(rondo::useful_threads(p, 200, effectiveness),
                rondo::useful_threads(p, 200, effectiveness, anew));
  }
  EXPECT_EQ(rondo::useful_threads(0, 10'000'000), 10'000'000U) << "in time";
}

TEST(Meter, FractionsOfTheTimeAndNoneBeforeAny) {
  rondo::streaming::Meter meter(std::chrono::milliseconds(1));
  EXPECT_EQ(meter.critical_fraction(), 0);
  meter.record({.crit = microseconds(10), .wait = microseconds(30), .par = microseconds(60)}, 1);
  EXPECT_DOUBLE_EQ(meter.crit(), 0.1);
  EXPECT_DOUBLE_EQ(meter.wait(), 0.3);
  EXPECT_DOUBLE_EQ(meter.par(), 0.6);
  EXPECT_DOUBLE_EQ(meter.critical_fraction(), 1.0 / 7);
}

TEST(Meter, ForgetsWithItsTimeConstant) {
  rondo::streaming::Meter meter(std::chrono::milliseconds(1));
  for (int i = 0; i < 10'000; ++i)
    meter.record({.crit = microseconds(0), .wait = {}, .par = microseconds(1)}, 1);
  // One time constant of nothing but critical work leaves 1 / e of what was before.
  for (int i = 0; i < 1'000; ++i) meter.record({.crit = microseconds(1), .wait = {}, .par = {}}, 1);
  EXPECT_NEAR(meter.critical_fraction(), 1 - std::exp(-1), 0.01);
}

TEST(Meter, OneSampleMayStandForMany) {
  rondo::streaming::Meter one(std::chrono::milliseconds(1)), many(std::chrono::milliseconds(1));
  one.record({.crit = microseconds(1), .wait = {}, .par = microseconds(2)}, 1, 5);
  for (int i = 0; i < 5; ++i) many.record({.crit = microseconds(1), .wait = {}, .par = microseconds(2)}, 1);
  EXPECT_NEAR(one.critical_fraction(), many.critical_fraction(), 1e-9);
  EXPECT_EQ(one.recorded(), many.recorded());
}

std::vector<unsigned> allot(unsigned cores, std::vector<rondo::CoreDemand> demands) {
  return rondo::allot_cores(cores, demands);
}

TEST(CoreBudget, EachCoreGoesWhereItGainsMost) {
  EXPECT_EQ(allot(8, {{0.9, 8, 1}, {0.0, 8, 1}}), (std::vector{1U, 7U}));
  EXPECT_EQ(allot(8, {{0.1, 8, 1}, {0.1, 8, 1}}), (std::vector{4U, 4U}));
  EXPECT_EQ(allot(8, {{0.1, 2, 1}, {0.1, 3, 1}}), (std::vector{2U, 3U}))
      << "nobody gets what it has no use for";
  const auto weighted = allot(9, {{0.1, 16, 1}, {0.1, 16, 4}});
  EXPECT_GT(weighted[1], weighted[0]);
}

TEST(CoreBudget, OneCoreEachAsLongAsThereAreAny) {
  EXPECT_EQ(allot(2, {{0, 8, 1}, {0, 8, 2}, {0, 8, 3}}), (std::vector{0U, 1U, 1U}));
  EXPECT_EQ(allot(3, {{0, 8, 1}, {0, 8, 2}, {0, 8, 3}}), (std::vector{1U, 1U, 1U}));
  EXPECT_TRUE(allot(3, {}).empty());
}

TEST(CoreBudget, NoAllotmentOfTheSameCoresIsBetter) {
  std::mt19937_64 random(17);
  for (int round = 0; round < 200; ++round) {
    const unsigned cores = 3 + static_cast<unsigned>(random() % 6);
    std::vector<rondo::CoreDemand> demands;
    for (int i = 0; i < 3; ++i) {
      demands.push_back(
          {std::generate_canonical<double, 32>(random), 8, 1 + static_cast<double>(random() % 3)});
    }
    const auto value = [&](unsigned a, unsigned b, unsigned c) {
      return demands[0].priority * rondo::queueing_speedup(demands[0].critical_fraction, a) +
             demands[1].priority * rondo::queueing_speedup(demands[1].critical_fraction, b) +
             demands[2].priority * rondo::queueing_speedup(demands[2].critical_fraction, c);
    };
    const auto chosen = rondo::allot_cores(cores, demands);
    double best = 0;
    for (unsigned a = 1; a <= cores - 2; ++a) {
      for (unsigned b = 1; a + b < cores; ++b) best = std::max(best, value(a, b, cores - a - b));
    }
    ASSERT_NEAR(value(chosen[0], chosen[1], chosen[2]), best, 1e-9) << "round " << round;
  }
}

// Two jobs on 8 cores, the first of them mostly critical. First come, first served gives it what it asks for.
TEST(CoreBudget, BeatsFirstComeFirstServedOnASimulatedLock) {
  const double critical = 0.6, parallel = 0.02;
  const auto chosen = allot(8, {{critical, 7, 1}, {parallel, 8, 1}});
  const double shared = simulated_speedup(critical, chosen[0], 1) + simulated_speedup(parallel, chosen[1], 2);
  const double served = simulated_speedup(critical, 7, 3) + simulated_speedup(parallel, 1, 4);
  EXPECT_GT(shared, 2 * served) << "total throughput: " << shared << " against " << served;
}

}  // namespace
