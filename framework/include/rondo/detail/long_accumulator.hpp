// Fixed-point numbers that are long enough for every double: what ExactSum and MeanAndVariance are made of.
//
// Source: U. Kulisch, W. L. Miranker: The arithmetic of the digital computer: a new approach. SIAM Review 28 (1986),
// 1-40 (the long accumulator). Here it is one number in two's complement over 64-bit words, the lowest word first. Each value
// has one representation, so equal sums have equal bytes. Carries are resolved in each addition, which touches two or
// three words and rarely more.
//
// Only integers are used, so rounding modes and fused multiply-adds change nothing.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include <rondo/detail/wide.hpp>

namespace rondo::detail {

/// The parts of a double. A finite value is (negative ? -1 : 1) * mantissa * 2^(shift - 1074).
struct DoubleParts {
  explicit DoubleParts(double value) : bits(std::bit_cast<std::uint64_t>(value)) {}

  std::uint64_t bits;
  [[nodiscard]] bool negative() const { return (bits >> 63) != 0; }
  [[nodiscard]] unsigned exponent() const { return (bits >> 52) & 0x7ff; }
  [[nodiscard]] std::uint64_t fraction() const { return bits & ((std::uint64_t{1} << 52) - 1); }
  [[nodiscard]] bool finite() const { return exponent() != 0x7ff; }
  [[nodiscard]] bool nan() const { return !finite() && fraction() != 0; }
  /// Below 2^53.
  [[nodiscard]] std::uint64_t mantissa() const { return fraction() | std::uint64_t{exponent() != 0} << 52; }
  /// From 0 to 2045. A denormal number has the exponent of the smallest normal one.
  [[nodiscard]] unsigned shift() const { return exponent() - (exponent() != 0 ? 1U : 0U); }
};

/// Adds a number in two's complement: `part` from word `first` on, and `extension` (0 or ~0) in all words above.
template <std::size_t words, std::size_t parts>
void add_at(std::array<std::uint64_t, words>& sum, std::size_t first,
            const std::array<std::uint64_t, parts>& part, std::uint64_t extension) {
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < parts; ++i) {
    const Wide word = Wide{sum[first + i]} + part[i] + carry;
    sum[first + i] = low_word(word);
    carry = high_word(word);
  }
  const std::uint64_t step = extension + carry;  // 0, 1, or ~0 for a borrow
  if (step == 0) return;
  const std::uint64_t wrapped = step == 1 ? 0 : ~std::uint64_t{0};
  for (std::size_t i = first + parts; i < words; ++i)
    if ((sum[i] += step) != wrapped) return;
}

/// Adds mantissa * 2^shift, or subtracts it.
template <std::size_t words>
void add_shifted(std::array<std::uint64_t, words>& sum, std::uint64_t mantissa, unsigned shift,
                 bool negative) {
  // -0 is 0, whose two's complement has no ones above
  const std::uint64_t sign = negative && mantissa != 0 ? ~std::uint64_t{0} : 0;
  const Wide wide_sign = Wide{sign} << 64 | sign;
  const Wide part = ((Wide{mantissa} << shift % 64) ^ wide_sign) - wide_sign;
  add_at(sum, shift / 64, std::array{low_word(part), high_word(part)}, sign);
}

/// Adds square * 2^shift.
template <std::size_t words>
void add_square(std::array<std::uint64_t, words>& sum, Wide square, unsigned shift) {
  const Wide low = Wide{low_word(square)} << shift % 64;
  const Wide high = (Wide{high_word(square)} << shift % 64) + high_word(low);
  add_at(sum, shift / 64, std::array{low_word(low), low_word(high), high_word(high)}, 0);
}

template <std::size_t words>
[[nodiscard]] bool is_negative(const std::array<std::uint64_t, words>& number) {
  return number.back() >> 63 != 0;
}

/// The absolute value, as an unsigned number.
template <std::size_t words>
[[nodiscard]] std::array<std::uint64_t, words> magnitude(std::array<std::uint64_t, words> number) {
  if (!is_negative(number)) return number;
  for (std::uint64_t& word : number) word = ~word;
  add_at(number, 0, std::array{std::uint64_t{1}}, 0);
  return number;
}

/// Divides an unsigned number in place and returns the remainder.
inline std::uint64_t divide(std::span<std::uint64_t> number, std::uint64_t divisor) {
  std::uint64_t remainder = 0;
  for (std::size_t i = number.size(); i-- > 0;) {
    const Wide dividend = Wide{remainder} << 64 | number[i];
    number[i] = low_word(dividend / divisor);
    remainder = low_word(dividend % divisor);
  }
  return remainder;
}

/// The double that is nearest to number * 2^exponent, ties to even. The number is unsigned, and `more` tells that something
/// positive below its lowest bit was cut off. Needs exponent <= -1074, and exponent < -1075 with `more`. From 2^1024 - 2^970
/// on the result is infinite.
inline double nearest_double(std::span<const std::uint64_t> number, int exponent, bool more, bool negative) {
  const std::uint64_t sign = std::uint64_t{negative} << 63;
  std::size_t top = number.size();
  while (top > 0 && number[top - 1] == 0) --top;
  if (top == 0) return std::bit_cast<double>(more ? sign : 0);
  const int highest = static_cast<int>(64 * top) - 1 - std::countl_zero(number[top - 1]);
  if (highest + exponent > 1023) return std::bit_cast<double>(sign | std::uint64_t{0x7ff} << 52);

  const int lowest = std::max(highest - 52, -1074 - exponent);  // the last bit that the double keeps
  const auto word = [&](int bit) {
    const auto i = static_cast<std::size_t>(bit / 64);
    return i < number.size() ? number[i] : 0;
  };
  Wide window = Wide{word(lowest + 64)} << 64 | word(lowest);
  std::uint64_t mantissa = low_word(window >> lowest % 64);
  if (lowest > 0) {
    const int half = lowest - 1;
    const bool up = (word(half) >> half % 64 & 1) != 0;
    const std::uint64_t below_half = word(half) & ((std::uint64_t{1} << half % 64) - 1);
    const auto words_below = number.first(std::min(static_cast<std::size_t>(half / 64), number.size()));
    const bool rest =
        more || below_half != 0 ||
        std::any_of(words_below.begin(), words_below.end(), [](std::uint64_t w) { return w != 0; });
    if (up && (rest || (mantissa & 1) != 0)) ++mantissa;
  }
  // the leading bit of a normal mantissa adds one to the exponent's field, and so does a carry out of the mantissa
  return std::bit_cast<double>(sign |
                               ((static_cast<std::uint64_t>(lowest + exponent + 1074) << 52) + mantissa));
}

}  // namespace rondo::detail
