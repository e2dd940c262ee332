// What an update may know besides its state and its input.
#pragma once

#include <cstdint>

#include <rondo/ids.hpp>
#include <rondo/random.hpp>

namespace rondo {

/// The context of an Update that has none.
struct Nothing {};

/// One update: made by the engine, valid during the update.
template <class Context>
class Call {
 public:
  /// For the engine.
  Call(StateId id, std::uint64_t round, const Context& context, std::uint64_t seed)
      : id_(id), round_(round), context_(context), random_(seed, id, round) {}

  /// The id of the state; in a task its key.
  [[nodiscard]] StateId id() const { return id_; }
  /// Counts the rounds of the run from 0, failed ones too.
  [[nodiscard]] std::uint64_t round() const { return round_; }
  /// What Master::share() gave last, or a default-constructed Context.
  [[nodiscard]] const Context& context() const { return context_; }
  /// This update's own stream of random numbers, keyed by (--rondo-seed, id, round); it goes on from one use to the next.
  [[nodiscard]] Random& random() const { return random_; }

 private:
  StateId id_;
  std::uint64_t round_;
  const Context& context_;
  mutable Random random_;
};

}  // namespace rondo
