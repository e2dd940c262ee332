#include "stream/meter.hpp"

#include <cmath>

namespace rondo::streaming {

void Meter::record(const Sample& sample, unsigned threads, unsigned weight) {
  const double passed = static_cast<double>(sample.total().count()) * weight / threads;
  const double kept = std::exp(-passed / time_constant_);
  // What a long sample began with has faded when it is recorded.
  const double scale =
      passed > 0 ? weight * time_constant_ * -std::expm1(-passed / time_constant_) / passed : 0;
  crit_ = crit_ * kept + static_cast<double>(sample.crit.count()) * scale;
  wait_ = wait_ * kept + static_cast<double>(sample.wait.count()) * scale;
  par_ = par_ * kept + static_cast<double>(sample.par.count()) * scale;
  recorded_ += passed;
}

}  // namespace rondo::streaming
