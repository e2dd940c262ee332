// 128-bit unsigned integers, for products of two words and for carries.
#pragma once

#include <cstdint>

namespace rondo::detail {

/// GCC and Clang have this type on every 64-bit machine. It is no part of C++, hence the __extension__.
__extension__ typedef unsigned __int128 Wide;

inline std::uint64_t low_word(Wide value) { return static_cast<std::uint64_t>(value); }
inline std::uint64_t high_word(Wide value) { return static_cast<std::uint64_t>(value >> 64); }

/// floor(value * fraction / 2^64): the fraction stands for fraction / 2^64, in [0, 1).
inline Wide scaled(Wide value, std::uint64_t fraction) {
  return Wide{high_word(value)} * fraction + high_word(Wide{low_word(value)} * fraction);
}

}  // namespace rondo::detail
