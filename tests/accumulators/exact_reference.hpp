// The results of accumulators against rational numbers of any length, whose arithmetic is Boost's.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <ostream>

#include <gtest/gtest.h>
#include <boost/multiprecision/cpp_int.hpp>

using Integer = boost::multiprecision::cpp_int;

// value * 2^1074: an integer for every finite double.
inline Integer in_units(double value) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);  // in [0.5, 1)
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(fraction, 53));
  const int shift = exponent - 53 + 1074;
  // a denormal number has zeros where the shift goes below the units
  return shift >= 0 ? Integer(mantissa) << shift : Integer(mantissa) / (Integer(1) << -shift);
}

// Whether `result` is the double nearest to numerator / denominator * 2^-1074, ties to even.
inline testing::AssertionResult is_nearest(double result, const Integer& numerator,
                                           const Integer& denominator) {
  if (std::isnan(result)) return testing::AssertionFailure() << "NaN";
  if (numerator == 0)
    return std::bit_cast<std::uint64_t>(result) == 0
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << result << " instead of 0";
  if (std::signbit(result) != (numerator < 0)) return testing::AssertionFailure() << "the sign of " << result;
  // twice the magnitudes, so that the middle between neighbours is an integer
  const Integer exact = 2 * abs(numerator);
  const double magnitude = std::fabs(result);
  const Integer past_all = Integer(1) << (1024 + 1074);
  const auto units = [&](double x) { return std::isinf(x) ? past_all : in_units(x); };
  const double infinity = std::numeric_limits<double>::infinity();
  const Integer here = units(magnitude);
  const bool even = (std::bit_cast<std::uint64_t>(magnitude) & 1) == 0;
  if (magnitude != 0) {
    const Integer from = (units(std::nextafter(magnitude, 0)) + here) * denominator;
    if (exact < from || (exact == from && !even))
      return testing::AssertionFailure() << result << " is too far from 0";
  }
  if (magnitude != infinity) {
    const Integer to = (units(std::nextafter(magnitude, infinity)) + here) * denominator;
    if (exact > to || (exact == to && !even))
      return testing::AssertionFailure() << result << " is too near to 0";
  }
  return testing::AssertionSuccess();
}
