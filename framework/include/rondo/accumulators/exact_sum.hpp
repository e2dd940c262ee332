// Sums of doubles that do not depend on the order. See rondo/accumulators.hpp for what all accumulators share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <rondo/detail/long_accumulator.hpp>

namespace rondo {

namespace detail {
/// Numbers that a conversion to double may change: 64-bit integers and long double.
template <class T>
concept WiderThanDouble = std::is_arithmetic_v<T> &&
    (std::numeric_limits<T>::digits > std::numeric_limits<double>::digits);
}  // namespace detail

/// The exact sum of doubles, rounded once when it is asked for.
///
/// Source: the long accumulator of Kulisch and Miranker, see rondo/detail/long_accumulator.hpp.
/// - value() is the double that is nearest to the exact sum, ties to even, as IEEE 754 rounds. It is infinite if that is so
///   large; sums that leave the range of doubles on the way and come back are exact.
/// - Infinities and NaN: one NaN, or infinities of both signs, make the sum NaN (a quiet one, whatever the payloads were);
///   otherwise an infinity makes the sum that infinity.
/// - A sum of zero is +0, also a sum of nothing and a sum of negative zeros.
/// - Denormal numbers are exact like all others.
/// - The exact sum has to stay below 2^1101 in magnitude: that is 2^77 additions of the largest double.
/// 280 bytes. Adding a value takes a few ns, adding another ExactSum or asking for the value some tens of ns.
class ExactSum {
 public:
  ExactSum() = default;
  /// The sum of one value.
  explicit ExactSum(double value) { *this += value; }

  /// One more value.
  ExactSum& operator+=(double value) {
    const detail::DoubleParts parts(value);
    if (parts.finite())
      detail::add_shifted(words_, parts.mantissa(), parts.shift(), parts.negative());
    else
      specials_ |= parts.nan() ? kNan : parts.negative() ? kMinusInfinity : kPlusInfinity;
    return *this;
  }
  /// Not available: the conversion to double would round. Convert on purpose.
  template <detail::WiderThanDouble T>
  ExactSum& operator+=(T) = delete;

  /// All values of the other sum.
  ExactSum& operator+=(const ExactSum& other) {
    detail::add_at(words_, 0, other.words_, 0);
    specials_ |= other.specials_;
    return *this;
  }

  /// The double that is nearest to the exact sum.
  [[nodiscard]] double value() const {
    if (specials_ != 0) return special_value();
    return detail::nearest_double(detail::magnitude(words_), kExponent, false, detail::is_negative(words_));
  }

  /// Whether both have the same exact sum and have seen the same of +infinity, -infinity and NaN.
  friend bool operator==(const ExactSum&, const ExactSum&) = default;

 private:
  friend class MeanAndVariance;
  static constexpr std::uint64_t kNan = 1, kPlusInfinity = 2, kMinusInfinity = 4;
  static constexpr int kExponent = -1074;  // of the lowest bit
  // 2098 bits from the smallest to the largest double, one for the sign, and 77 for carries
  static constexpr std::size_t kWords = 34;

  [[nodiscard]] double special_value() const {
    if (specials_ == kPlusInfinity) return std::numeric_limits<double>::infinity();
    if (specials_ == kMinusInfinity) return -std::numeric_limits<double>::infinity();
    return std::numeric_limits<double>::quiet_NaN();
  }

  std::array<std::uint64_t, kWords> words_{};
  std::uint64_t specials_ = 0;
};

}  // namespace rondo
