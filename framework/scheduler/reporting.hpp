// When a worker that has states to give tells the master how far it is.
#pragma once

#include <algorithm>
#include <cstdint>

#include "scheduler/types.hpp"

namespace rondo::scheduler {

// Between two reports, at least. Where much is left, what happens now says little about the end; and who goes by the plan has
// nothing to tell before its end.
//   left      predicted work that is left
//   planned   predicted work when it was told last; 0 if some of it was of unknown cost
inline Seconds report_period(Seconds least, Seconds left, Seconds planned) {
  constexpr Seconds kLongest{1};
  return std::max({least, left / 4, std::min(planned * 1.25, kLongest)});
}

// How little is left when the worker asks for more. The longest updates of a round come first: while some of a middling length
// are left, one of them evens out what many short ones at the end would not.
//   elapsed   since the call began
//   rounds    of the call; where many are open, the end is never near
inline Seconds low_mark(Seconds least, Seconds elapsed, std::uint32_t rounds) {
  constexpr double kShare = 1.0 / 6;
  return least > Seconds(0) && rounds == 1 ? std::max(least, elapsed * kShare) : least;
}

}  // namespace rondo::scheduler
