// The weights of a population of particles.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

// Always sums to one.
class Weights {
 public:
  explicit Weights(std::size_t particles) : weights_(particles, 1.0 / static_cast<double>(particles)) {}

  [[nodiscard]] double operator[](std::size_t i) const { return weights_[i]; }

  // Multiplies each weight by its factor and returns the log of the sum: what was the log of the mean factor.
  double multiply(std::span<const double> log_factors) {
    const double largest = *std::max_element(log_factors.begin(), log_factors.end());
    for (std::size_t i = 0; i < weights_.size(); ++i) weights_[i] *= std::exp(log_factors[i] - largest);
    const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    for (double& weight : weights_) weight /= sum;
    return largest + std::log(sum);
  }

  // How many equally weighted particles would be worth as much, as a share of them all.
  [[nodiscard]] double effective_ratio() const {
    const double squares = std::inner_product(weights_.begin(), weights_.end(), weights_.begin(), 0.0);
    return 1 / squares / static_cast<double>(weights_.size());
  }

  // Systematic resampling: as many offspring in all as there are particles, each its weight's share rounded up or down.
  // The particles stand on a line, each as long as its weight, and a comb with equal gaps is put beside it, shifted by
  // `shift` (uniform in [0, 1)) of a gap: every tooth is a child.
  [[nodiscard]] std::vector<std::uint32_t> systematic_offspring(double shift) const {
    const std::size_t teeth = weights_.size();
    std::vector<std::uint32_t> offspring(teeth, 0);
    double end = 0;
    std::size_t tooth = 0;
    for (std::size_t i = 0; i < teeth; ++i) {
      end += weights_[i] * static_cast<double>(teeth);
      // the last one takes what rounding left over
      for (; tooth < teeth && (static_cast<double>(tooth) + shift < end || i + 1 == teeth); ++tooth)
        ++offspring[i];
    }
    return offspring;
  }

 private:
  std::vector<double> weights_;
};
