// Where the threads' time goes: holding the stream, waiting, running work units.
//
// Exponential moving averages in O(1) memory. Pure: durations come in, no clock is read, so the averages
// forget by the time that was recorded. Belongs to the holder of the baton.
#pragma once

#include <chrono>

namespace rondo::streaming {

class Meter {
 public:
  using Duration = std::chrono::nanoseconds;
  struct Sample {
    Duration crit{};
    Duration wait{};
    Duration par{};
    [[nodiscard]] Duration total() const { return crit + wait + par; }
  };

  explicit Meter(Duration time_constant) : time_constant_(static_cast<double>(time_constant.count())) {}

  // One round of one thread of `threads`, which stands for `weight` rounds like it.
  void record(const Sample& sample, unsigned threads, unsigned weight = 1);

  // Fractions of the recorded time; 0 before anything is recorded.
  [[nodiscard]] double crit() const { return fraction(crit_); }
  [[nodiscard]] double wait() const { return fraction(wait_); }
  [[nodiscard]] double par() const { return fraction(par_); }
  // crit / (crit + par)
  [[nodiscard]] double critical_fraction() const { return crit_ + par_ > 0 ? crit_ / (crit_ + par_) : 0; }
  // How much time of the whole evaluation has been recorded.
  [[nodiscard]] Duration recorded() const { return Duration(static_cast<Duration::rep>(recorded_)); }

 private:
  [[nodiscard]] double fraction(double part) const {
    const double all = crit_ + wait_ + par_;
    return all > 0 ? part / all : 0;
  }

  double time_constant_;
  double crit_ = 0;  // nanoseconds, each faded by its age, also within a sample
  double wait_ = 0;
  double par_ = 0;
  double recorded_ = 0;
};

}  // namespace rondo::streaming
