// The distribution of offspring: mean, variance and covariance of each scheme against the formulas of its paper.
//
// The seeds are fixed, so the results are. A limit of 5 standard errors would let a right scheme fail for one seed in a
// million per comparison, and the formulas of the schemes are much farther from each other than that, which
// is a test of its own.
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "schemes.hpp"

namespace {

using Values = std::vector<double>;

// Means and variances of the offspring of each state, as far as the formulas say.
struct Moments {
  Values mean, variance;
};

double fraction(double x) { return x - std::floor(x); }

// m: the mean offspring of each state, n in all.
std::map<std::string, Moments> formulas(const Values& m, double n) {
  std::map<std::string, Moments> result;
  for (const char* scheme : {"systematic", "stratified", "residual", "multinomial", "branching"})
    result[scheme].mean = m;
  double missing = 0;
  for (const double mean : m) missing += fraction(mean);
  double start = 0;
  for (const double mean : m) {
    const double f = fraction(mean);
    result["systematic"].variance.push_back(f * (1 - f));
    result["branching"].variance.push_back(f * (1 - f));
    result["multinomial"].variance.push_back(mean * (1 - mean / n));
    result["residual"].variance.push_back(missing > 0 ? f * (1 - f / missing) : 0);
    double stratified = 0;
    for (double k = 0; k < n; ++k) {
      const double covered = std::max(0.0, std::min(start + mean, k + 1) - std::max(start, k));
      stratified += covered * (1 - covered);
    }
    result["stratified"].variance.push_back(stratified);
    start += mean;
  }
  return result;
}

struct Sample {
  Values mean, variance, fourth;  // the fourth central moment
  double total_variance = 0;
};

constexpr int kTrials = 20'000;

template <class Draw>
Sample sample(std::size_t states, Draw draw) {
  std::vector<Offspring> all;
  for (int trial = 0; trial < kTrials; ++trial) all.push_back(draw());
  Sample result{Values(states), Values(states), Values(states)};
  double total_mean = 0, total_squares = 0;
  for (const Offspring& offspring : all) {
    double total = 0;
    for (std::size_t i = 0; i < states; ++i) {
      result.mean[i] += offspring[i] / double{kTrials};
      total += offspring[i];
    }
    total_mean += total / kTrials;
    total_squares += total * total / kTrials;
  }
  result.total_variance = total_squares - total_mean * total_mean;
  for (const Offspring& offspring : all)
    for (std::size_t i = 0; i < states; ++i) {
      const double square = std::pow(offspring[i] - result.mean[i], 2);
      result.variance[i] += square / (kTrials - 1);
      result.fourth[i] += square * square / kTrials;
    }
  return result;
}

// Whether the sample may come from a distribution with these moments.
bool agrees(const Sample& sample, const Moments& formula) {
  for (std::size_t i = 0; i < sample.mean.size(); ++i) {
    const double expected = formula.variance[i];
    const double error_of_mean = std::sqrt(expected / kTrials);
    const double error_of_variance =
        std::sqrt(std::max(0.0, sample.fourth[i] - expected * expected) / kTrials);
    if (std::abs(sample.mean[i] - formula.mean[i]) > 5 * error_of_mean + 1e-9) return false;
    if (std::abs(sample.variance[i] - expected) > 5 * error_of_variance + 1e-9) return false;
  }
  return true;
}

struct Case {
  Values weights;
  std::size_t offspring;
};

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{0.55, 0.2, 0, 0.75, 1.6, 0.9}, 4},          // less than one offspring for most
      {{4.3, 0.4, 2.7, 1e-30, 1.45, 0.15, 3}, 12},  // some and many
      {{0.37, 0.63}, 1},
      {{0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3}, 10},
  };
  return all;
}

Values means_of(const Case& c) {
  double sum = 0;
  for (const double weight : c.weights) sum += weight;
  Values means;
  for (const double weight : c.weights) means.push_back(weight * static_cast<double>(c.offspring) / sum);
  return means;
}

TEST(Distribution, EachSchemeHasTheMomentsOfItsFormula) {
  std::uint64_t seed = 100;
  for (const Case& c : cases()) {
    const Values means = means_of(c);
    auto expected = formulas(means, static_cast<double>(c.offspring));
    for (const auto& scheme : schemes()) {
      rondo::Random random = random_of(++seed);
      const Sample drawn =
          sample(means.size(), [&] { return scheme.offspring(c.weights, c.offspring, random); });
      EXPECT_TRUE(agrees(drawn, expected[scheme.name])) << scheme.name << ", seed " << seed;
    }
  }
}

// The power of the test above: no scheme passes for another one, but for branching and systematic resampling, which have the
// same marginal distribution and differ in the total.
TEST(Distribution, NoSchemeHasTheMomentsOfAnother) {
  const Case& c = cases()[1];
  const Values means = means_of(c);
  const auto expected = formulas(means, static_cast<double>(c.offspring));
  for (const auto& scheme : schemes()) {
    rondo::Random random = random_of(7);
    const Sample drawn =
        sample(means.size(), [&] { return scheme.offspring(c.weights, c.offspring, random); });
    const auto family = [](const std::string& name) { return name == "branching" ? "systematic" : name; };
    for (const auto& [name, moments] : expected)
      EXPECT_EQ(agrees(drawn, moments), family(name) == family(scheme.name)) << scheme.name << " as " << name;
  }
}

TEST(Distribution, BranchingRoundsEachStateByItself) {
  const Case& c = cases()[1];
  const Values means = means_of(c);
  double variance = 0;
  for (const double mean : means) variance += fraction(mean) * (1 - fraction(mean));
  rondo::Random random = random_of(8);
  const Sample drawn =
      sample(means.size(), [&] { return rondo::branching_offspring(c.weights, c.offspring, random); });
  // if they are independent, the variance of the total is the sum of the variances
  EXPECT_NEAR(drawn.total_variance, variance, 5 * variance * std::sqrt(2.0 / kTrials));
}

TEST(Distribution, MultinomialDrawsAreIndependent) {
  // all results of 2 draws of 3 states, against their probabilities
  const Values p = {0.2, 0.5, 0.3};
  std::map<Offspring, int> seen;
  rondo::Random random = random_of(9);
  for (int trial = 0; trial < kTrials; ++trial) ++seen[rondo::multinomial_offspring(p, 2, random)];
  double chi_square = 0;
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = i; j < 3; ++j) {
      Offspring offspring(3);
      ++offspring[i];
      ++offspring[j];
      const double expected = p[i] * p[j] * (i == j ? 1 : 2) * kTrials;
      chi_square += std::pow(seen[offspring] - expected, 2) / expected;
    }
  EXPECT_LT(chi_square, 25.7);  // 5 degrees of freedom: one in 10,000
}

TEST(Distribution, DoesNotDependOnTheEngine) {
  const Case& c = cases()[0];
  const Values means = means_of(c);
  const auto expected = formulas(means, static_cast<double>(c.offspring));
  std::mt19937 mersenne(1);
  std::ranlux24 ranlux(1);
  std::mt19937_64 wide(1);
  const auto check = [&](auto& engine) {
    EXPECT_TRUE(agrees(
        sample(means.size(), [&] { return rondo::stratified_offspring(c.weights, c.offspring, engine); }),
        expected.at("stratified")));
  };
  check(mersenne);
  check(ranlux);
  check(wide);
}

}  // namespace
