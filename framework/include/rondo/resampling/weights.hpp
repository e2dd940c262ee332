// Weights of an ensemble: from log-weights to weights, the evidence, and how many states the ensemble is worth.
//
// The sums are exact (ExactSum), so no result depends on the order of the states. exp() and log() are those of the C
// library, which may differ in the last bit from one system to another.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <rondo/accumulators/exact_sum.hpp>
#include <rondo/detail/long_accumulator.hpp>
#include <rondo/error.hpp>

#pragma GCC visibility push(default)

namespace rondo {

/// There are no weights, or all of them are 0: nothing can be normalised or resampled. In a particle filter it means that
/// no particle explains the observation.
class ZeroWeightError : public InputError {
 public:
  /// The text says what was given.
  explicit ZeroWeightError(const std::string& text) : InputError(text, {}) {}
};

namespace detail {

/// The largest log-weight: -infinity if there are none. InputError for one that is NaN or +infinity.
inline double largest_log_weight(std::span<const double> log_weights) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < log_weights.size(); ++i) {
    const DoubleParts parts(log_weights[i]);
    if (parts.nan() || (!parts.finite() && !parts.negative()))
      throw InputError("log-weight " + std::to_string(i) + " is " +
                           (parts.nan() ? "not a number" : "+infinity") +
                           ": a log-weight is finite, or -infinity for a weight of 0",
                       {});
    largest = std::max(largest, log_weights[i]);
  }
  return largest;
}

/// The largest weight. InputError for one that is negative, infinite or NaN; ZeroWeightError if there is none above 0.
inline double largest_weight(std::span<const double> weights) {
  double largest = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const DoubleParts parts(weights[i]);
    if (!parts.finite() || weights[i] < 0)
      throw InputError(
          "weight " + std::to_string(i) + " is " +
              (parts.nan()      ? "not a number"
               : parts.finite() ? "negative"
                                : "infinite") +
              ": a weight is finite and at least 0; normalised_weights() makes weights of log-weights",
          {});
    largest = std::max(largest, weights[i]);
  }
  if (!(largest > 0))
    throw ZeroWeightError(weights.empty() ? "there are no weights"
                                          : "all " + std::to_string(weights.size()) + " weights are 0");
  return largest;
}

/// Replaces log-weights by exp(log-weight - largest), and returns the sum of these.
inline double exponentiate(std::span<double> log_weights, double largest) {
  ExactSum sum;
  for (double& weight : log_weights) {
    weight = std::exp(weight - largest);
    sum += weight;
  }
  return sum.value();
}

}  // namespace detail

/// Weights that sum to 1 (but for rounding), proportional to exp(log_weights[i]). The largest log-weight is subtracted
/// first, so nothing overflows, and only weights below 1e-308 of the largest vanish. A log-weight of -infinity gives 0.
/// O(n). InputError names the first log-weight that is NaN or +infinity; ZeroWeightError if all are -infinity or there
/// are none.
[[nodiscard]] inline std::vector<double> normalised_weights(std::span<const double> log_weights) {
  const double largest = detail::largest_log_weight(log_weights);
  if (std::isinf(largest))
    throw ZeroWeightError(log_weights.empty()
                              ? "there are no log-weights"
                              : "all " + std::to_string(log_weights.size()) +
                                    " log-weights are -infinity: all weights are 0 and cannot be normalised");
  std::vector<double> weights(log_weights.begin(), log_weights.end());
  const double sum = detail::exponentiate(weights, largest);
  for (double& weight : weights) weight /= sum;
  return weights;
}

/// The log of the sum of exp(log_weights[i]), without overflow: -infinity of no weights and of weights that are all 0. If
/// log_weights[i] is the log of a normalised weight plus the log-likelihood of the new observation, it is the increment
/// of the log-evidence. O(n). InputError names the first log-weight that is NaN or +infinity.
[[nodiscard]] inline double log_total_weight(std::span<const double> log_weights) {
  const double largest = detail::largest_log_weight(log_weights);
  if (std::isinf(largest)) return largest;
  std::vector<double> weights(log_weights.begin(), log_weights.end());
  return largest + std::log(detail::exponentiate(weights, largest));
}

/// The log of the mean of exp(log_weights[i]), without overflow: -infinity if all weights are 0. With equal weights before
/// the observation, and with the log-likelihoods as log-weights, it is the increment of the log-evidence.
/// Source: A. Doucet, A. M. Johansen: A tutorial on particle filtering and smoothing: fifteen years later. In: The Oxford
/// Handbook of Nonlinear Filtering, 2011.
/// O(n). InputError names the first log-weight that is NaN or +infinity; ZeroWeightError if there are none.
[[nodiscard]] inline double log_mean_weight(std::span<const double> log_weights) {
  if (log_weights.empty()) throw ZeroWeightError("there are no log-weights");
  return log_total_weight(log_weights) - std::log(static_cast<double>(log_weights.size()));
}

/// The effective sample size, (sum of weights)^2 / (sum of squared weights): n for equal weights, 1 if all but one are 0.
/// The weights need not be normalised.
/// Source: J. S. Liu, R. Chen: Blind deconvolution via sequential imputations. JASA 90 (1995), 567-576.
/// O(n). InputError names the first weight that is negative, infinite or NaN; ZeroWeightError if none is above 0.
[[nodiscard]] inline double effective_size(std::span<const double> weights) {
  const double largest = detail::largest_weight(weights);
  ExactSum sum, squares;
  for (const double weight : weights) {
    const double relative = weight / largest;  // so that no square overflows
    sum += relative;
    squares += relative * relative;
  }
  return sum.value() * sum.value() / squares.value();
}

}  // namespace rondo

#pragma GCC visibility pop
