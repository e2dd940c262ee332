// Finds workers that have been silent for too long: a worker that has said nothing for a while is asked, and only one that was asked and
// given time is lost.
//
// Used by rank 0 only; pure. Its clock goes only while rank 0 waits, and by not much in one step: a rank that was away itself
// may not have taken in yet what has come meanwhile.
#pragma once

#include <cstddef>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::recovery {

using scheduler::Worker;

class FailureDetector {
 public:
  // `deadline`: seconds.
  FailureDetector(std::size_t workers, double deadline) : deadline_(deadline), seen_(workers) {}

  // Rank 0 begins to wait.
  void begin(double now) { watched_ = now; }
  void heard(Worker worker) { seen_[index(worker)] = {waited_, kNever}; }

  struct Verdict {
    std::vector<Worker> ask;
    std::vector<Worker> lost;
  };
  // To be called between waits, when everything that has come is taken in.
  [[nodiscard]] Verdict watch(double now, const std::vector<bool>& ignored);
  // How long the next wait may be.
  [[nodiscard]] double patience() const { return deadline_ / 8; }

 private:
  static constexpr double kNever = -1;
  struct Seen {
    double silent_from = 0;  // on the clock of waits
    double asked = kNever;
  };
  double deadline_;
  double waited_ = 0;   // in all
  double watched_ = 0;  // when that was last advanced
  std::vector<Seen> seen_;
};

}  // namespace rondo::recovery
