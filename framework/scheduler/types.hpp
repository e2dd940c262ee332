// The words of the scheduler: workers, slots, time.
//
// Pure, as all of scheduler/: no MPI, no threads, no clock, no I/O.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>

namespace rondo::scheduler {

// The number of a worker, from 0. Which rank that is, only the engine knows.
enum class Worker : std::uint32_t {};
constexpr std::uint32_t index(Worker worker) { return static_cast<std::uint32_t>(worker); }

// A state's position in the ascending list of ids. Valid until states are added, dropped or copied.
using Slot = std::uint32_t;

using Seconds = std::chrono::duration<double>;
// Time since an origin that the driver chose. The scheduler reads no clock: time arrives with the events.
using Time = Seconds;
inline constexpr Time kNever{std::numeric_limits<double>::infinity()};

// What it takes to bring unstarted states from one worker to another; decides whether a move pays.
struct MoveCost {
  Seconds latency{150e-6};    // of one message with any number of states: two wake-ups and a request
  Seconds per_state{1e-6};    // of both workers together: tables, locks, the memory of a small state
  Seconds per_byte{1 / 2e9};  // packing, a copy on the way, unpacking

  [[nodiscard]] Seconds of_state(double bytes) const { return per_state + per_byte * bytes; }
  // Whether so many seconds of work are more than moving them takes, which is time of both workers.
  [[nodiscard]] bool pays(double work, double bytes) const { return work > of_state(bytes).count(); }
};

/// Two workers whose predicted ends differ by no more than this are left alone. A move levels the two, so it brings the later end
/// forward by half of the difference, and that has to be more than the latency of the move.
[[nodiscard]] inline Seconds least_difference(Seconds latency) { return 2 * latency; }

}  // namespace rondo::scheduler
