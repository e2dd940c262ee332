// What every single result of resampling has to keep: the total, the bounds, and the same result for the same engine.
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/rondo.hpp>

#include "../accumulators/exact_reference.hpp"
#include "input_error.hpp"
#include "schemes.hpp"
#include "scripted.hpp"

namespace {

using Values = std::vector<double>;

std::size_t total_of(const Offspring& offspring) {
  return std::accumulate(offspring.begin(), offspring.end(), std::size_t{0});
}

// Weights over about `binades` powers of two, some of them 0, at least one not.
Values random_weights(rondo::Random& random, int binades) {
  Values weights(1 + random() % 40);
  for (double& weight : weights)
    if (random() % 4 != 0)
      weight = std::ldexp(1 + rondo::detail::uniform(random), -static_cast<int>(random() % binades));
  if (std::ranges::all_of(weights, [](double w) { return w == 0; })) weights.back() = 1;
  return weights;
}

// Weights of up to 10 powers of two are taken as they are, so the bounds hold exactly.
TEST(Offspring, KeepTheirTotalAndTheirExactBounds) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    rondo::Random random = random_of(seed);
    const Values weights = random_weights(random, 10);
    const std::size_t n = random() % 100;
    Integer sum = 0;
    for (const double weight : weights) sum += in_units(weight);
    for (const auto& scheme : schemes()) {
      SCOPED_TRACE(scheme.name);
      const Offspring offspring = scheme.offspring(weights, n, random);
      ASSERT_EQ(offspring.size(), weights.size());
      if (scheme.name != "branching") {
        ASSERT_EQ(total_of(offspring), n);
      }
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const Integer scaled = in_units(weights[i]) * n;  // sum times the mean
        const Integer floor = scaled / sum, ceil = (scaled + sum - 1) / sum;
        if (weights[i] == 0) {
          ASSERT_EQ(offspring[i], 0U);
        }
        if (scheme.name == "systematic" || scheme.name == "branching") {
          ASSERT_TRUE(offspring[i] == floor || offspring[i] == ceil) << i;
        }
        if (scheme.name == "stratified") {
          ASSERT_LT(abs(Integer(offspring[i]) * sum - scaled), 2 * sum) << i;
        }
        if (scheme.name == "residual") {
          ASSERT_GE(offspring[i], floor) << i;
        }
      }
    }
  }
}

// Not only where the random numbers fall in the middle.
TEST(Offspring, KeepTheirTotalForTheSmallestAndTheLargestRandomNumbers) {
  const Values weights = {0, 3, 1e-5, 0, 7, 0.1, 0};
  for (const std::uint64_t word : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    for (const auto& scheme : schemes<Scripted>()) {
      SCOPED_TRACE(scheme.name);
      Scripted random({word});
      const Offspring offspring = scheme.offspring(weights, 1000, random);
      if (scheme.name != "branching") {
        EXPECT_EQ(total_of(offspring), 1000U);
      }
      for (const std::size_t i : {0, 3, 6}) EXPECT_EQ(offspring[i], 0U);
    }
  }
}

TEST(Offspring, OfWeightsOfAnyScaleAreThoseOfTheSameRatios) {
  const Values weights = {0.3, 0, 1.25, 1e-3, 0.7};
  for (const auto& scheme : schemes()) {
    for (const int exponent : {-1050, -1000, -100, 100, 1000, 1023}) {
      Values scaled;
      for (const double weight : weights) scaled.push_back(std::ldexp(weight, exponent));
      if (exponent == -1050) scaled = {0x3p-1074, 0, 0x4p-1074, 0x1p-1074, 0x2p-1074};
      const Values expected = exponent == -1050 ? Values{3, 0, 4, 1, 2} : weights;
      rondo::Random one = random_of(1), other = random_of(1);
      EXPECT_EQ(scheme.offspring(scaled, 100, one), scheme.offspring(expected, 100, other))
          << scheme.name << exponent;
    }
  }
}

TEST(Offspring, OfExtremeWeights) {
  for (const auto& scheme : schemes()) {
    SCOPED_TRACE(scheme.name);
    rondo::Random random = random_of(2);
    EXPECT_EQ(scheme.offspring(Values{DBL_TRUE_MIN}, 5, random), Offspring{5});
    EXPECT_EQ(scheme.offspring(Values{0, DBL_MAX, 0}, 1'000'000, random), (Offspring{0, 1'000'000, 0}));
    EXPECT_EQ(scheme.offspring(Values{DBL_TRUE_MIN, DBL_MAX, 1}, 7, random), (Offspring{0, 7, 0}));
    EXPECT_EQ(scheme.offspring(Values{1, 2, 3}, 0, random), (Offspring{0, 0, 0}));
    EXPECT_EQ(total_of(scheme.offspring(Values{0, 0, 1, 0}, 1, random)), 1U);
  }
}

TEST(Offspring, CanBeAsManyAsTheirTypeCanCount) {
  constexpr std::uint32_t most = 4294967295;
  for (const double weight : {DBL_TRUE_MIN, 1.0, 2 - 0x1p-52, DBL_MAX}) {
    rondo::Random random = random_of(3);
    EXPECT_EQ(rondo::residual_offspring(Values{0, weight}, most, random), (Offspring{0, most}));
    EXPECT_EQ(rondo::branching_offspring(Values{0, weight}, most, random), (Offspring{0, most}));
    EXPECT_EQ(rondo::residual_offspring(Values(5, weight), most, random), Offspring(5, most / 5));
  }
}

TEST(Offspring, WholeMeansLeaveNothingToChance) {
  for (const auto& scheme : schemes()) {
    if (scheme.name == "multinomial") continue;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      rondo::Random random = random_of(seed);
      EXPECT_EQ(scheme.offspring(Values{0.1, 0.1, 0.1}, 6, random), (Offspring{2, 2, 2})) << scheme.name;
      EXPECT_EQ(scheme.offspring(Values{1, 0, 4, 3}, 16, random), (Offspring{2, 0, 8, 6})) << scheme.name;
    }
  }
}

// If this fails, results of old runs cannot be reproduced any more.
TEST(Offspring, AreTheSameOnEveryPlatform) {
  const Values weights = {0.11, 0.02, 0.3, 0.07, 0.5};
  rondo::Random random(1, rondo::StateId{2}, 3);
  EXPECT_EQ(rondo::systematic_offspring(weights, 20, random), (Offspring{2, 1, 6, 1, 10}));
  EXPECT_EQ(rondo::stratified_offspring(weights, 20, random), (Offspring{3, 0, 5, 2, 10}));
  EXPECT_EQ(rondo::residual_offspring(weights, 20, random), (Offspring{2, 0, 6, 2, 10}));
  EXPECT_EQ(rondo::multinomial_offspring(weights, 20, random), (Offspring{2, 0, 7, 0, 11}));
  EXPECT_EQ(rondo::branching_offspring(weights, 20, random), (Offspring{2, 1, 6, 1, 10}));
  EXPECT_EQ(rondo::stochastic_round(2.5, random), 2U);
}

// 64 bits from engines of several widths: the first word is the highest.
TEST(RandomBits, AreTheWordsOfTheEngineInTurn) {
  rondo::Random random = random_of(3), words = random_of(3);
  const std::uint64_t high = words(), low = words();
  EXPECT_EQ(rondo::detail::random_bits(random), high << 32 | low);

  std::mt19937_64 wide(3), same(3);
  EXPECT_EQ(rondo::detail::random_bits(wide), same());

  std::ranlux24 narrow(3), again(3);
  std::uint64_t bits = 0;
  for (int i = 0; i < 3; ++i) bits = bits << 24 | again();
  EXPECT_EQ(rondo::detail::random_bits(narrow), bits);

  static_assert(rondo::BitEngine<std::mt19937> && rondo::BitEngine<std::ranlux48>);
  static_assert(!rondo::BitEngine<std::minstd_rand> && !rondo::BitEngine<double> &&
                !rondo::BitEngine<std::knuth_b>);
}

TEST(RandomBits, MakeUniformNumbersBelowOne) {
  Scripted smallest({0}), largest({~std::uint64_t{0}}), half({std::uint64_t{1} << 63});
  EXPECT_EQ(rondo::detail::uniform(smallest), 0);
  EXPECT_EQ(rondo::detail::uniform(largest), 1 - 0x1p-53);
  EXPECT_EQ(rondo::detail::uniform(half), 0.5);
}

TEST(StochasticRound, GoesUpWithTheProbabilityOfTheFraction) {
  for (const double mean : {0.0, 1.0, 2.5, 0.1, 7.875, 4294967293.25, 0x1p-40, 3 + 0x1p-51}) {
    const double up = probability_of([&](std::uint64_t word) {
      Scripted random({word});
      const std::uint32_t result = rondo::stochastic_round(mean, random);
      EXPECT_EQ(random.used(), 1U);
      EXPECT_TRUE(result == std::floor(mean) || result == std::ceil(mean));
      return result > mean;
    });
    EXPECT_EQ(up, mean - std::floor(mean)) << mean;
  }
}

// The last bits of the weights count.
TEST(BranchingOffspring, GoUpWithTheProbabilityOfTheFractionOfTheirMean) {
  const Values weights = {1 + 0x1p-52, 0.75, 2 - 0x1p-51, 0x1p-9 + 0x1p-60, 0.1};
  constexpr std::size_t n = 1000;
  Integer sum = 0;
  for (const double weight : weights) sum += in_units(weight);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Integer scaled = in_units(weights[i]) * n;  // sum times the mean
    std::uint64_t limit = 0;                          // random words below it let the number go up
    for (int bit = 63; bit >= 0; --bit) {
      const std::uint64_t trial = limit | std::uint64_t{1} << bit;
      Scripted random({trial - 1});
      if (rondo::branching_offspring(weights, n, random)[i] > scaled / sum) limit = trial;
    }
    EXPECT_LE(abs(Integer(limit) * sum - (scaled % sum << 64)), sum) << i;
  }
}

TEST(Offspring, OfWrongInputAreRefusedByName) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  rondo::Random random = random_of(0);
  for (const auto& scheme : schemes()) {
    SCOPED_TRACE(scheme.name);
    const auto refused = [&](const Values& weights, std::size_t n) {
      return error_of([&] { return scheme.offspring(weights, n, random); });
    };
    EXPECT_EQ(refused({1, -2}, 2).substr(0, 20), "weight 1 is negative");
    EXPECT_EQ(refused({nan}, 2).substr(0, 24), "weight 0 is not a number");
    EXPECT_EQ(refused({1, 1, HUGE_VAL}, 2).substr(0, 20), "weight 2 is infinite");
    EXPECT_EQ(refused({1, 2}, 4294967296),
              "2 weights and 4294967296 offspring: there can be up to 4294967295 of each");
    EXPECT_EQ(error_of<rondo::ZeroWeightError>([&] {
                return scheme.offspring(Values{0, 0}, 3, random);
              }),
              "all 2 weights are 0");
    EXPECT_EQ(error_of<rondo::ZeroWeightError>([&] { return scheme.offspring(Values{}, 0, random); }),
              "there are no weights");
  }
  for (const double mean : {-1e-9, nan, 4294967294.5, HUGE_VAL})
    EXPECT_NE(error_of([&] { return rondo::stochastic_round(mean, random); }).find("from 0 to 4294967294"),
              std::string::npos);
}

// --- with Master::resample

class Add : public rondo::Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override { return state += input; }
};

std::string program = "program";

TEST(Offspring, AndThePlanOfSplitsAndMergesFitTheMaster) {
  char* arguments[] = {program.data(), nullptr};
  int count = 1;
  EXPECT_EQ(rondo::run<Add>(
                count, arguments,
                [](rondo::Master<Add>& master) {
                  master.reset({10, 20, 30, 40});
                  rondo::Random random = random_of(5);
                  const Values logs = {0, -std::numeric_limits<double>::infinity(), std::log(2.0), 0};
                  master.resample(rondo::systematic_offspring(rondo::normalised_weights(logs), 8, random));
                  EXPECT_EQ(master.update(0), (Values{10, 10, 30, 30, 30, 30, 40, 40}));

                  const Values states = master.states();
                  const Values weights = {1, 1, 20, 1, 1, 1, 9, 1};
                  const std::vector<std::uint32_t> bins = {0, 0, 1, 0, 1, 1, 0, 0}, targets = {3, 4};
                  const auto plan = rondo::split_and_merge(weights, bins, targets, random);
                  EXPECT_EQ(master.resample(plan.offspring).size(), 7U);
                  Values expected;
                  for (const auto& walker : plan.walkers) expected.push_back(states[walker.parent]);
                  EXPECT_EQ(master.states(), expected);
                }),
            0);
}

}  // namespace
