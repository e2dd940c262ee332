// The smallest and the largest value. See rondo/accumulators.hpp for what all accumulators share.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include <rondo/accumulators/exact_sum.hpp>
#include <rondo/detail/long_accumulator.hpp>

namespace rondo {

/// The smallest value: `minimum` of IEEE 754-2019. -0 is smaller than +0; one NaN makes the minimum NaN.
class Minimum {
 public:
  Minimum() = default;
  /// Of one value.
  explicit Minimum(double value) { *this += value; }

  /// One more value.
  Minimum& operator+=(double value) {
    const detail::DoubleParts parts(value);
    rank_ = std::min(rank_, parts.nan() ? 0 : rank(parts));
    return *this;
  }
  /// Not available: the conversion to double would round. Convert on purpose.
  template <detail::WiderThanDouble T>
  Minimum& operator+=(T) = delete;

  /// All values of the other one.
  Minimum& operator+=(const Minimum& other) {
    rank_ = std::min(rank_, other.rank_);
    return *this;
  }

  /// +infinity of no values.
  [[nodiscard]] double value() const {
    if (rank_ == 0) return std::numeric_limits<double>::quiet_NaN();
    return std::bit_cast<double>((rank_ & kSign) != 0 ? rank_ ^ kSign : ~rank_);
  }

  /// Whether the minima are equal; NaN equals NaN here.
  friend bool operator==(const Minimum&, const Minimum&) = default;

 private:
  static constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

  // Ascends with the value. No number has rank 0, so NaN takes it.
  [[nodiscard]] static std::uint64_t rank(const detail::DoubleParts& parts) {
    const std::uint64_t flip = parts.negative() ? ~std::uint64_t{0} : kSign;
    return parts.bits ^ flip;
  }

  std::uint64_t rank_ = kSign | std::uint64_t{0x7ff} << 52;  // of +infinity
};

/// The largest value: `maximum` of IEEE 754-2019. +0 is larger than -0; one NaN makes the maximum NaN.
class Maximum {
 public:
  Maximum() = default;
  /// Of one value.
  explicit Maximum(double value) { *this += value; }

  /// One more value.
  Maximum& operator+=(double value) {
    negated_ += -value;
    return *this;
  }
  /// Not available: the conversion to double would round. Convert on purpose.
  template <detail::WiderThanDouble T>
  Maximum& operator+=(T) = delete;

  /// All values of the other one.
  Maximum& operator+=(const Maximum& other) {
    negated_ += other.negated_;
    return *this;
  }

  /// -infinity of no values.
  [[nodiscard]] double value() const { return -negated_.value(); }

  /// Whether the maxima are equal; NaN equals NaN here.
  friend bool operator==(const Maximum&, const Maximum&) = default;

 private:
  Minimum negated_;
};

}  // namespace rondo
