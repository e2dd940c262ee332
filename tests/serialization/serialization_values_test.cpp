// Random values of every kind that needs no serialize() come back as they went, from messages of exactly the
// announced size, wherever in memory these begin.
#include <cstring>
#include <deque>
#include <forward_list>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <gtest/gtest.h>

#include <rondo/serialization.hpp>

#include "random_values.hpp"

namespace {

using namespace std;  // NOLINT: the list of types below is all of std

enum class Colour : unsigned char { red, green, blue };

struct Point {
  double x, y;
  int kind;
  char tail;
  bool operator==(const Point&) const = default;
  auto operator<=>(const Point&) const = default;
  static Point random(Engine& engine) {
    return {random_value<double>(engine), random_value<double>(engine), int(engine() % 9), char(engine())};
  }
};

struct Fixed {  // cannot be assigned, nor made from nothing
  const int a;
  const double b;
  Fixed(int first, double second) : a(first), b(second) {}
  bool operator==(const Fixed&) const = default;
  static Fixed random(Engine& engine) { return {int(engine()), random_value<double>(engine)}; }
};

struct Empty {
  bool operator==(const Empty&) const = default;
  static Empty random(Engine&) { return {}; }
};

template <class T>
struct Values : testing::Test {};
using Types = testing::Types<
    bool, char, int, uint64_t, float, double, long double, Colour, Point, Empty, complex<double>,
    array<int, 5>, array<string, 3>, pair<int, double>, pair<string, Point>, tuple<char, double, int>,
    tuple<>, tuple<string, vector<int>, Colour>, optional<double>, optional<string>,
    variant<int, string, vector<double>>, variant<monostate, double>, string, wstring, u16string,
    vector<char>, vector<bool>, vector<double>, vector<complex<float>>, vector<Point>, vector<Fixed>,
    vector<Empty>, vector<tuple<>>, vector<pair<int, double>>, vector<pair<string, Fixed>>,
    vector<array<double, 3>>, vector<string>, vector<vector<bool>>, vector<vector<vector<int>>>,
    vector<optional<Fixed>>, vector<variant<double, string>>, deque<int>, deque<string>, list<double>,
    list<vector<int>>, forward_list<string>, forward_list<int>, set<int>, set<string>, multiset<Point>,
    map<int, double>, map<string, vector<string>>, map<int, Fixed>, multimap<int, string>,
    multimap<string, Point>, map<string, map<int, list<optional<double>>>>, unordered_set<int>,
    unordered_set<string>, unordered_multiset<int>, unordered_map<string, int>, unordered_map<int, Fixed>,
    unordered_multimap<char, string>, unordered_map<string, unordered_map<int, vector<double>>>,
    unique_ptr<int>, unique_ptr<vector<double>>, vector<unique_ptr<Fixed>>, map<int, unique_ptr<string>>,
    shared_ptr<double>, vector<shared_ptr<const string>>, optional<unique_ptr<map<string, int>>>,
    variant<unique_ptr<int>, shared_ptr<vector<string>>>>;
TYPED_TEST_SUITE(Values, Types);

TYPED_TEST(Values, ComeBackAsTheyWent) {
  rondo::Buffer buffer;
  TypeParam reused{};
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + to_string(seed));
    Engine engine(seed);
    const TypeParam value = random_value<TypeParam>(engine);
    const size_t offset = engine() % 40;
    buffer.clear();
    if (offset != 0) memset(buffer.extend(offset), 1, offset);
    rondo::pack(value, buffer);
    ASSERT_EQ(buffer.size(), offset + rondo::packed_size(value));

    const rondo::Bytes bytes = rondo::Bytes(buffer).subspan(offset);
    TypeParam fresh{};
    rondo::unpack(bytes, fresh);
    ASSERT_TRUE(same(value, fresh));
    rondo::unpack(bytes, reused);
    ASSERT_TRUE(same(value, reused));
  }
}

// A table that grew, shrank and grew again has an order that depends on its past.
TEST(HashedContainers, KeepTheirOrderAndGrowOnAlike) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE("seed " + to_string(seed));
    Engine engine(seed);
    unordered_multimap<int, int> value;
    if (seed % 3 == 0) value.max_load_factor(0.5f + float(engine() % 5));
    for (int step = int(engine() % 500); step != 0; --step) {
      if (engine() % 3 != 0) {
        value.emplace(int(engine() % 90), step);
      } else if (!value.empty()) {
        value.erase(value.begin());
      }
    }
    rondo::Buffer buffer;
    rondo::pack(value, buffer);
    unordered_multimap<int, int> copy{{1, 2}};
    rondo::unpack(buffer, copy);
    ASSERT_TRUE(same(value, copy));
    ASSERT_EQ(value.bucket_count(), copy.bucket_count());
    for (int i = 0; i < 300; ++i) {
      const int key = int(engine() % 1000);
      value.emplace(key, i);
      copy.emplace(key, i);
      ASSERT_TRUE(same(value, copy));
    }
  }
}

TEST(SharedPointers, ToOneObjectStayOneObject) {
  const auto one = make_shared<const vector<double>>(vector<double>{1, 2, 3});
  const auto other = make_shared<const vector<double>>(*one);
  const vector<shared_ptr<const vector<double>>> value{one, other, nullptr, one};
  rondo::Buffer buffer;
  rondo::pack(value, buffer);
  vector<shared_ptr<const vector<double>>> copy;
  rondo::unpack(buffer, copy);
  ASSERT_TRUE(same(value, copy));
  EXPECT_EQ(copy[0], copy[3]);
  EXPECT_NE(copy[0], copy[1]);
  EXPECT_EQ(copy[0].use_count(), 2);
}

TEST(Blocks, OfASizeTakeNoMoreThanThatAndTheirCount) {
  EXPECT_EQ(rondo::packed_size(1.5), 8u);
  EXPECT_EQ(rondo::packed_size(Point{}), sizeof(Point));
  EXPECT_EQ(rondo::packed_size(array<Point, 3>{}), 3 * sizeof(Point));
  EXPECT_EQ(rondo::packed_size(string("four")), 8u + 4u);
  EXPECT_EQ(rondo::packed_size(vector<Point>(10)), 8u + 10 * sizeof(Point));
  EXPECT_LE(rondo::packed_size(vector<Point>(1000)), 8u + 1000 * sizeof(Point) + rondo::detail::kAlignment);
  EXPECT_EQ(rondo::packed_size(vector<bool>(65)), 8u + 16u);
  double grid[3][4] = {};
  EXPECT_EQ(rondo::packed_size(grid), sizeof grid);
}

// Every distance between target and source, around and off the slow ones.
TEST(Blocks, AreCopiedRightAtEveryDistance) {
  constexpr size_t kSize = 5 * rondo::detail::kPage;
  vector<unsigned char> source(kSize + rondo::detail::kPage), target(source.size());
  for (size_t i = 0; i < source.size(); ++i) source[i] = static_cast<unsigned char>(i * 7 + i / 256);
  for (size_t from = 0; from < 40; from += 13) {
    for (size_t to = 0; to < 40; ++to) {
      for (const size_t size : {size_t{0}, size_t{1}, size_t{2048}, size_t{8193}, kSize}) {
        fill(target.begin(), target.end(), 0);
        rondo::detail::copy(target.data() + to, source.data() + from, size);
        ASSERT_TRUE(equal(target.begin() + to, target.begin() + to + size, source.begin() + from));
        ASSERT_EQ(target[to + size], 0);
      }
    }
  }
}

}  // namespace
