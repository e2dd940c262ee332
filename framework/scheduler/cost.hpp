// Predicts how long a state's next update takes, from the state's own past.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scheduler/types.hpp"

namespace rondo::scheduler {

// A moving average that is robust to one outlier: a measurement off by more than a factor of two counts little, until a
// second one like it follows; then the cost has changed and the past is forgotten. 12 bytes, as there are millions.
class Cost {
 public:
  Cost() = default;
  explicit Cost(Seconds hint) : mean_(static_cast<float>(hint.count())) {}

  [[nodiscard]] bool known() const { return mean_ > 0; }
  [[nodiscard]] Seconds predicted() const { return Seconds(mean_); }

  void measured(Seconds duration) {
    const float x = std::max(static_cast<float>(duration.count()), kLeast);
    if (count_ == 0) {
      mean_ = x;  // a hint is worth less than one measurement
    } else if (alike(x, mean_)) {
      mean_ += (x - mean_) / static_cast<float>(count_ + 1);
      odd_ = 0;
    } else if (odd_ > 0 && alike(x, odd_)) {
      mean_ = (x + odd_) / 2;
      odd_ = 0;
      count_ = 1;
    } else {
      mean_ += (std::clamp(x, mean_ / 2, mean_ * 2) - mean_) / 8;
      odd_ = x;
    }
    if (count_ < kMemory) ++count_;
  }

  friend bool operator==(const Cost&, const Cost&) = default;

 private:
  static constexpr float kLeast = 1e-9F;       // an update of no time still is a measurement
  static constexpr std::uint32_t kMemory = 4;  // long enough against jitter, short enough to follow a drift
  static bool alike(float a, float b) { return a <= 2 * b && b <= 2 * a; }

  float mean_ = 0;
  float odd_ = 0;
  std::uint32_t count_ = 0;
};

}  // namespace rondo::scheduler
