// The local level model: a level that walks at random, seen through noise. Its likelihood has a closed form, so it
// shows whether a particle filter is right.
#pragma once

#include <cmath>
#include <numbers>
#include <span>
#include <vector>

//   level[t] = level[t-1] + N(0, step_variance)
//   flow[t]  = level[t]   + N(0, noise_variance)
struct LocalLevel {
  double noise_variance;
  double step_variance;
  // of the level in the year before the first flow
  double start_mean;
  double start_variance;
};

// The two variances are the maximum likelihood estimates for the Nile (Durbin and Koopman, Time Series Analysis by
// State Space Methods, 2012, section 2.10.3); the start is wide.
inline constexpr LocalLevel kNile{15099, 1469.1, 1000, 300.0 * 300.0};

inline double log_normal_density(double x, double mean, double variance) {
  return -0.5 * (std::log(2 * std::numbers::pi * variance) + (x - mean) * (x - mean) / variance);
}

// What is known of the level when the flow of that year is.
struct Filtered {
  double level;           // its mean
  double log_likelihood;  // of all flows so far
};

// The Kalman filter: exact.
inline std::vector<Filtered> kalman_filter(const LocalLevel& model, std::span<const double> flows) {
  double mean = model.start_mean;
  double variance = model.start_variance;
  double log_likelihood = 0;
  std::vector<Filtered> filtered;
  for (const double flow : flows) {
    variance += model.step_variance;
    log_likelihood += log_normal_density(flow, mean, variance + model.noise_variance);
    const double gain = variance / (variance + model.noise_variance);
    mean += gain * (flow - mean);
    variance *= 1 - gain;
    filtered.push_back({mean, log_likelihood});
  }
  return filtered;
}
