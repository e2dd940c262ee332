// Finds out that all threads at work are inside of long units, while they are.
//
// A thread that rests looks now and then. If the stream is free, as it was when it looked before, and no unit has been
// begun between, all threads at work have been inside of their units since then: a further thread would have had work.
//
// Pure: the time comes in, no clock is read. Belongs to the one thread that watches.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace rondo::streaming {

class Watch {
 public:
  using Duration = std::chrono::nanoseconds;

  // Looks again after a twentieth of the time constant where units are long, and after up to half of it where they are not.
  explicit Watch(Duration time_constant)
      : shortest_(std::max<Duration>(time_constant / 20, std::chrono::microseconds(200))),
        longest_(std::max(time_constant / 2, shortest_)),
        interval_(shortest_) {}

  // A look: `units` have been begun so far; `free`: nobody holds the stream, and it does not wait for anything. Gives for how
  // long all threads at work have been inside of their units, as far as that is known; 0: they have not.
  [[nodiscard]] Duration look(Duration now, std::uint64_t units, bool free) {
    if (!free) {
      since_.reset();
    } else if (!since_ || units != units_) {
      since_ = now;
    }
    units_ = units;
    const Duration inside = since_ ? now - *since_ : Duration(0);
    interval_ = inside.count() > 0 ? shortest_ : std::min(2 * interval_, longest_);
    return inside;
  }
  // When to look again.
  [[nodiscard]] Duration interval() const { return interval_; }

 private:
  Duration shortest_;
  Duration longest_;
  Duration interval_;
  std::optional<Duration> since_;
  std::uint64_t units_ = 0;
};

}  // namespace rondo::streaming
