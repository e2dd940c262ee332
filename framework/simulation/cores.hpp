// The cores that all ranks of a crowded node share: who has to compute for a while gets the first one that is free, and
// keeps it until that is done.
//
// Not modelled: preemption (it evens out who waits, not how much there is to do), and what the system itself does. That
// processes share caches stands in what things take (crowded() in machine.hpp).
#pragma once

#include <algorithm>
#include <vector>

#include "simulation/machine.hpp"

namespace rondo::simulation {

class Cores {
 public:
  // 0: everybody has their own.
  explicit Cores(const Machine& machine) : free_(machine.cores, 0), slower_(1 / (1 - machine.waiting)) {}

  // When the work is done that is there from this time on.
  Time run(Time from, Seconds work) {
    if (free_.empty()) return from + work;
    double& first = *std::min_element(free_.begin(), free_.end());
    first = std::max(first, from.count()) + work.count() * slower_;
    return Time(first);
  }

 private:
  std::vector<double> free_;
  double slower_;  // by what waiting ranks take
};

}  // namespace rondo::simulation
