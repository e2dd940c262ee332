// What an evaluation came to: what its sink was given and what was thrown then; and things that fail.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
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

// What other virtual threads do while code of the user's runs: a source, a work unit, or the sink. It may take as long as it
// likes, so they may do a lot. Empty on real threads.
inline thread_local std::function<void()> meanwhile;

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
    if (meanwhile) meanwhile();
    if (at(n)) throw std::out_of_range(who + " at " + std::to_string(n));
    return n;
  }
};

inline rondo::Stream<int> source(int count, Fails fails) {
  for (int i = 0; i < count; ++i) co_yield fails(i);
}

// Whether virtual threads move while code of the user's runs on another one.
enum class Meanwhile : bool { nothing, others_move };

// Evaluates it by hand, in an order that `seed` says. Gives how often a part of the pipeline was taken over.
template <class Sink>
std::size_t by_hand_on(unsigned threads, std::uint64_t seed, rondo::Stream<int> stream, Sink& sink,
                       Meanwhile what = Meanwhile::nothing) {
  Hands hands(rondo::streaming::drained(std::move(stream), &sink), threads, seed);
  if (what == Meanwhile::others_move) meanwhile = [&] { hands.let_others_move(); };
  const bool over = hands.go();
  meanwhile = nullptr;
  if (!over) throw std::logic_error("hangs");
  if (hands.extant_max() > threads) throw std::logic_error("more extant work units than threads");
  hands.evaluation().conclude();
  return hands.taken_over();
}

}  // namespace by_hand
