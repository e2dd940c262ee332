// The ids of Rondo: distinct types, so that swapped arguments do not compile.
#pragma once

#include <rondo/detail/compiler.hpp>

#include <cstdint>
#include <functional>
#include <ostream>

namespace rondo {

/// Names one state. Ids come from one counter of the master, are never reused, and do not depend on ranks or schedule.
enum class StateId : std::uint64_t {};

/// A place of the run: rank 0 is the master; under MPI it is the rank in Rondo's communicator, on threads the number of
/// the worker's thread, counted from 1.
enum class Rank : std::int32_t {};

/// The rank of the master.
inline constexpr Rank kMaster{0};

/// The number of an id, to print it or to compute with it.
constexpr std::uint64_t value(StateId id) { return static_cast<std::uint64_t>(id); }
/// The number of a rank.
constexpr std::int32_t value(Rank rank) { return static_cast<std::int32_t>(rank); }

/// Writes the number.
inline std::ostream& operator<<(std::ostream& out, StateId id) { return out << value(id); }
/// Writes the number.
inline std::ostream& operator<<(std::ostream& out, Rank rank) { return out << value(rank); }

}  // namespace rondo
