// 600 MB of states and an update of a given length, for what is measured beside the computing.
#pragma once

#include <chrono>
#include <cstddef>
#include <rondo/rondo.hpp>
#include <vector>

namespace busy {

inline constexpr std::size_t states = 2'000;
inline constexpr std::size_t doubles = 37'500;
using Clock = std::chrono::steady_clock;

// Milliseconds.
inline double since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Works on the whole state, again and again, for as many milliseconds as the input says.
class Compute : public rondo::Update<std::vector<double>, double, double> {
 public:
  double update(std::vector<double>& state, const double& ms, const Call&) override {
    const auto begin = Clock::now();
    double sum = 0;
    do {
      for (double& x : state) sum += x = 0.5 * x + 1;
    } while (since(begin) < ms);
    return sum;
  }
};

}  // namespace busy
