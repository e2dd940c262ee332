// How long each update of a run is meant to take: a table of rounds by states, in milliseconds.
//
// A pure function of the settings, computed alike on every rank: costs never travel, and no contestant learns
// them from another. Only a contestant that says so (placed by hand, sorted) may look at them before the
// work.
#pragma once

#include <cstddef>
#include <vector>

#include "workload/settings.hpp"

namespace reference {

class Costs {
 public:
  explicit Costs(const Settings& settings);

  // What a person could know in advance: the cost without jitter, drift, spikes or redraws.
  [[nodiscard]] double base_ms(std::size_t state) const { return bases_[state]; }
  [[nodiscard]] double ms(std::size_t round, std::size_t state) const {
    return table_[round * bases_.size() + state];
  }

  // No schedule ends a round earlier: max(sum of costs / workers, longest cost).
  [[nodiscard]] double bound_ms(std::size_t round, std::size_t workers) const;
  // No schedule without barriers between the rounds ends the run earlier: max(sum of all / workers, longest
  // chain).
  [[nodiscard]] double chain_bound_ms(std::size_t workers) const;

  [[nodiscard]] std::size_t rounds() const { return table_.size() / bases_.size(); }
  [[nodiscard]] std::size_t states() const { return bases_.size(); }

 private:
  std::vector<double> bases_;
  std::vector<double> table_;
};

// Longest processing time first: states by falling cost, each to the worker with least so far. One worker per
// state.
[[nodiscard]] std::vector<std::size_t> place_longest_first(const std::vector<double>& costs,
                                                           std::size_t workers);

}  // namespace reference
