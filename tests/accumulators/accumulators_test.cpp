// Minimum, Maximum, Count and Histogram against plain loops, in any order and grouping, and on their way between ranks.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/accumulators.hpp>
#include <rondo/serialization.hpp>

#include "random_doubles.hpp"

namespace {

using rondo::Count;
using rondo::Histogram;
using rondo::Maximum;
using rondo::Minimum;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

static_assert(std::has_unique_object_representations_v<Minimum> && rondo::travels_as_bytes<Minimum>);
static_assert(std::has_unique_object_representations_v<Maximum> && rondo::travels_as_bytes<Maximum>);
static_assert(std::has_unique_object_representations_v<Count> && rondo::travels_as_bytes<Count>);
static_assert(rondo::Serializable<Histogram>);

template <class Accumulator>
Accumulator over_the_wire(const Accumulator& value) {
  rondo::Buffer buffer;
  rondo::pack(value, buffer);
  Accumulator result;
  rondo::unpack(buffer, result);
  return result;
}

template <class Accumulator>
double extreme_of(const std::vector<double>& values) {
  Accumulator result;
  for (const double value : values) result += value;
  return result.value();
}

TEST(Extremes, AreThoseOfALoopInAnyOrderAndGrouping) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomDoubles random(seed);
    const std::vector<double> values = random.values();
    const auto smallest = over_the_wire(random.in_random_order_and_grouping<Minimum>(values));
    const auto largest = over_the_wire(random.in_random_order_and_grouping<Maximum>(values));
    double expected_smallest = kInfinity, expected_largest = -kInfinity;
    for (const double value : values) {
      expected_smallest = std::min(expected_smallest, value);
      expected_largest = std::max(expected_largest, value);
    }
    ASSERT_EQ(smallest.value(), expected_smallest);
    ASSERT_EQ(largest.value(), expected_largest);
  }
}

TEST(Extremes, OfNothingAreTheInfinitiesThatChangeNothing) {
  EXPECT_EQ(Minimum().value(), kInfinity);
  EXPECT_EQ(Maximum().value(), -kInfinity);
  EXPECT_EQ(extreme_of<Minimum>({kInfinity, 5}), 5);
  EXPECT_EQ(extreme_of<Minimum>({-kInfinity, 5}), -kInfinity);
  EXPECT_EQ(extreme_of<Maximum>({kInfinity, 5}), kInfinity);
}

TEST(Extremes, NegativeZeroIsSmallerThanPositiveZero) {
  for (const std::vector<double>& zeros : {std::vector{0.0, -0.0}, {-0.0, 0.0}}) {
    EXPECT_TRUE(std::signbit(extreme_of<Minimum>(zeros)));
    EXPECT_FALSE(std::signbit(extreme_of<Maximum>(zeros)));
  }
}

TEST(Extremes, OneNanMakesThemNan) {
  for (const double nan : {kNan, -kNan, std::bit_cast<double>(0x7ff0000000000001)}) {
    EXPECT_TRUE(std::isnan(extreme_of<Minimum>({1, nan, -kInfinity, 2})));
    EXPECT_TRUE(std::isnan(extreme_of<Maximum>({1, nan, kInfinity, 2})));
    Minimum merged(3);
    merged += Minimum(nan);
    EXPECT_TRUE(std::isnan(merged.value()));
  }
}

TEST(Count, CountsWhatIsTrue) {
  Count count;
  for (int i = 0; i < 10; ++i) count += i % 3 == 0;
  EXPECT_EQ(count.value(), 4U);
  ++count;
  count += Count(7);
  EXPECT_EQ(over_the_wire(count).value(), 12U);
}

TEST(Histogram, CountsAsALoopDoesInAnyOrderAndGrouping) {
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomDoubles random(seed);
    std::vector<double> edges;
    for (std::uint64_t i = 2 + random.below(10); i > 0; --i)
      edges.push_back(static_cast<double>(random.below(50)));
    std::ranges::sort(edges);
    edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
    if (edges.size() < 2) continue;
    std::vector<double> values;
    for (std::uint64_t i = random.below(100); i > 0; --i)
      values.push_back(static_cast<double>(random.below(100)) / 2);
    values.insert(values.end(), {kNan, kInfinity, -kInfinity});

    const auto histogram = over_the_wire(random.in_random_order_and_grouping(values, Histogram(edges)));
    ASSERT_EQ(histogram.edges(), edges);
    ASSERT_EQ(histogram.bins(), edges.size() - 1);
    const auto from_to = [&](double low, double high) {
      return static_cast<std::uint64_t>(
          std::ranges::count_if(values, [&](double x) { return low <= x && x < high; }));
    };
    for (std::size_t i = 0; i < histogram.bins(); ++i)
      ASSERT_EQ(histogram.counts()[i], from_to(edges[i], edges[i + 1]));
    ASSERT_EQ(histogram.underflow(), from_to(-kInfinity, edges.front()));
    ASSERT_EQ(histogram.overflow(), from_to(edges.back(), kInfinity) + 1);
    ASSERT_EQ(histogram.nan(), 1U);
  }
}

TEST(Histogram, WithoutEdgesBecomesACopyOfTheOther) {
  Histogram filled({0, 1, 2});
  filled += 1.5;
  Histogram empty;
  EXPECT_EQ(empty.bins(), 0U);
  EXPECT_TRUE(empty.counts().empty());
  empty += filled;
  EXPECT_EQ(empty, filled);
  filled += Histogram();
  EXPECT_EQ(empty, filled);
  EXPECT_EQ(over_the_wire(Histogram()), Histogram());
}

TEST(Histogram, UniformBinsReachFromEndToEnd) {
  const Histogram histogram = Histogram::uniform(-1, 0.7, 7);
  ASSERT_EQ(histogram.bins(), 7U);
  EXPECT_EQ(histogram.edges().front(), -1);
  EXPECT_EQ(histogram.edges().back(), 0.7);
  for (std::size_t i = 0; i <= 7; ++i)
    EXPECT_NEAR(histogram.edges()[i], -1 + 1.7 * static_cast<double>(i) / 7, 1e-15);
}

template <class Act>
std::string input_error_of(Act act) {
  try {
    act();
  } catch (const rondo::InputError& error) {
    return error.what();
  }
  return "no InputError";
}

TEST(Histogram, RefusesWhatHasNoBinsByName) {
  EXPECT_EQ(input_error_of([] { Histogram({3}); }), "a histogram needs at least 2 edges, got 1");
  EXPECT_NE(input_error_of([] {
              Histogram({0, 2, 2, 3});
            }).find("edge 2 of the histogram is 2.0"),
            std::string::npos);
  EXPECT_NE(input_error_of([] {
              Histogram({0, kNan});
            }).find("edge 1 of the histogram is nan"),
            std::string::npos);
  EXPECT_NE(input_error_of([] { static_cast<void>(Histogram::uniform(1, 1, 4)); }).find("edge 1"),
            std::string::npos);
  EXPECT_NE(input_error_of([] { Histogram() += 1.0; }).find("without edges"), std::string::npos);
  Histogram one({0, 1}), other({0, 2});
  EXPECT_NE(input_error_of([&] { one += other; }).find("different edges"), std::string::npos);
}

}  // namespace
