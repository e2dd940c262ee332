// Whether the arguments of a call fit the states of the master. Each throws InputError, which names the offenders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <rondo/error.hpp>
#include <rondo/ids.hpp>

#pragma GCC visibility push(default)

namespace rondo::detail {

// There is one input per state.
void check_inputs(const std::vector<StateId>& ids, std::size_t inputs);
// There is one offspring count per state, and the children can be counted.
void check_offspring(const std::vector<StateId>& ids, std::span<const std::uint32_t> offspring);
// There is one hint per state, and each is a positive number.
void check_hints(const std::vector<StateId>& ids, std::span<const double> seconds);
// All ids are mentioned and no others; `mentioned` ascends.
void check_mentioned(const std::vector<StateId>& ids, const std::vector<StateId>& mentioned);
// The position of this id, which must exist. O(log n).
[[nodiscard]] std::size_t position_of(const std::vector<StateId>& ids, StateId id);

}  // namespace rondo::detail

#pragma GCC visibility pop
