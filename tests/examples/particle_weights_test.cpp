// The weights of the particle filter: what systematic resampling and the effective ratio promise.
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "weights.hpp"

TEST(Weights, OffspringAreTheShareRoundedUpOrDownAndAsManyAsTheParticles) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    const std::size_t particles = 1 + random() % 200;
    std::vector<double> log_factors(particles);
    std::normal_distribution unequal(0.0, 3.0);
    for (double& factor : log_factors) factor = unequal(random) - 1000;  // exp() of it alone is zero
    Weights weights(particles);
    weights.multiply(log_factors);

    const double shift = seed % 3 == 0 ? 0 : std::uniform_real_distribution(0.0, 1.0)(random);
    const std::vector<std::uint32_t> offspring = weights.systematic_offspring(shift);
    EXPECT_EQ(std::accumulate(offspring.begin(), offspring.end(), std::size_t{0}), particles);
    for (std::size_t i = 0; i < particles; ++i)
      EXPECT_LT(std::abs(offspring[i] - weights[i] * static_cast<double>(particles)), 1 + 1e-9) << i;
  }
}

TEST(Weights, MultiplyReturnsTheLogOfTheWeightedMeanFactor) {
  Weights weights(4);
  EXPECT_NEAR(weights.multiply(std::vector{std::log(1.0), std::log(2.0), std::log(3.0), std::log(2.0)}),
              std::log(2.0), 1e-12);
  // the weights are 1/8, 2/8, 3/8, 2/8 now
  EXPECT_NEAR(weights.multiply(std::vector{std::log(8.0), -1000.0, std::log(8.0), -1000.0}), std::log(4.0),
              1e-12);
  EXPECT_NEAR(weights[0], 0.25, 1e-12);
  EXPECT_NEAR(weights[2], 0.75, 1e-12);
}

TEST(Weights, TheEffectiveRatioGoesFromOneForEqualWeightsToOneParticlesWorth) {
  Weights weights(10);
  EXPECT_NEAR(weights.effective_ratio(), 1, 1e-12);
  std::vector<double> log_factors(10, -1e9);
  log_factors[3] = 0;
  weights.multiply(log_factors);
  EXPECT_NEAR(weights.effective_ratio(), 0.1, 1e-12);
}
