// The costs of the reference workload: lognormal over the states, with jitter, drift and spikes over the rounds.
//
// Functions of (seed, state, round) alone, so that the same run can be had again and on any machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

#include "simulation/machine.hpp"

namespace rondo::simulation {

struct Costs {
  double mean = 1e-3;   // seconds
  double sigma = 1;     // of the logarithm, over the states
  double jitter = 0.2;  // relative standard deviation, from round to round
  double drift = 0;     // standard deviation of the logarithm's step from round to round, for each state
  std::uint64_t spike_period =
      0;                // rounds after which a tenth of the states take other states' costs; 0: never
  bool redraw = false;  // costs are drawn anew each round
  std::uint64_t states = 400;
  std::uint64_t seed = 1;
};

// Uniform in (0, 1), by a hash of the three.
inline double uniform(std::uint64_t seed, std::uint64_t state, std::uint64_t round) {
  std::uint64_t z = seed * 0x9e3779b97f4a7c15 + state;
  for (const std::uint64_t add : {std::uint64_t{0x632be59bd9b4e019}, round}) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    z = (z ^ (z >> 31)) + add * 0x9e3779b97f4a7c15;
  }
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z ^= z >> 31;
  return (static_cast<double>(z >> 11) + 0.5) * 0x1p-53;
}

// Standard normal, by Box and Muller.
inline double normal(std::uint64_t seed, std::uint64_t state, std::uint64_t round) {
  return std::sqrt(-2 * std::log(uniform(seed, state, round))) *
         std::cos(2 * std::numbers::pi * uniform(seed + 0x1234567, state, round));
}

// Seconds that an update of this state takes in this round. O(rounds) with drift, else O(1).
inline double cost(const Costs& costs, std::uint64_t state, std::uint64_t round) {
  std::uint64_t who = state;
  if (costs.spike_period > 0 && round >= costs.spike_period) {
    const std::uint64_t phase = round / costs.spike_period;
    if (uniform(costs.seed + 2, state, phase) < 0.1)
      who = static_cast<std::uint64_t>(uniform(costs.seed + 3, state, phase) *
                                       static_cast<double>(costs.states));
  }
  double logarithm =
      costs.sigma * normal(costs.seed, who, costs.redraw ? round + 1 : 0) - costs.sigma * costs.sigma / 2;
  for (std::uint64_t r = 1; costs.drift > 0 && r <= round; ++r)
    logarithm += costs.drift * normal(costs.seed + 4, who, r);
  const double factor = 1 + costs.jitter * normal(costs.seed + 5, state, round);
  return costs.mean * std::exp(logarithm) * std::max(factor, 0.1);
}

[[nodiscard]] inline Workload workload(const Costs& costs) {
  Workload workload;
  workload.seconds = [costs](StateId state, std::uint64_t round) { return cost(costs, value(state), round); };
  return workload;
}

}  // namespace rondo::simulation
