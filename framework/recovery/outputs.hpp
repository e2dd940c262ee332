// Which outputs of the running call have come to rank 0, so that each is taken once though some are made twice after a loss.
//
// Used by rank 0 only; pure. By slot: outputs of first rounds that are here, and beyond these the ones that overtook others.
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::recovery {

using scheduler::Slot;

class Outputs {
 public:
  // A call begins.
  void begin(std::size_t states) {
    begun_at_.assign(states, 0);
    told_.assign(states, 0);
    early_.clear();
  }
  // The call begins again with states that have done what has been told.
  void resume() { begun_at_ = told_; }

  // Takes one; says whether it has not been here before.
  bool is_first(Slot slot, std::uint32_t round) {
    std::uint32_t& told = told_[slot];
    if (round < told || early_.contains({slot, round})) return false;
    if (round > told) {
      early_.emplace(slot, round);
      return true;
    }
    ++told;
    while (early_.erase({slot, told}) > 0) ++told;
    return true;
  }

  // First rounds whose outputs are here.
  [[nodiscard]] std::uint32_t told(Slot slot) const { return told_[slot]; }
  // Rounds that the state had done when the call began, or began again.
  [[nodiscard]] std::uint32_t begun_at(Slot slot) const { return begun_at_[slot]; }

 private:
  std::vector<std::uint32_t> begun_at_;
  std::vector<std::uint32_t> told_;
  std::set<std::pair<Slot, std::uint32_t>> early_;
};

}  // namespace rondo::recovery
