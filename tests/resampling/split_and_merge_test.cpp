// Splits and merges of weighted ensembles: numbers, range and total of the weights, and that no state is favoured.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/accumulators.hpp>
#include <rondo/random.hpp>
#include <rondo/resampling.hpp>

#include "input_error.hpp"
#include "scripted.hpp"

namespace {

using rondo::split_and_merge;
using rondo::WalkerPlan;
using Values = std::vector<double>;
using Numbers = std::vector<std::uint32_t>;

rondo::Random random_of(std::uint64_t seed) { return {seed, rondo::StateId{0}, 0}; }

double exact_sum(const Values& values) {
  rondo::ExactSum sum;
  for (const double value : values) sum += value;
  return sum.value();
}

Values weights_of(const WalkerPlan& plan) {
  Values weights;
  for (const auto& walker : plan.walkers) weights.push_back(walker.weight);
  return weights;
}

struct Ensemble {
  Values weights;
  Numbers bins, targets;
};

// Weights of about as many powers of two as `binades`; bins may be without walkers, weights may be 0.
Ensemble random_ensemble(rondo::Random& random, int binades) {
  Ensemble result;
  result.targets.resize(1 + random() % 6);
  for (std::uint32_t& target : result.targets) target = 1 + random() % 20;
  for (std::uint32_t i = 1 + random() % 60; i > 0; --i) {
    const double weight =
        std::ldexp(1 + rondo::detail::uniform(random), -static_cast<int>(random() % binades));
    result.weights.push_back(random() % 20 == 0 ? 0 : weight);
    result.bins.push_back(random() % static_cast<std::uint32_t>(result.targets.size()));
  }
  if (exact_sum(result.weights) == 0) result.weights[0] = 1;
  return result;
}

void check_plan(const Ensemble& before, const WalkerPlan& plan) {
  ASSERT_EQ(exact_sum(weights_of(plan)), exact_sum(before.weights));  // to the last bit
  ASSERT_TRUE(std::ranges::is_sorted(plan.walkers, {}, &rondo::PlannedWalker::parent));
  Numbers offspring(before.weights.size());
  std::vector<Values> old_weights(before.targets.size()), new_weights(before.targets.size());
  for (std::size_t i = 0; i < before.weights.size(); ++i)
    old_weights[before.bins[i]].push_back(before.weights[i]);
  for (const auto& walker : plan.walkers) {
    ++offspring[walker.parent];
    new_weights[before.bins[walker.parent]].push_back(walker.weight);
  }
  ASSERT_EQ(offspring, plan.offspring);
  for (std::size_t bin = 0; bin < before.targets.size(); ++bin) {
    ASSERT_EQ(new_weights[bin].size(), old_weights[bin].empty() ? 0 : before.targets[bin]);
    const double total = exact_sum(old_weights[bin]), ideal = total / before.targets[bin];
    ASSERT_NEAR(exact_sum(new_weights[bin]), total, total * 0x1p-46);
    for (const double weight : new_weights[bin]) {
      ASSERT_GE(weight, ideal / 2 * (1 - 1e-13));
      ASSERT_LE(weight, ideal * 2 * (1 + 1e-13));
    }
  }
}

TEST(SplitAndMerge, KeepsTheTotalReachesTheTargetsAndTheRange) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    rondo::Random random = random_of(seed);
    const Ensemble before = random_ensemble(random, seed % 3 == 0 ? 900 : seed % 3 == 1 ? 60 : 3);
    check_plan(before, split_and_merge(before.weights, before.bins, before.targets, random));
    if (HasFatalFailure()) return;
  }
}

TEST(SplitAndMerge, KeepsTheTotalOverManyRoundsInWhichWalkersMove) {
  rondo::Random random = random_of(4);
  const Numbers targets(12, 9);
  Values weights(100, 0.01);
  const double total = exact_sum(weights);
  for (int round = 0; round < 500; ++round) {
    Numbers bins;
    for (std::size_t i = 0; i < weights.size(); ++i)  // most of them in few bins, some far away
      bins.push_back(std::min<std::uint32_t>(random() % 12, random() % 12));
    const WalkerPlan plan = split_and_merge(weights, bins, targets, random);
    weights = weights_of(plan);
    ASSERT_EQ(exact_sum(weights), total) << "round " << round;
  }
  EXPECT_LT(*std::ranges::min_element(weights), 1e-3);
}

// The merge of 1.5 and 2^-53 is a tie and becomes 1.5. Without the lost half of a last place the exact total is a tie too, which
// would be rounded to the other side, and a half cannot be added to 1.5: only the lightest walker can take a little of it.
TEST(SplitAndMerge, KeepsATotalThatIsATieOfRounding) {
  rondo::Random random = random_of(0);
  for (const int scale : {0, -900, 900}) {
    const double heavy = std::ldexp(1.5, scale), half = std::ldexp(1.0, scale - 53);
    const Ensemble before{{heavy, half, half}, {0, 0, 1}, {1, 1}};
    ASSERT_EQ(exact_sum(before.weights), heavy + 2 * half);
    const WalkerPlan plan = split_and_merge(before.weights, before.bins, before.targets, random);
    check_plan(before, plan);
    EXPECT_EQ(plan.walkers.front().weight, heavy);
  }
}

// 1.8 and 0.4 are merged, and are above the range then.
TEST(SplitAndMerge, SplitsAWalkerThatAMergeMadeTooHeavy) {
  rondo::Random random = random_of(0);
  const Ensemble before{{0.4, 1.8, 1.8}, {0, 0, 0}, {4}};
  check_plan(before, split_and_merge(before.weights, before.bins, before.targets, random));
}

TEST(SplitAndMerge, SplitsIntoHalves) {
  rondo::Random random = random_of(0);
  EXPECT_EQ(weights_of(split_and_merge(Values{8}, 4, random)), (Values{2, 2, 2, 2}));
  EXPECT_EQ(weights_of(split_and_merge(Values{1}, 3, random)), (Values{0.25, 0.25, 0.5}));
  EXPECT_EQ(split_and_merge(Values{0.7}, 1, random).offspring, Numbers{1});
  const WalkerPlan plan = split_and_merge(Values{3, 1.1, 1.1, 0.8}, 6, random);  // 3 is above 2 * ideal
  EXPECT_EQ(plan.offspring, (Numbers{2 + 1, 1, 1, 1}));
  EXPECT_EQ(exact_sum(weights_of(plan)), exact_sum({3, 1.1, 1.1, 0.8}));
}

TEST(SplitAndMerge, LeavesWeightsInTheRangeAlone) {
  rondo::Random random = random_of(0);
  const Values weights = {0.5, 1, 1.9, 0.6, 1};
  const WalkerPlan plan = split_and_merge(weights, 5, random);
  EXPECT_EQ(plan.offspring, Numbers(5, 1));
  EXPECT_EQ(weights_of(plan), weights);
}

TEST(SplitAndMerge, AMergeKeepsOneOfTwoInProportionToItsWeight) {
  const auto kept_first = [](const Values& weights) {
    return probability_of([&](std::uint64_t word) {
      Scripted random({word});
      const WalkerPlan plan = split_and_merge(weights, 1, random);
      EXPECT_EQ(random.used(), 1U);
      EXPECT_EQ(weights_of(plan), Values{weights[0] + weights[1]});
      return plan.offspring[0] == 1;
    });
  };
  EXPECT_EQ(kept_first({1, 3}), 0.25);
  EXPECT_EQ(kept_first({0.125, 0.875}), 0.125);
  EXPECT_EQ(kept_first({2, 2}), 0.5);
  EXPECT_EQ(kept_first({0, 3}), 0);
  EXPECT_EQ(kept_first({DBL_TRUE_MIN, 3 * DBL_TRUE_MIN}), 0.25);
  EXPECT_NEAR(kept_first({1e-10, 1}), 1e-10, 0x1p-53);
  EXPECT_NEAR(kept_first({1, 2}), 1.0 / 3, 0x1p-53);
}

// The estimate of any sum over states is unbiased: each state's copies have its weight together, on average.
TEST(SplitAndMerge, OnAverageTheCopiesOfAStateHaveItsWeight) {
  const Values weights = {0.1, 0.5, 1, 3, 0.02, 8, 0.3, 1e-4, 0.2, 0.2};
  const Numbers bins = {0, 0, 0, 0, 0, 0, 1, 1, 1, 1};
  constexpr int trials = 20'000;
  for (const Numbers& targets : {Numbers{4, 2}, Numbers{1, 1}, Numbers{6, 4}, Numbers{9, 7}}) {
    rondo::Random random = random_of(targets[0]);
    Values sum(weights.size()), squares(weights.size());
    for (int trial = 0; trial < trials; ++trial) {
      Values copies(weights.size());
      for (const auto& walker : split_and_merge(weights, bins, targets, random).walkers)
        copies[walker.parent] += walker.weight;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        sum[i] += copies[i];
        squares[i] += copies[i] * copies[i];
      }
    }
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const double mean = sum[i] / trials;
      // a state that is rarely kept needs the variance of its formula: it has nothing or a weight of at most all
      const double variance = std::max(squares[i] / trials - mean * mean, weights[i] * 0.02);
      EXPECT_NEAR(mean, weights[i], 5 * std::sqrt(variance / trials) + 1e-12)
          << i << " of targets " << targets[0];
    }
  }
}

TEST(SplitAndMerge, EqualEnginesGiveEqualPlans) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    rondo::Random random = random_of(seed), one = random_of(seed + 1), other = random_of(seed + 1);
    const Ensemble e = random_ensemble(random, 20);
    const WalkerPlan a = split_and_merge(e.weights, e.bins, e.targets, one);
    const WalkerPlan b = split_and_merge(e.weights, e.bins, e.targets, other);
    EXPECT_EQ(a.offspring, b.offspring);
    EXPECT_EQ(weights_of(a), weights_of(b));
  }
}

TEST(SplitAndMerge, EndsForWeightsThatCannotBeDivided) {
  rondo::Random random = random_of(0);
  EXPECT_EQ(weights_of(split_and_merge(Values{DBL_TRUE_MIN}, 3, random)), (Values{0, 0, DBL_TRUE_MIN}));
  const WalkerPlan plan = split_and_merge(Values{5 * DBL_TRUE_MIN, 0, DBL_TRUE_MIN}, 4, random);
  EXPECT_EQ(plan.walkers.size(), 4U);
  EXPECT_EQ(exact_sum(weights_of(plan)), 6 * DBL_TRUE_MIN);
  // a bin without weight beside one with
  const WalkerPlan zeros = split_and_merge(Values{0, 0, 1}, Numbers{0, 0, 1}, Numbers{1, 1}, random);
  EXPECT_EQ(zeros.walkers.size(), 2U);
  const WalkerPlan more = split_and_merge(Values{0, 0, 1}, Numbers{0, 0, 1}, Numbers{3, 1}, random);
  EXPECT_EQ(more.walkers.size(), 4U);
  EXPECT_EQ(exact_sum(weights_of(split_and_merge(Values{0x1p1022, 0x1p1022}, 1, random))), 0x1p1023);
}

TEST(SplitAndMerge, RefusesWrongInputByName) {
  rondo::Random random = random_of(0);
  const auto refused = [&](const Values& weights, const Numbers& bins, const Numbers& targets) {
    return error_of([&] { return split_and_merge(weights, bins, targets, random); });
  };
  EXPECT_EQ(refused({1, 2}, {0}, {1}), "2 weights and 1 bins: need one of each per state");
  EXPECT_EQ(refused({1, 2}, {0, 3}, {1, 1}), "walker 1 is in bin 3: there are targets for 2 bins");
  EXPECT_EQ(refused({1, 2}, {0, 1}, {1, 0}),
            "walker 1 is in bin 1, whose target is 0: a bin with walkers keeps at least 1");
  EXPECT_EQ(refused({1, -2}, {0, 0}, {1}).substr(0, 20), "weight 1 is negative");
  EXPECT_EQ(refused({0x1p1023, 0x1p971}, {0, 0}, {1}), "the total weight is above 2^1023: scale the weights");
  EXPECT_EQ(refused({1, 1}, {0, 1}, {4294967295, 1}).substr(0, 58),
            "the targets of all bins with walkers are 4294967296 togeth");
  EXPECT_EQ(error_of<rondo::ZeroWeightError>([&] {
              return split_and_merge(Values{0, 0}, 2, random);
            }),
            "all 2 weights are 0");
  EXPECT_EQ(error_of<rondo::ZeroWeightError>([&] { return split_and_merge(Values{}, 2, random); }),
            "there are no weights");
}

}  // namespace
