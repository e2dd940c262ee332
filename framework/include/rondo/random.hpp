// The random numbers of an update, and of main: Philox4x32-10, a counter-based engine, keyed by (seed, state id, round).
//
// Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011; the implementation is the
// authors' own, Random123.
#pragma once

#include <cstdint>
#include <limits>

#include <Random123/philox.h>

#include <rondo/ids.hpp>

namespace rondo {

/// A UniformRandomBitGenerator of 32-bit words, for the distributions of `<random>`. Two engines of equal (seed, state,
/// round) give equal numbers, all others independent ones; so results do not depend on where or when a state runs.
/// A stream has 2^34 numbers before it repeats. Cheap to make (no state to fill) and to copy.
class Random {
 public:
  /// The type of its numbers.
  using result_type = std::uint32_t;

  /// The stream of one update.
  Random(std::uint64_t seed, StateId state, std::uint64_t round)
      : key_{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}},
        // the counter is (block, round, state): 32 bits of round, as no run has 4 billion of them
        counter_{{0, static_cast<std::uint32_t>(round), static_cast<std::uint32_t>(value(state)),
                  static_cast<std::uint32_t>(value(state) >> 32)}} {}

  /// The stream of main: that of an id which no state has. See Master::random().
  [[nodiscard]] static Random of_main(std::uint64_t seed) {
    return {seed, StateId{std::numeric_limits<std::uint64_t>::max()}, 0};
  }

  /// The least number.
  static constexpr result_type min() { return 0; }
  /// The greatest number.
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  /// The next number: 32 random bits.
  result_type operator()() {
    if (left_ == 0) {
      block_ = r123::Philox4x32()(counter_, key_);
      ++counter_[0];
      left_ = 4;
    }
    return block_[--left_];
  }

  /// How many numbers have been drawn, modulo 2^34: where the stream stands.
  [[nodiscard]] std::uint64_t position() const {
    return ((std::uint64_t{counter_[0]} << 2) - left_) & kLastPosition;
  }
  /// Passes over the next `count` numbers. O(1).
  void discard(std::uint64_t count) {
    const std::uint64_t position = (this->position() + count) & kLastPosition;
    counter_[0] = static_cast<std::uint32_t>(position >> 2);
    left_ = 0;
    for (std::uint64_t i = position & 3; i > 0; --i) (*this)();
  }

 private:
  static constexpr std::uint64_t kLastPosition = (std::uint64_t{1} << 34) - 1;

  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_;
  r123::Philox4x32::ctr_type block_{};
  unsigned left_ = 0;
};

}  // namespace rondo
