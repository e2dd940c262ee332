// A simulated lock: n threads hold it for a time of mean p, and work without it for a time of mean 1 - p,
// both exponential.
#pragma once

#include <algorithm>
#include <queue>
#include <random>
#include <vector>

// Rounds per unit of time, which is the speed-up over one thread.
inline double simulated_speedup(double p, unsigned threads, std::uint64_t seed, int rounds = 400'000) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> hold(1 / p), think(1 / (1 - p));
  std::priority_queue<double, std::vector<double>, std::greater<>> arrivals;  // at the lock
  for (unsigned i = 0; i < threads; ++i) arrivals.push(think(random));
  double free_at = 0;
  for (int round = 0; round < rounds; ++round) {
    const double arrival = arrivals.top();
    arrivals.pop();
    free_at = std::max(free_at, arrival) + hold(random);
    arrivals.push(free_at + think(random));
  }
  return rounds / free_at;
}
