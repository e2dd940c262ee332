// The same job done four ways: items 0, 1, 2, ... are produced in order, each is worked on for a given time,
// and the results are added up in order.
//
// Work is counted in turns of a loop, so that it costs the same whoever runs it; turns_per_microsecond()
// finds out how many make a microsecond on this machine.
#pragma once

#include <chrono>
#include <cstdint>

struct Job {
  std::uint64_t items;
  std::uint64_t turns;  // work per item
  std::size_t chunk;
  unsigned threads;
};

// Not inlined, so that no contender gets better code for it.
[[gnu::noinline]] inline std::uint64_t spin(std::uint64_t seed, std::uint64_t turns) {
  std::uint64_t x = seed | 1U;
  for (std::uint64_t i = 0; i < turns; ++i) x = x * 6364136223846793005U + 1442695040888963407U;
  return x;
}

[[nodiscard]] inline double turns_per_microsecond() {
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    volatile std::uint64_t sink = spin(1, 5'000'000);
    (void)sink;
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, 5'000'000 / took.count());
  }
  return best;
}

std::uint64_t run_sequential(const Job& job);
std::uint64_t run_rondo(const Job& job);
std::uint64_t run_tbb(const Job& job);
std::uint64_t run_queue(const Job& job);
