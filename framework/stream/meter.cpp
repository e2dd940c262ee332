#include "stream/meter.hpp"

#include <cmath>

namespace rondo::streaming {

void Meter::record(const Sample& sample, unsigned threads, unsigned weight) {
  const double passed = static_cast<double>(sample.total().count()) * weight / threads;
  const double kept = std::exp(-passed / time_constant_);
  crit_ = crit_ * kept + static_cast<double>(sample.crit.count()) * weight;
  wait_ = wait_ * kept + static_cast<double>(sample.wait.count()) * weight;
  par_ = par_ * kept + static_cast<double>(sample.par.count()) * weight;
  recorded_ += passed;
}

}  // namespace rondo::streaming
