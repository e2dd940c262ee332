// Log-weights, evidence and effective size: formulas, limits, and what is refused.
#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/resampling.hpp>

#include "input_error.hpp"

namespace {

using rondo::effective_size;
using rondo::log_mean_weight;
using rondo::log_total_weight;
using rondo::normalised_weights;
using rondo::ZeroWeightError;

using Values = std::vector<double>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Values log_weights_of(std::size_t count, double spread, unsigned seed) {
  std::mt19937_64 random(seed);
  Values result(count);
  for (double& value : result) value = (static_cast<double>(random() >> 11) * 0x1p-53 - 0.5) * spread;
  return result;
}

TEST(NormalisedWeights, AreProportionalToTheExponentialsWhereTheseDoNotOverflow) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Values logs = log_weights_of(1 + seed, 20, seed);
    long double sum = 0;
    for (const double value : logs) sum += std::exp(static_cast<long double>(value));
    const Values weights = normalised_weights(logs);
    ASSERT_EQ(weights.size(), logs.size());
    for (std::size_t i = 0; i < logs.size(); ++i) {
      const auto expected = static_cast<double>(std::exp(static_cast<long double>(logs[i])) / sum);
      ASSERT_NEAR(weights[i], expected, 1e-14 * expected) << "seed " << seed;
    }
    ASSERT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-13);
    ASSERT_NEAR(log_total_weight(logs), static_cast<double>(std::log(sum)), 1e-13);
    ASSERT_NEAR(log_mean_weight(logs),
                static_cast<double>(std::log(sum / static_cast<long double>(logs.size()))), 1e-13);
  }
}

TEST(NormalisedWeights, DoNotChangeWithACommonFactorHoweverLarge) {
  Values logs = {-3, 0.5, -kInfinity, 2, -100};
  const Values weights = normalised_weights(logs);
  for (const double shift : {-0x1p40, -4096.0, 4096.0, 0x1p40}) {
    Values shifted = logs;
    for (double& value : shifted) value += shift;
    EXPECT_EQ(normalised_weights(shifted), weights);  // the shifts round nothing off
    EXPECT_DOUBLE_EQ(log_mean_weight(shifted), log_mean_weight(logs) + shift);
    EXPECT_DOUBLE_EQ(log_total_weight(shifted), log_total_weight(logs) + shift);
  }
}

TEST(NormalisedWeights, OfExtremeLogWeights) {
  EXPECT_EQ(normalised_weights(Values{DBL_MAX, -DBL_MAX, -kInfinity}), (Values{1, 0, 0}));
  EXPECT_EQ(normalised_weights(Values{-DBL_MAX, -DBL_MAX}), (Values{0.5, 0.5}));
  EXPECT_EQ(normalised_weights(Values{DBL_MAX, DBL_MAX, DBL_MAX, DBL_MAX}), Values(4, 0.25));
  EXPECT_EQ(normalised_weights(Values{-kInfinity, -1e5, -kInfinity}), (Values{0, 1, 0}));
  EXPECT_EQ(normalised_weights(Values{DBL_TRUE_MIN, 0}), (Values{0.5, 0.5}));
  EXPECT_GT(normalised_weights(Values{0, -740})[1], 0);  // denormal, but there
  EXPECT_EQ(normalised_weights(Values{7}), Values{1});
}

TEST(NormalisedWeights, DoNotDependOnTheOrder) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    Values logs = log_weights_of(50, 60, seed);
    Values weights = normalised_weights(logs);
    const double total = log_total_weight(logs);
    const double size = effective_size(weights);
    std::ranges::reverse(logs);
    std::rotate(logs.begin(), logs.begin() + 17, logs.end());
    std::ranges::reverse(weights);
    std::rotate(weights.begin(), weights.begin() + 17, weights.end());
    ASSERT_EQ(normalised_weights(logs), weights);
    ASSERT_EQ(log_total_weight(logs), total);
    ASSERT_EQ(effective_size(weights), size);
  }
}

TEST(LogMeanWeight, IsTheLogOfTheMean) {
  EXPECT_NEAR(log_mean_weight(Values{std::log(1.0), std::log(2.0), std::log(6.0)}), std::log(3.0), 1e-15);
  EXPECT_NEAR(log_mean_weight(Values{std::log(8.0), -kInfinity}), std::log(4.0), 1e-15);
  EXPECT_EQ(log_mean_weight(Values{-1234.5}), -1234.5);
  EXPECT_EQ(log_mean_weight(Values{-kInfinity, -kInfinity}), -kInfinity);
  EXPECT_EQ(log_total_weight(Values{}), -kInfinity);
}

TEST(LogTotalWeight, OfNormalisedWeightsTimesLikelihoodsIsTheIncrementOfTheEvidence) {
  const Values weights = {0.125, 0.5, 0.375}, likelihoods = {2, 8, 4};
  Values logs;
  for (std::size_t i = 0; i < 3; ++i) logs.push_back(std::log(weights[i]) + std::log(likelihoods[i]));
  EXPECT_NEAR(log_total_weight(logs), std::log(0.25 + 4 + 1.5), 1e-15);
}

TEST(EffectiveSize, IsTheNumberOfEqualWeightsAndOneForASingleSurvivor) {
  for (const double scale : {DBL_TRUE_MIN, 1e-300, 0.1, 1.0, DBL_MAX}) {
    for (const std::size_t count : {1, 2, 3, 7, 1000}) {
      Values weights(count, scale);
      EXPECT_EQ(effective_size(weights), static_cast<double>(count));
      std::fill(weights.begin(), weights.end(), 0.0);
      weights[count / 2] = scale;
      EXPECT_EQ(effective_size(weights), 1);
    }
  }
}

TEST(EffectiveSize, FollowsItsFormula) {
  EXPECT_DOUBLE_EQ(effective_size(Values{0.1, 0.2, 0.7}), 1 / (0.01 + 0.04 + 0.49));
  EXPECT_DOUBLE_EQ(effective_size(Values{1e200, 3e200}), 1.6);
  EXPECT_DOUBLE_EQ(effective_size(Values{1e-200, 3e-200}), 1.6);
}

TEST(Weights, RefusedOnesAreNamed) {
  const auto refused = [](const Values& logs) {
    const std::string text = error_of([&] { return normalised_weights(logs); });
    EXPECT_EQ(error_of([&] { return log_mean_weight(logs); }), text);
    EXPECT_EQ(error_of([&] { return log_total_weight(logs); }), text);
    return text;
  };
  EXPECT_EQ(refused({0, 1, kNan, kNan}),
            "log-weight 2 is not a number: a log-weight is finite, or -infinity for a weight of 0");
  EXPECT_EQ(refused({0, kInfinity}).substr(0, 26), "log-weight 1 is +infinity:");
  EXPECT_EQ(refused({-kNan}).substr(0, 29), "log-weight 0 is not a number:");
  EXPECT_EQ(error_of([] {
              return effective_size(Values{1, -1e-300});
            }).substr(0, 21),
            "weight 1 is negative:");
  EXPECT_EQ(error_of([] { return effective_size(Values{kInfinity}); }).substr(0, 21),
            "weight 0 is infinite:");
  EXPECT_EQ(error_of([] {
              return effective_size(Values{0, 0, kNan});
            }).substr(0, 25),
            "weight 2 is not a number:");
}

TEST(Weights, ThatAreAllZeroHaveAnErrorOfTheirOwn) {
  EXPECT_EQ(error_of<ZeroWeightError>([] { return normalised_weights(Values(3, -kInfinity)); }),
            "all 3 log-weights are -infinity: all weights are 0 and cannot be normalised");
  EXPECT_EQ(error_of<ZeroWeightError>([] { return normalised_weights(Values{}); }),
            "there are no log-weights");
  EXPECT_EQ(error_of<ZeroWeightError>([] { return log_mean_weight(Values{}); }), "there are no log-weights");
  EXPECT_EQ(error_of<ZeroWeightError>([] { return effective_size(Values(2, 0.0)); }), "all 2 weights are 0");
  EXPECT_EQ(error_of<ZeroWeightError>([] { return effective_size(Values{}); }), "there are no weights");
}

}  // namespace
