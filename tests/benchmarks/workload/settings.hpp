// What a run of the reference workload looks like: sizes, costs, workers.
//
// Every contestant takes the same options, so that one command line describes the work whoever does it:
//
//   --states=400 --rounds=20 --state-bytes=300000   how much; a state is an array of doubles
//   --work=busy|sleep                               a fixed count of arithmetic operations, or nanosleep
//   --mean-ms=1 --sigma=1 --seed=...                the lognormal distribution of the base costs
//   --jitter=0.2                                    standard deviation of a cost around its base, per round
//   --drift=0                                       the same of a step of its base's logarithm, per round
//   --spikes                                        every 10 rounds a tenth of the states swap their bases
//   --redraw                                        all bases drawn anew in each round
//   --costs-ms=1,1,10                               bases given one by one (sets the number of states)
//   --workers=2                                     threads, or ranks that compute
//   --operations-per-ms=N                           the calibrated speed; needed for busy
//   --mode=NAME                                     which of its variants a contestant runs
//   --name=NAME                                     how it signs its result
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace reference {

enum class Work { busy, sleep };

struct Settings {
  std::size_t states = 400;
  std::size_t rounds = 20;
  std::size_t state_bytes = 300'000;
  Work work = Work::busy;
  double mean_ms = 1.0;
  double sigma = 1.0;
  std::uint64_t seed = 55;
  double jitter = 0.2;
  double drift = 0.0;
  bool spikes = false;
  bool redraw = false;
  std::vector<double> costs_ms;
  std::size_t workers = 2;
  double operations_per_ms = 0.0;
  std::string mode;
  std::string name;

  [[nodiscard]] std::size_t doubles_per_state() const { return state_bytes / sizeof(double); }
};

// An option nobody knows, or a value that cannot be; the text names the option.
struct SettingsError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Leaves arguments that begin with --rondo- to Rondo and refuses all others that it does not know.
[[nodiscard]] Settings settings_from(std::span<const std::string> arguments);
[[nodiscard]] Settings settings_from(int argc, const char* const* argv);

}  // namespace reference
