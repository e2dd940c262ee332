// When a worker that has states to give tells the master how far it is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scheduler/types.hpp"

namespace rondo::scheduler {

// How often, at most, a worker tells how far it is: so many reports a second that the master, at a few microseconds each, has
// time for the rest.
inline Seconds report_interval(std::uint32_t workers) { return Seconds(std::max(5e-3, workers * 20e-6)); }

// Bytes of outputs that a worker holds back, at most. All of them together come at once where a round ends, and nobody computes
// while the master takes them in: 64 MB take it 16 ms. A message of less than 8 kB would take it longer for itself than for
// the outputs.
inline std::uint64_t report_bytes(std::uint32_t workers) {
  constexpr std::uint64_t kAll = 64 << 20, kOne = 256 << 10, kLeast = 8 << 10;
  return std::clamp(kAll / workers, kLeast, kOne);
}

// The least time between two reports. Where much work is left, what happens now says little about the end, and a worker that is
// on time has nothing to report before its end.
//   left      predicted work that is left
//   planned   predicted work when it was told last; 0 if some of it was of unknown cost
inline Seconds report_period(Seconds least, Seconds left, Seconds planned) {
  constexpr Seconds kLongest{1};
  return std::max({least, left / 4, std::min(planned * 1.25, kLongest)});
}

// Whether a worker that has states to give ends so much later than it has told that it says so before a report is due. Few
// are late at a time, so they may be heard oftener than all of them.
//   told   when it would end, by what it has told last
//   ends   when it does, by what it knows now
inline bool is_late(Seconds least, Seconds elapsed, Time told, Time ends, std::uint32_t rounds) {
  constexpr Seconds kLeast{5e-3};
  return rounds == 1 && ends > told + std::max({kLeast, least / 16, elapsed / 64});
}

// How long a worker whose update goes on and on does not look whether it is late.
inline Seconds look_period(Seconds left) { return std::max(Seconds(20e-3), left / 8); }

// How little is left when the worker asks for more. The longest updates of a round come first: while some of a middling length
// are left, one of them evens out what many short ones at the end would not.
//   elapsed   since the call began
//   rounds    of the call; where many are open, the end is never near
inline Seconds low_mark(Seconds least, Seconds elapsed, std::uint32_t rounds) {
  constexpr double kShare = 1.0 / 6;
  return least > Seconds(0) && rounds == 1 ? std::max(least, elapsed * kShare) : least;
}

}  // namespace rondo::scheduler
