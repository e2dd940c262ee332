// The reference workload: an ensemble of big states, each updated once per round by work of its own cost.
//
// One library for every contestant, so that all run the same machine code over the same bytes. An update is a
// pure function of (state, input): it reads and writes the whole state, then burns or sleeps its cost, and
// never reads a clock. Safe to call from many threads at once for different states.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "workload/costs.hpp"
#include "workload/settings.hpp"

namespace reference {

// Inputs and outputs, 1 kB each. values[0] of an input is its round, values[0] of an output the index of its
// state.
struct Record {
  std::array<double, 128> values;
};

// state[0] is the index of the state and never changes; everything else does in every round.
using State = std::vector<double>;

class Workload {
 public:
  explicit Workload(const Settings& settings);

  [[nodiscard]] State initial_state(std::size_t index) const;
  [[nodiscard]] std::vector<State> initial_states() const;

  // The inputs of one round are alike in content, so that a program without barriers, which takes one input
  // for all, does the same work; who takes one input per state still sends each of them.
  [[nodiscard]] Record input(std::size_t round) const;
  // Made before any clock starts: rounds x states.
  [[nodiscard]] std::vector<std::vector<Record>> inputs() const;

  Record update(std::span<double> state, const Record& input) const;

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] const Costs& costs() const { return costs_; }

 private:
  Settings settings_;
  Costs costs_;
};

// A chain of dependent multiplications: no two machines' compilers can shorten it, and a neighbour that uses
// the same core's other units does not slow it. The result goes into the output, so that it cannot be left
// out.
[[nodiscard]] std::uint64_t burn(std::uint64_t operations, std::uint64_t start);

}  // namespace reference
