// Uniform random numbers that are the same on every platform, which those of <random>'s distributions are not.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>

namespace rondo {

/// A random engine whose words are whole bits: from 0 to 2^k - 1. rondo::Random is one, and so are std::mt19937,
/// std::mt19937_64, std::ranlux24 and std::ranlux48; std::minstd_rand is not.
template <class Engine>
concept BitEngine = requires(Engine& engine) {
  { engine() } -> std::unsigned_integral;
}
&&Engine::min() == 0 && Engine::max() > 0 && (Engine::max() & (std::uint64_t{Engine::max()} + 1)) == 0;

namespace detail {

/// 64 random bits, from as many words as that takes; the first word gives the highest bits.
template <BitEngine Engine>
std::uint64_t random_bits(Engine& engine) {
  constexpr int width = std::bit_width(std::uint64_t{Engine::max()});
  if constexpr (width == 64) {
    return engine();
  } else {
    std::uint64_t bits = 0;
    for (int have = 0; have < 64; have += width) bits = bits << width | engine();
    return bits;
  }
}

/// From 0 to below 1, a multiple of 2^-53, from random_bits().
template <BitEngine Engine>
double uniform(Engine& engine) {
  return static_cast<double>(random_bits(engine) >> 11) * 0x1p-53;
}

}  // namespace detail
}  // namespace rondo
