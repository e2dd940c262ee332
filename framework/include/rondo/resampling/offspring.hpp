// How many offspring each state gets: what Master::resample takes.
//
//   master.resample(rondo::systematic_offspring(rondo::normalised_weights(log_weights), master.size(), random));
//
// All functions take weights that need not be normalised, the number n of offspring, and a random engine. The mean number
// of offspring of state i is n * w[i] / (sum of w) for each of them; they differ in how much the number varies:
//
//   | function              | offspring of a state with m = n * w / sum    | in all | random numbers |
//   |-----------------------|----------------------------------------------|--------|----------------|
//   | systematic_offspring  | floor(m) or ceil(m)                          | n      | 1              |
//   | stratified_offspring  | above m - 2, below m + 2                     | n      | n              |
//   | residual_offspring    | at least floor(m)                            | n      | fewer than N   |
//   | multinomial_offspring | binomial                                     | n      | n              |
//   | branching_offspring   | floor(m) or ceil(m), independent             | varies | N              |
//
// They compute in integers, in units of 2^-64 of (a power of two above) the largest weight. Weights down to 2^-11 of the
// largest are taken as they are. Smaller ones are rounded down by less than a unit, so a weight below a unit has no
// offspring. All that follows is exact: the bounds above hold without a tolerance, and equal weights and an equal engine
// give equal offspring on every platform.
//
// Errors of all: InputError names the first weight that is negative, infinite or NaN, or says that there are more than
// 2^32 - 1 weights or offspring; ZeroWeightError if no weight is above 0 (also if n is 0).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <rondo/detail/wide.hpp>
#include <rondo/error.hpp>
#include <rondo/resampling/uniform.hpp>
#include <rondo/resampling/weights.hpp>

namespace rondo {

namespace detail {

/// Weights as integers.
struct WeightShares {
  std::vector<std::uint64_t> shares;
  Wide total = 0;  // below 2^96, so that products with numbers of offspring fit
};

inline WeightShares shares_of(std::span<const double> weights, std::size_t offspring) {
  constexpr std::size_t limit = std::numeric_limits<std::uint32_t>::max();
  if (weights.size() > limit || offspring > limit)
    throw InputError(std::to_string(weights.size()) + " weights and " + std::to_string(offspring) +
                         " offspring: there can be up to 4294967295 of each",
                     {});
  int exponent = 0;
  std::frexp(largest_weight(weights), &exponent);  // the largest is below 2^exponent
  WeightShares result;
  result.shares.reserve(weights.size());
  for (const double weight : weights) {
    result.shares.push_back(static_cast<std::uint64_t>(std::ldexp(weight, 64 - exponent)));
    result.total += result.shares.back();
  }
  return result;
}

/// Lays the shares end to end along a line, each of them `offspring` times as long as it is. `tooth(k)` is a point in the
/// k-th of equal parts of the line, each as long as the total. Every tooth is a child of the share where it is.
template <class Tooth>
std::vector<std::uint32_t> comb(const WeightShares& weights, std::size_t offspring, Tooth tooth) {
  std::vector<std::uint32_t> result(weights.shares.size());
  if (offspring == 0) return result;
  Wide end = 0;
  Wide next = tooth(std::size_t{0});
  std::size_t k = 0;
  for (std::size_t i = 0; i < result.size(); ++i) {
    end += Wide{weights.shares[i]} * offspring;
    while (k < offspring && next < end) {
      ++result[i];
      if (++k < offspring) next = tooth(k);
    }
  }
  return result;
}

/// Throws `count` points on the line [0, ends.back()) and adds one to the result for each, where the point is.
template <BitEngine Engine>
void throw_points(std::span<const Wide> ends, std::size_t count, Engine& random,
                  std::span<std::uint32_t> result) {
  for (; count > 0; --count) {
    const Wide point = scaled(ends.back(), random_bits(random));
    ++result[static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), point) - ends.begin())];
  }
}

}  // namespace detail

/// Systematic resampling: a comb with n equal gaps, shifted by one random number. A state has its mean number of
/// offspring rounded down or up, so the variance of that number is f * (1 - f), where f is the fractional part of the mean;
/// that is the least possible. Numbers of different states depend on each other and on the order of the states.
/// Source: J. Carpenter, P. Clifford, P. Fearnhead: Improved particle filter for nonlinear problems. IEE Proc. Radar,
/// Sonar and Navigation 146 (1999), 2-7; G. Kitagawa, J. Comput. Graph. Stat. 5 (1996), 1-25.
/// O(N + n). Errors: see the head of this file.
template <BitEngine Engine>
[[nodiscard]] std::vector<std::uint32_t> systematic_offspring(std::span<const double> weights,
                                                              std::size_t offspring, Engine& random) {
  const detail::WeightShares shares = detail::shares_of(weights, offspring);
  const detail::Wide shift = detail::scaled(shares.total, detail::random_bits(random));
  return detail::comb(shares, offspring, [&](std::size_t k) { return shift + shares.total * k; });
}

/// Stratified resampling: like systematic resampling, but with a random number for each of the n gaps. The variance is
/// the sum of o[k] * (1 - o[k]), where o[k] is the part of gap k that the state covers.
/// Source: G. Kitagawa: Monte Carlo filter and smoother for non-Gaussian nonlinear state space models. J. Comput. Graph.
/// Stat. 5 (1996), 1-25.
/// O(N + n). Errors: see the head of this file.
template <BitEngine Engine>
[[nodiscard]] std::vector<std::uint32_t> stratified_offspring(std::span<const double> weights,
                                                              std::size_t offspring, Engine& random) {
  const detail::WeightShares shares = detail::shares_of(weights, offspring);
  return detail::comb(shares, offspring, [&](std::size_t k) {
    return shares.total * k + detail::scaled(shares.total, detail::random_bits(random));
  });
}

/// Multinomial resampling: n independent draws. The variance is m * (1 - m / n) for a mean of m.
/// Source: N. J. Gordon, D. J. Salmond, A. F. M. Smith: Novel approach to nonlinear/non-Gaussian Bayesian state
/// estimation. IEE Proc. F 140 (1993), 107-113.
/// O(N + n log N). Errors: see the head of this file.
template <BitEngine Engine>
[[nodiscard]] std::vector<std::uint32_t> multinomial_offspring(std::span<const double> weights,
                                                               std::size_t offspring, Engine& random) {
  const detail::WeightShares shares = detail::shares_of(weights, offspring);
  std::vector<detail::Wide> ends;
  ends.reserve(weights.size());
  detail::Wide end = 0;
  for (const std::uint64_t share : shares.shares) ends.push_back(end += share);
  std::vector<std::uint32_t> result(weights.size());
  detail::throw_points(ends, offspring, random, result);
  return result;
}

/// Residual resampling: every state has its mean number m rounded down; the r offspring that are then missing are r
/// independent draws with probabilities p proportional to the fractional parts of the means. The variance is r * p * (1 - p).
/// Source: J. S. Liu, R. Chen: Sequential Monte Carlo methods for dynamic systems. JASA 93 (1998), 1032-1044.
/// O(N + r log N). Errors: see the head of this file.
template <BitEngine Engine>
[[nodiscard]] std::vector<std::uint32_t> residual_offspring(std::span<const double> weights,
                                                            std::size_t offspring, Engine& random) {
  const detail::WeightShares shares = detail::shares_of(weights, offspring);
  std::vector<std::uint32_t> result;
  result.reserve(weights.size());
  std::vector<detail::Wide> ends;  // of the fractional parts, in units of 1 / total
  ends.reserve(weights.size());
  detail::Wide end = 0;
  std::size_t missing = offspring;
  for (const std::uint64_t share : shares.shares) {
    const detail::Wide mean = detail::Wide{share} * offspring;
    result.push_back(static_cast<std::uint32_t>(mean / shares.total));
    missing -= result.back();
    ends.push_back(end += mean % shares.total);
  }
  detail::throw_points(ends, missing, random, result);
  return result;
}

/// Branching: every state has its mean number rounded down or up, independently of the others (stochastic rounding). The
/// variance is f * (1 - f), where f is the fractional part of the mean. The number of all offspring varies about n.
/// Source: D. Crisan, T. Lyons: A particle approximation of the solution of the Kushner-Stratonovitch equation. Probab.
/// Theory Relat. Fields 115 (1999), 549-578.
/// O(N). Errors: see the head of this file.
template <BitEngine Engine>
[[nodiscard]] std::vector<std::uint32_t> branching_offspring(std::span<const double> weights,
                                                             std::size_t offspring, Engine& random) {
  const detail::WeightShares shares = detail::shares_of(weights, offspring);
  std::vector<std::uint32_t> result;
  result.reserve(weights.size());
  for (const std::uint64_t share : shares.shares) {
    const detail::Wide mean = detail::Wide{share} * offspring;
    const bool up = detail::scaled(shares.total, detail::random_bits(random)) < mean % shares.total;
    result.push_back(static_cast<std::uint32_t>(mean / shares.total) + (up ? 1 : 0));
  }
  return result;
}

/// Stochastic rounding of one number: down or up, so that the mean of the result is `mean`. For branching with weights
/// that are means already, as in diffusion Monte Carlo. A fractional part is taken to 2^-64.
/// Source: P. J. Reynolds, D. M. Ceperley, B. J. Alder, W. A. Lester: Fixed-node quantum Monte Carlo for molecules. J.
/// Chem. Phys. 77 (1982), 5593-5603.
/// O(1), one random number. InputError if the mean is negative, NaN, or above 2^32 - 2.
template <BitEngine Engine>
[[nodiscard]] std::uint32_t stochastic_round(double mean, Engine& random) {
  if (!(mean >= 0 && mean <= 4294967294.0))
    throw InputError("a mean of " + std::to_string(mean) + " offspring: it has to be from 0 to 4294967294",
                     {});
  const double whole = std::floor(mean);
  const bool up = detail::random_bits(random) < static_cast<std::uint64_t>(std::ldexp(mean - whole, 64));
  return static_cast<std::uint32_t>(whole) + (up ? 1 : 0);
}

}  // namespace rondo
