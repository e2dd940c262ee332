#include "recovery/failure_detector.hpp"

#include <algorithm>

namespace rondo::recovery {

FailureDetector::Verdict FailureDetector::watch(double now, const std::vector<bool>& ignored) {
  waited_ += std::min(now - watched_, deadline_ / 4);
  watched_ = now;
  Verdict verdict;
  for (std::uint32_t w = 0; w < seen_.size(); ++w) {
    Seen& seen = seen_[w];
    if (ignored[w] || waited_ - seen.silent_from < deadline_ / 4) continue;
    if (seen.asked == kNever) {
      seen.asked = waited_;
      verdict.ask.push_back(Worker{w});
    } else if (waited_ - seen.asked >= deadline_ * 3 / 4) {
      verdict.lost.push_back(Worker{w});
    }
  }
  return verdict;
}

}  // namespace rondo::recovery
