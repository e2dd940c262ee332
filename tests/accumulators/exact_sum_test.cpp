// ExactSum and MeanAndVariance: every result is the double nearest to the exact one, in any order and grouping.
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/accumulators.hpp>
#include <rondo/serialization.hpp>

#include "exact_reference.hpp"
#include "random_doubles.hpp"

namespace {

using rondo::ExactSum;
using rondo::MeanAndVariance;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// What travels between ranks is the whole value and nothing else.
static_assert(std::is_trivially_copyable_v<ExactSum> && std::has_unique_object_representations_v<ExactSum>);
static_assert(std::has_unique_object_representations_v<MeanAndVariance>);
static_assert(rondo::travels_as_bytes<ExactSum> && rondo::travels_as_bytes<MeanAndVariance>);

// A conversion to double that rounds is not made silently.
template <class Accumulator, class Value>
concept Takes = requires(Accumulator& accumulator, Value value) {
  accumulator += value;
};
static_assert(Takes<ExactSum, int> && Takes<ExactSum, float> && Takes<ExactSum, double>);
static_assert(!Takes<ExactSum, std::int64_t> && !Takes<ExactSum, std::uint64_t> &&
              !Takes<ExactSum, long double>);
static_assert(!Takes<MeanAndVariance, std::int64_t> && Takes<MeanAndVariance, int>);

template <class Accumulator>
Accumulator all_of(const std::vector<double>& values) {
  Accumulator accumulator;
  for (const double value : values) accumulator += value;
  return accumulator;
}

double sum_of(const std::vector<double>& values) { return all_of<ExactSum>(values).value(); }

template <class Accumulator>
bool same_bytes(const Accumulator& a, const Accumulator& b) {
  return std::memcmp(&a, &b, sizeof(Accumulator)) == 0;
}

TEST(ExactSum, IsTheDoubleNearestToTheRationalSum) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    RandomDoubles random(seed);
    const std::vector<double> values = random.values();
    Integer exact = 0;
    for (const double value : values) exact += in_units(value);
    ASSERT_TRUE(is_nearest(sum_of(values), exact, 1)) << "seed " << seed;
  }
}

TEST(ExactSum, HasTheSameBytesInAnyOrderAndGrouping) {
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    RandomDoubles random(seed);
    std::vector<double> values = random.values();
    if (seed % 7 == 0) values.insert(values.end(), {kInfinity, seed % 2 == 0 ? -kInfinity : kNan});
    const auto once = all_of<ExactSum>(values);
    const auto again = random.in_random_order_and_grouping<ExactSum>(values);
    ASSERT_TRUE(same_bytes(once, again)) << "seed " << seed;
    ASSERT_EQ(once, again);
  }
}

TEST(ExactSum, TiesGoToTheEvenNeighbour) {
  EXPECT_EQ(sum_of({1, 0x1p-53}), 1);
  EXPECT_EQ(sum_of({1 + 0x1p-52, 0x1p-53}), 1 + 0x1p-51);
  EXPECT_EQ(sum_of({1, 0x1p-53, DBL_TRUE_MIN}), 1 + 0x1p-52);
  EXPECT_EQ(sum_of({1, 0x1p-53, -DBL_TRUE_MIN}), 1);
  EXPECT_EQ(sum_of({-1, -0x1p-53, -DBL_TRUE_MIN}), -1 - 0x1p-52);
}

TEST(ExactSum, MayLeaveTheRangeOfDoublesAndComeBack) {
  EXPECT_EQ(sum_of({DBL_MAX, DBL_MAX, -DBL_MAX}), DBL_MAX);
  EXPECT_EQ(sum_of({DBL_MAX, DBL_MAX, 1, -DBL_MAX, -DBL_MAX}), 1);
  EXPECT_EQ(sum_of({DBL_MAX, 0x1p969}), DBL_MAX);
  EXPECT_EQ(sum_of({DBL_MAX, 0x1p970}), kInfinity);  // the middle between the largest double and 2^1024
  EXPECT_EQ(sum_of({-DBL_MAX, -0x1p970}), -kInfinity);
  EXPECT_EQ(sum_of({DBL_MAX, 0x1p970, -DBL_TRUE_MIN}), DBL_MAX);
}

TEST(ExactSum, HoldsTwoToThe77AdditionsOfTheLargestDouble) {
  ExactSum large(-DBL_MAX), small(DBL_MAX);
  for (int i = 0; i < 77; ++i) {
    large += large;
    small += small;
  }
  EXPECT_EQ(large.value(), -kInfinity);
  large += small;
  large += 3;
  EXPECT_EQ(large.value(), 3);
}

TEST(ExactSum, CarriesRunThroughAllWords) {
  // just below zero all high bits are ones, just above it they are zeros
  for (const double value : {DBL_TRUE_MIN, 1e-200, 1.0, 1e200}) {
    ExactSum sum;
    for (int i = 0; i < 3; ++i) {
      sum += -value;
      EXPECT_EQ(sum.value(), -value);
      sum += value;
      EXPECT_TRUE(same_bytes(sum, ExactSum()));
    }
  }
  EXPECT_EQ(sum_of({0x1p64, -DBL_TRUE_MIN, DBL_TRUE_MIN, -0x1p64, DBL_MIN}), DBL_MIN);
}

TEST(ExactSum, InfinitiesAndNanDecide) {
  EXPECT_EQ(sum_of({1, kInfinity, -DBL_MAX}), kInfinity);
  EXPECT_EQ(sum_of({-kInfinity, 5}), -kInfinity);
  EXPECT_TRUE(std::isnan(sum_of({kInfinity, 1, -kInfinity})));
  EXPECT_TRUE(std::isnan(sum_of({kInfinity, kNan})));
  EXPECT_TRUE(std::isnan(sum_of({-kNan, 3})));
  ExactSum merged(1);
  merged += ExactSum(-kInfinity);
  EXPECT_EQ(merged.value(), -kInfinity);
}

TEST(ExactSum, OfZeroIsPositive) {
  for (const std::vector<double>& values :
       {std::vector<double>{}, {-0.0}, {-0.0, -0.0}, {0.0, -0.0}, {1, -1}})
    EXPECT_EQ(std::bit_cast<std::uint64_t>(sum_of(values)), 0U);
}

TEST(MeanAndVariance, AreTheDoublesNearestToTheRationalResults) {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomDoubles random(seed);
    const std::vector<double> values = random.values();
    const auto result = all_of<MeanAndVariance>(values);
    ASSERT_EQ(result.count(), values.size());
    if (values.empty()) continue;
    Integer sum = 0, squares = 0;
    for (const double value : values) {
      const Integer units = in_units(value);
      sum += units;
      squares += units * units;
    }
    const auto n = values.size();
    ASSERT_TRUE(is_nearest(result.mean(), sum, n));
    if (n == 1) continue;
    // the squares are in units of 2^-2148
    ASSERT_TRUE(is_nearest(result.variance(), squares * n - sum * sum, (Integer(n) * (n - 1)) << 1074));
  }
}

TEST(MeanAndVariance, HaveTheSameBytesInAnyOrderAndGrouping) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    RandomDoubles random(seed);
    std::vector<double> values = random.values();
    if (seed % 7 == 0) values.push_back(kInfinity);
    ASSERT_TRUE(same_bytes(all_of<MeanAndVariance>(values),
                           random.in_random_order_and_grouping<MeanAndVariance>(values)))
        << "seed " << seed;
  }
}

TEST(MeanAndVariance, ACommonOffsetLosesNothing) {
  const auto result = all_of<MeanAndVariance>({1e15 + 4, 1e15 + 7, 1e15 + 13, 1e15 + 16});
  EXPECT_EQ(result.mean(), 1e15 + 10);
  EXPECT_EQ(result.variance(), 30);
}

TEST(MeanAndVariance, SquaresNeitherOverflowNorUnderflow) {
  const auto huge = all_of<MeanAndVariance>({DBL_MAX, DBL_MAX, DBL_MAX});
  EXPECT_EQ(huge.mean(), DBL_MAX);
  EXPECT_EQ(huge.variance(), 0);
  EXPECT_EQ(all_of<MeanAndVariance>({DBL_MAX, -DBL_MAX}).variance(), kInfinity);
  EXPECT_EQ(all_of<MeanAndVariance>({0, 100 * 0x1p-540}).variance(), 78 * 0x1p-1074);  // of 78.125
  EXPECT_EQ(all_of<MeanAndVariance>({3 * 0x1p-538, 5 * 0x1p-538}).variance(), 0);      // of a half
}

// The remainder of the division decides about the last bit: the quotient alone is a tie.
TEST(MeanAndVariance, AreRoundedFromAllBits) {
  const double x =
      0x1p27 - 1;  // its square has 54 bits, and the variance is that and a third of the smallest square
  EXPECT_EQ(x * x, 0x1p54 - 0x1p28);
  EXPECT_EQ(all_of<MeanAndVariance>({x, -x, 0}).variance(), 0x1p54 - 0x1p28);
  EXPECT_EQ(all_of<MeanAndVariance>({x, -x, DBL_TRUE_MIN}).variance(), 0x1p54 - 0x1p28 + 2);
  EXPECT_EQ(all_of<MeanAndVariance>({3 * x, -x, -x, -x, 0, DBL_TRUE_MIN, -DBL_TRUE_MIN}).variance(),
            0x1p55 - 0x1p29 + 4);  // here it is the remainder of the second division, by n - 1

  MeanAndVariance many(DBL_TRUE_MIN);  // 2^63 of the smallest double among 2^64 - 1 values
  for (int i = 0; i < 63; ++i) {
    many += many;
    many += 0;
  }
  EXPECT_EQ(many.count(), ~std::uint64_t{0});
  EXPECT_EQ(many.mean(), DBL_TRUE_MIN);
}

TEST(MeanAndVariance, OfTooFewOrOfSpecialValuesAreNan) {
  EXPECT_TRUE(std::isnan(MeanAndVariance().mean()));
  EXPECT_TRUE(std::isnan(MeanAndVariance().variance()));
  EXPECT_EQ(MeanAndVariance(7).mean(), 7);
  EXPECT_TRUE(std::isnan(MeanAndVariance(7).variance()));
  const auto infinite = all_of<MeanAndVariance>({1, kInfinity});
  EXPECT_EQ(infinite.mean(), kInfinity);
  EXPECT_TRUE(std::isnan(infinite.variance()));
  EXPECT_EQ(infinite.count(), 2U);
  EXPECT_TRUE(std::isnan(all_of<MeanAndVariance>({1, kNan, 2}).mean()));
}

TEST(MeanAndVariance, OfVeryManyValuesStayWithinTheirWords) {
  // doubled until there are 2^63: the sums of their squares use all bits that are meant for carries
  auto result = all_of<MeanAndVariance>({DBL_MAX, DBL_MAX, DBL_MAX, 0x1p1023});
  for (int i = 0; i < 61; ++i) result += result;
  EXPECT_EQ(result.count(), std::uint64_t{1} << 63);
  const Integer largest = in_units(DBL_MAX), half = in_units(0x1p1023);
  const Integer quarter = Integer(1) << 61, n = Integer(1) << 63;
  const Integer sum = quarter * (3 * largest + half);
  const Integer squares = quarter * (3 * largest * largest + half * half);
  EXPECT_TRUE(is_nearest(result.mean(), sum, n));
  EXPECT_TRUE(is_nearest(result.variance(), n * squares - sum * sum, (n * (n - 1)) << 1074));

  auto wide = all_of<MeanAndVariance>({0x1p1023, -0x1p1023});
  for (int i = 0; i < 62; ++i) wide += wide;
  EXPECT_EQ(wide.mean(), 0);
  EXPECT_EQ(wide.variance(), kInfinity);
}

}  // namespace
