// Mean and variance that do not depend on the order. See rondo/accumulators.hpp for what all accumulators share.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include <rondo/accumulators/exact_sum.hpp>
#include <rondo/detail/long_accumulator.hpp>

namespace rondo {

/// How many values, and their mean and variance, each rounded once from its exact value.
///
/// It keeps the exact sum of the values (an ExactSum) and the exact sum of their squares: the 106-bit product of each
/// mantissa with itself goes into a second long accumulator, so no error term is lost, also if the square of a value
/// overflows or underflows as a double. The results come from (sum / n) and (n * squares - sum * sum) / (n * (n - 1)), in
/// integers. So values with a large common offset lose nothing, and variance() is never negative.
/// 824 bytes. Adding a value takes some ns, merging some tens of ns, mean() and variance() some us.
class MeanAndVariance {
 public:
  MeanAndVariance() = default;
  /// Of one value.
  explicit MeanAndVariance(double value) { *this += value; }

  /// One more value.
  MeanAndVariance& operator+=(double value) {
    sum_ += value;
    ++count_;
    const detail::DoubleParts parts(value);
    if (parts.finite())
      detail::add_square(squares_, detail::Wide{parts.mantissa()} * parts.mantissa(), 2 * parts.shift());
    return *this;
  }
  /// Not available: the conversion to double would round. Convert on purpose.
  template <detail::WiderThanDouble T>
  MeanAndVariance& operator+=(T) = delete;

  /// All values of the other one.
  MeanAndVariance& operator+=(const MeanAndVariance& other) {
    sum_ += other.sum_;
    detail::add_at(squares_, 0, other.squares_, 0);
    count_ += other.count_;
    return *this;
  }

  /// All values, NaN and infinities among them. Below 2^64.
  [[nodiscard]] std::uint64_t count() const { return count_; }

  /// The double nearest to the exact mean: NaN of no values, of a NaN, and of infinities of both signs; infinite if one of
  /// the values is, and never because a sum overflows.
  [[nodiscard]] double mean() const {
    if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
    if (sum_.specials_ != 0) return sum_.special_value();
    std::array<std::uint64_t, ExactSum::kWords + 1>
        quotient{};  // with one more word below the point of a sum
    std::ranges::copy(detail::magnitude(sum_.words_), quotient.begin() + 1);
    const bool more = detail::divide(quotient, count_) != 0;
    return detail::nearest_double(quotient, ExactSum::kExponent - 64, more, detail::is_negative(sum_.words_));
  }

  /// The double nearest to the exact sample variance, the sum of (value - mean)^2 over n - 1: NaN of fewer than two
  /// values, and of NaN or infinities. Its root over sqrt(n) is the standard error of the mean.
  [[nodiscard]] double variance() const {
    if (count_ < 2 || sum_.specials_ != 0) return std::numeric_limits<double>::quiet_NaN();
    std::array<std::uint64_t, kWords + 1> quotient = squares_times_count_minus_square_of_sum();
    bool more = detail::divide(quotient, count_) != 0;
    more |= detail::divide(quotient, count_ - 1) != 0;
    return detail::nearest_double(quotient, 2 * ExactSum::kExponent, more, false);
  }

  /// Whether both have the same number of values, the same exact sums, and saw the same of +infinity, -infinity and NaN.
  friend bool operator==(const MeanAndVariance&, const MeanAndVariance&) = default;

 private:
  // squares of doubles have 4196 bits, and there are fewer than 2^64 of them
  static constexpr std::size_t kWords = 67;

  // Not negative, by the inequality of Cauchy and Schwarz.
  [[nodiscard]] std::array<std::uint64_t, kWords + 1> squares_times_count_minus_square_of_sum() const {
    std::array<std::uint64_t, kWords + 1> result{};
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < kWords; ++i) {
      const detail::Wide word = detail::Wide{squares_[i]} * count_ + carry;
      result[i] = detail::low_word(word);
      carry = detail::high_word(word);
    }
    result[kWords] = carry;

    const auto sum = detail::magnitude(sum_.words_);
    for (std::size_t i = 0; i < sum.size(); ++i) {
      if (sum[i] == 0) continue;
      std::uint64_t above = 0, borrow = 0;  // of the product, of the difference
      for (std::size_t j = 0; j < sum.size(); ++j) {
        const detail::Wide product = detail::Wide{sum[i]} * sum[j] + above;
        above = detail::high_word(product);
        const detail::Wide difference = detail::Wide{result[i + j]} - detail::low_word(product) - borrow;
        result[i + j] = detail::low_word(difference);
        borrow = detail::high_word(difference) & 1;
      }
      for (std::size_t j = i + sum.size(); j < result.size() && (above != 0 || borrow != 0); ++j) {
        const detail::Wide difference = detail::Wide{result[j]} - above - borrow;
        result[j] = detail::low_word(difference);
        above = 0;
        borrow = detail::high_word(difference) & 1;
      }
    }
    return result;
  }

  ExactSum sum_;
  std::array<std::uint64_t, kWords> squares_{};
  std::uint64_t count_ = 0;
};

}  // namespace rondo
