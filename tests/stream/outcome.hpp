// What an evaluation came to: what its sink was given and what was thrown then; and things that fail.
#pragma once

#include <cstdint>
#include <exception>
#include <ostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "by_hand.hpp"

namespace by_hand {

struct Outcome {
  std::vector<int> given;
  std::string thrown = "nothing";
  bool operator==(const Outcome&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const int n : outcome.given) out << n << " ";
  return out << "and then " << outcome.thrown;
}

template <class Body>
void note_what_is_thrown(Outcome& outcome, Body body) {
  try {
    body();
  } catch (const rondo::DeadlockError&) {
    outcome.thrown = "a deadlock";
  } catch (const std::exception& error) {
    outcome.thrown = error.what();
  }
}

// Fails for some of the values, always for the same.
struct Fails {
  std::string who;
  std::uint64_t salt = 0;
  std::uint64_t one_in = 0;  // 0: never

  bool at(int n) const {
    if (one_in == 0) return false;
    const std::uint64_t mixed = (static_cast<std::uint64_t>(n) + salt) * 0x9E3779B97F4A7C15U;
    return (mixed >> 40U) % one_in == 0;
  }
  int operator()(int n) const {
    if (at(n)) throw std::out_of_range(who + " at " + std::to_string(n));
    return n;
  }
};

inline rondo::Stream<int> source(int count, Fails fails) {
  for (int i = 0; i < count; ++i) co_yield fails(i);
}

// Evaluates it by hand, in an order that `seed` says.
template <class Sink>
void by_hand_on(unsigned threads, std::uint64_t seed, rondo::Stream<int> stream, Sink& sink) {
  Hands hands(rondo::streaming::drained(std::move(stream), &sink), threads, seed);
  if (!hands.go()) throw std::logic_error("hangs");
  hands.evaluation().conclude();
}

}  // namespace by_hand
