// Measures, once per run of the benchmarks, what the machine does in a millisecond: prints one line of JSON.
//
//   operations_per_ms   how many steps of burn(); passed to every contestant, so that all burn the same count
//   touch_ms            what an update costs before its own cost begins: a pass over a cold state of 300 kB
//   sleep_ms            how much later than asked a sleep of 1 ms ends
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "workload/workload.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// The fastest of many short stretches: whatever else runs on the machine can only make a stretch slower.
double operations_per_ms() {
  constexpr std::uint64_t operations = 4'000'000;
  double fastest = 0.0;
  std::uint64_t x = 1;
  for (int stretch = 0; stretch < 40; ++stretch) {
    const Clock::time_point begin = Clock::now();
    x = reference::burn(operations, x);
    fastest = std::max(fastest, static_cast<double>(operations) / ms_since(begin));
  }
  if (x == 0) std::fputs("the chain of multiplications reached 0\n", stderr);
  return fastest;
}

// Mean over an ensemble that no cache holds.
double update_ms(reference::Work work, double cost_ms) {
  reference::Settings settings;
  settings.states = 400;
  settings.rounds = 1;
  settings.work = work;
  settings.sigma = 0.0;
  settings.jitter = 0.0;
  settings.mean_ms = cost_ms;
  const reference::Workload workload{settings};
  std::vector<reference::State> states = workload.initial_states();
  const reference::Record input = workload.input(0);
  const Clock::time_point begin = Clock::now();
  for (reference::State& state : states) static_cast<void>(workload.update(state, input));
  return ms_since(begin) / static_cast<double>(states.size());
}

}  // namespace

int main() {
  const double operations = operations_per_ms();
  const double touch = update_ms(reference::Work::busy, 0.0);
  const double sleep = update_ms(reference::Work::sleep, 1.0) - 1.0 - touch;
  const nlohmann::ordered_json line{
      {"operations_per_ms", operations}, {"touch_ms", touch}, {"sleep_ms", sleep}};
  std::printf("%s\n", line.dump().c_str());
}
