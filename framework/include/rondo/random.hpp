// The random numbers of an update: Philox4x32-10, a counter-based engine, keyed by (seed, state id, round).
//
// Source: Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011; the implementation is the
// authors' own, Random123.
#pragma once

#include <cstdint>
#include <limits>

#include <Random123/philox.h>

#include <rondo/ids.hpp>

namespace rondo {

// A UniformRandomBitGenerator of 32-bit words, for the distributions of <random>. Two engines of equal (seed, state,
// round) give equal numbers, all others independent ones; so results do not depend on where or when a state runs.
// A stream has 2^34 numbers before it repeats. Cheap to make (no state to fill) and to copy.
class Random {
 public:
  using result_type = std::uint32_t;

  Random(std::uint64_t seed, StateId state, std::uint64_t round)
      : key_{{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}},
        // the counter is (block, round, state): 32 bits of round, as no run has 4 billion of them
        counter_{{0, static_cast<std::uint32_t>(round), static_cast<std::uint32_t>(value(state)),
                  static_cast<std::uint32_t>(value(state) >> 32)}} {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  result_type operator()() {
    if (left_ == 0) {
      block_ = r123::Philox4x32()(counter_, key_);
      ++counter_[0];
      left_ = 4;
    }
    return block_[--left_];
  }

 private:
  r123::Philox4x32::key_type key_;
  r123::Philox4x32::ctr_type counter_;
  r123::Philox4x32::ctr_type block_{};
  unsigned left_ = 0;
};

}  // namespace rondo
