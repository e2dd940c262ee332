// The cores that all ranks of a crowded node share: who has to compute for a while gets the first one that is free, and
// keeps it until that is done.
//
// Not modelled: preemption (it evens out who waits, not how much there is to do), caches that many processes share, and
// what the system itself does.
#pragma once

#include <algorithm>
#include <vector>

#include "simulation/machine.hpp"

namespace rondo::simulation {

class Cores {
 public:
  // 0: everybody has their own.
  explicit Cores(std::size_t count) : free_(count, 0) {}

  // When the work is done that is there from this time on.
  Time run(Time from, Seconds work) {
    if (free_.empty()) return from + work;
    double& first = *std::min_element(free_.begin(), free_.end());
    first = std::max(first, from.count()) + work.count();
    return Time(first);
  }

 private:
  std::vector<double> free_;
};

}  // namespace rondo::simulation
