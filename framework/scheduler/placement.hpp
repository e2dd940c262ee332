// Where states are between the rounds: functions over the table of states.
//
// Pure, as all of scheduler/. Equal tables give equal placements.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <rondo/ids.hpp>

#include "scheduler/events.hpp"
#include "scheduler/settings.hpp"
#include "scheduler/state_table.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

/// New states with these ids, at the workers that are not lost: evenly, by expected seconds where they are given (empty: all
/// alike). The owners are in the order of the ids. O(n).
[[nodiscard]] std::vector<State> first_distribution(std::span<const StateId> ids,
                                                    std::span<const double> seconds,
                                                    const std::vector<std::uint32_t>& alive);

/// Replaces the states by their children, as Scheduler::resample says. Throws logic_error unless there is one number per state.
std::vector<Copy> resample(StateTable& states, const Settings& settings,
                           std::span<const std::uint32_t> offspring, StateId first);

/// Few states get other owners, and only where a round gets shorter by that. The moves are in the order of (from, to). O(n) where
/// nothing is to be gained.
///   latency   of a steal, as learned
std::vector<command::Move> refine(StateTable& states, const Settings& settings, Seconds latency);

/// The worker of each slot such that no long state begins late; the table stays as it is. `refine` begins with it.
[[nodiscard]] std::vector<std::uint32_t> spread_long(const StateTable& states, const Settings& settings);

/// Some of the states get other owners, whether that pays or not. `calls` counts the calls, this one included.
std::vector<command::Move> rotate(StateTable& states, const Settings& settings, std::uint64_t calls);

}  // namespace rondo::scheduler
