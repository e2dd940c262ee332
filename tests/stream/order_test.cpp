// The order of keys: NaNs have a place in it, alone and as parts of a key; and comparisons that are no order at all.
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "inputs.hpp"

namespace {

using rondo::OrderError;
using rondo::streaming::KeyLess;
using rondo::streaming::KeyPart;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
const std::vector<double> kAwkward{1, kNan, -kInf, 0.0, kInf, -kNan, -0.0, -1};

// The place of a double in the order, without any comparison of doubles.
int rank_of(double x) {
  if (std::isnan(x)) return 4;
  if (std::isinf(x)) return x > 0 ? 3 : -3;
  return static_cast<int>(x);
}

// All keys that `make` gives for two awkward doubles.
template <class Make>
auto keys_by(Make make) {
  std::vector<decltype(make(0.0, 0.0))> keys;
  for (const double a : kAwkward)
    for (const double b : kAwkward) keys.push_back(make(a, b));
  return keys;
}

template <class K>
void expect_a_weak_order(const std::vector<K>& keys) {
  const auto order = [](const K& a, const K& b) { return KeyPart<K>::order(a, b); };
  for (const K& a : keys) {
    ASSERT_TRUE(KeyPart<K>::sound(a));
    for (const K& b : keys) {
      ASSERT_EQ(order(a, b) < 0, order(b, a) > 0);
      ASSERT_EQ(order(a, b) < 0, KeyLess{}(a, b));
      if constexpr (rondo::streaming::Hashable<K>) {
        ASSERT_EQ(order(a, b) == 0, KeyPart<K>::equal(a, b));
        if (order(a, b) == 0) {
          ASSERT_EQ(KeyPart<K>::hash(a), KeyPart<K>::hash(b));
        }
      }
      for (const K& c : keys) {
        if (order(a, b) <= 0 && order(b, c) <= 0) {
          ASSERT_EQ(order(a, c) < 0, order(a, b) < 0 || order(b, c) < 0);
        }
      }
    }
  }
}

template <class... Makes>
void for_all_shapes_of_keys(auto check, Makes... makes) {
  (check(keys_by(makes)), ...);
}

TEST(Order, OfTheStandardTypesIsAWeakOrderForAllValues) {
  using Seconds = std::chrono::duration<double>;
  using Time = std::chrono::time_point<std::chrono::system_clock, Seconds>;
  for_all_shapes_of_keys(
      [](const auto& keys) { expect_a_weak_order(keys); }, [](double a, double) { return a; },
      [](double a, double) { return static_cast<float>(a); },
      [](double a, double) { return static_cast<long double>(a); },
      [](double a, double b) { return std::tuple(a, 1, static_cast<float>(b)); },
      [](double a, double b) { return std::pair(std::string("x"), std::pair(a, b)); },
      [](double a, double b) {
        return std::array{a, b};
      },
      [](double a, double b) { return b < 0 ? std::optional<double>() : std::optional(a); },
      [](double a, double b) {
        return b < 0 ? std::variant<double, std::string, float>("text")
                     : std::variant<double, std::string, float>(a);
      },
      [](double a, double b) {
        return b < 0 ? std::vector{a} : std::vector{a, b};
      },
      [](double a, double b) {
        return std::list{std::optional(std::deque{a, b})};
      },
      [](double a, double b) {
        return std::map<std::string, double>{{"a", a}, {"b", b}};
      },
      [](double a, double b) { return std::tuple(Seconds(a), Time(Seconds(b))); },
      [](double a, double b) {
        return std::variant<std::monostate, std::tuple<std::vector<std::array<double, 1>>, bool>>(
            std::tuple(std::vector{std::array{a}, std::array{b}}, true));
      });
}

struct Reading {
  double time = 0;
  int site = 0;
  int value = 0;
  friend bool operator==(const Reading& a, const Reading& b) {
    return KeyPart<double>::equal(a.time, b.time) && a.site == b.site && a.value == b.value;
  }
  friend std::ostream& operator<<(std::ostream& out, const Reading& r) {
    return out << "{" << r.time << ", " << r.site << ", " << r.value << "}";
  }
};
void add(Reading& a, Reading b) { a.value += b.value; }

TEST(Order, KeysWithANanAreGroupedByAllOfTheirParts) {
  const std::vector<Reading> in{{kNan, 1, 1}, {20, 2, 10}, {kNan, 3, 100}, {5, 4, 1000}};
  const auto by_both = [](const Reading& r) { return std::tuple(r.time, r.site); };
  EXPECT_EQ(rondo::evaluate(rondo::from_range(in) | rondo::group_by(by_both, add)), in);
}

std::vector<Reading> readings(Case& one) {
  std::vector<Reading> all;
  for (const Item& item : one.items)
    all.push_back({kAwkward[one.pick(kAwkward.size())], static_cast<int>(one.pick(2)), item.value % 3 + 1});
  return all;
}

// Checks build(readings) with random chunks and threads against expected(readings).
template <class Build, class Expected>
void check_readings(Build build, Expected expected, std::uint64_t seeds = 60) {
  check_against(
      [&](Case& one) {
        Case same = one;  // so that each call gets the same readings
        return build(rondo::from_range(readings(same)) | rondo::chunks(one.chunk));
      },
      [&](Case& one) {
        Case same = one;
        return expected(readings(same));
      },
      seeds);
}

TEST(Order, GroupsDoNotDependOnChunksOrThreadsWhereverTheNanIs) {
  const auto model = [](const std::vector<Reading>& in) {
    std::vector<Reading> groups;
    std::map<std::pair<int, int>, std::size_t> place;
    for (const Reading& r : in) {
      const auto [at, fresh] = place.try_emplace({rank_of(r.time), r.site}, groups.size());
      if (fresh) {
        groups.push_back(r);
      } else {
        add(groups[at->second], r);
      }
    }
    return groups;
  };
  const auto with = [&](auto key) {
    check_readings([&](auto in) { return std::move(in) | rondo::group_by(key, add); }, model, 25);
  };
  with([](const Reading& r) { return std::tuple(r.time, r.site); });
  with([](const Reading& r) { return std::tie(r.time, r.site); });
  with([](const Reading& r) { return std::pair(r.site, std::array{r.time, 1.0}); });
  with([](const Reading& r) { return std::vector{static_cast<double>(r.site), r.time}; });
  with([](const Reading& r) { return std::pair(std::optional(r.time), std::optional<int>(r.site)); });
  using Either = std::variant<double, float>;  // with a hash
  with([](const Reading& r) { return r.site == 0 ? Either(r.time) : Either(static_cast<float>(r.time)); });
}

TEST(Order, HashedKeysHaveOneNanAndOneZero) {
  const auto single = [](const std::vector<Reading>& in) {
    std::map<int, int> counts;
    for (const Reading& r : in) ++counts[rank_of(r.time)];
    auto kept = in;
    std::erase_if(kept, [&](const Reading& r) { return counts[rank_of(r.time)] > 1; });
    return kept;
  };
  check_readings([](auto in) { return std::move(in) | rondo::deduplicate(&Reading::time, rondo::keep_none); },
                 single);
  check_readings(
      [](auto in) {
        return std::move(in) |
               rondo::deduplicate([](const Reading& r) { return std::optional(r.time); }, rondo::keep_none);
      },
      single);
}

TEST(Order, SortedByKeysWithNansAndAsStableAsEver) {
  const auto ascending = [](std::vector<Reading> in) {
    std::ranges::stable_sort(in, {}, [](const Reading& r) { return std::pair(rank_of(r.time), r.site); });
    return in;
  };
  const auto descending = [](std::vector<Reading> in) {
    std::ranges::stable_sort(in, std::ranges::greater{},
                             [](const Reading& r) { return std::pair(rank_of(r.time), r.site); });
    return in;
  };
  const auto key = [](const Reading& r) { return std::tuple(r.time, r.site); };
  using Key = std::tuple<double, int>;
  check_readings([&](auto in) { return std::move(in) | rondo::sort_by(key); }, ascending);
  check_readings([&](auto in) { return std::move(in) | rondo::sort_by(key, std::less<>{}); }, ascending, 20);
  check_readings([&](auto in) { return std::move(in) | rondo::sort_by(key, std::less<Key>{}); }, ascending,
                 20);
  check_readings([&](auto in) { return std::move(in) | rondo::sort_by(key, std::ranges::greater{}); },
                 descending);
  check_readings([&](auto in) { return std::move(in) | rondo::sort_by(key, std::greater<Key>{}); },
                 descending, 20);
}

TEST(Order, OfManyBlocksWithNans) {
  std::mt19937_64 random(3);
  std::vector<double> in(60'000);
  for (double& x : in) x = random() % 10 == 0 ? kNan : static_cast<double>(random() % 1000);
  auto model = in;
  std::ranges::stable_sort(model, {}, [](double x) { return std::isnan(x) ? 1000 : x; });
  const auto same = [](double a, double b) { return KeyPart<double>::equal(a, b); };
  for (const std::size_t chunk : {1000U, 7000U, 60'000U}) {
    const auto out =
        rondo::evaluate(rondo::from_range(in) | rondo::chunks(chunk) | rondo::sort_by(std::identity{}),
                        {.threads_max = 3, .effectiveness = 0});
    EXPECT_TRUE(std::ranges::equal(out, model, same)) << "chunks of " << chunk;
  }
}

TEST(Order, TheLowestAndTheHighestOfWhatHasNans) {
  const auto best = [](auto better) {
    return [better](const std::vector<Reading>& in) {
      std::map<int, std::size_t> chosen;
      for (std::size_t i = 0; i < in.size(); ++i) {
        const auto [at, fresh] = chosen.emplace(in[i].site, i);
        if (!fresh && better(rank_of(in[i].time), rank_of(in[at->second].time))) at->second = i;
      }
      std::vector<std::size_t> places;
      for (const auto& [site, place] : chosen) places.push_back(place);
      std::ranges::sort(places);
      std::vector<Reading> kept;
      for (const std::size_t place : places) kept.push_back(in[place]);
      return kept;
    };
  };
  const auto with = [&](auto keep) {
    return [keep](auto in) { return std::move(in) | rondo::deduplicate(&Reading::site, keep); };
  };
  check_readings(with(rondo::keep_lowest(&Reading::time)), best(std::less{}));
  check_readings(with(rondo::keep_highest(&Reading::time)), best(std::greater{}));
  check_readings(with(rondo::keep_lowest(&Reading::time, std::ranges::greater{})), best(std::greater{}));
}

// Classes of a user, whose own comparisons know nothing of NaNs.
struct Point {
  double x = 0, y = 0;
  auto operator<=>(const Point&) const = default;
};
struct OldPoint {
  double x = 0, y = 0;
  bool operator<(const OldPoint& other) const { return std::tie(x, y) < std::tie(other.x, other.y); }
  bool operator==(const OldPoint& other) const { return x == other.x && y == other.y; }
};
struct HashedPoint : OldPoint {};

}  // namespace

template <>
struct std::hash<HashedPoint> {
  std::size_t operator()(const HashedPoint& point) const { return std::hash<double>{}(point.x); }
};

namespace {

template <class P>
auto points(std::vector<double> xs) {
  std::vector<P> all;
  for (const double x : xs) {
    P point;
    point.x = x;
    all.push_back(point);
  }
  return rondo::from_range(std::move(all)) | rondo::chunks(2);
}

// Whether the evaluation ends with an OrderError that has this in its text.
template <class Pipeline>
testing::AssertionResult is_refused(Pipeline pipeline, const std::string& text) {
  try {
    (void)rondo::evaluate(std::move(pipeline), {.threads_max = 2, .effectiveness = 0});
  } catch (const OrderError& error) {
    if (std::string(error.what()).find(text) != std::string::npos) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "the error is: " << error.what();
  }
  return testing::AssertionFailure() << "there is no error";
}

TEST(Order, AKeyOfAUsersClassWithANanIsRefused) {
  const auto first = [](auto a, auto) { return a; };
  const std::vector<double> good{3, 1, 2, 1}, bad{3, 1, kNan, 2};
  const char* text = "a key is not equal to itself";
  EXPECT_EQ(rondo::evaluate(points<Point>(good) | rondo::sort_by(std::identity{})).size(), 4U);
  EXPECT_EQ(rondo::evaluate(points<Point>(good) | rondo::group_by(std::identity{}, first)).size(), 3U);
  EXPECT_EQ(rondo::evaluate(points<HashedPoint>(good) | rondo::group_by(std::identity{}, first)).size(), 3U);
  EXPECT_TRUE(is_refused(points<Point>(bad) | rondo::sort_by(std::identity{}), text));
  EXPECT_TRUE(is_refused(points<OldPoint>(bad) | rondo::sort_by(std::identity{}, std::less<>{}), text));
  EXPECT_TRUE(is_refused(points<Point>(bad) | rondo::group_by(std::identity{}, first), text));
  EXPECT_TRUE(is_refused(points<OldPoint>(bad) | rondo::group_by(std::identity{}, first), text));
  EXPECT_TRUE(is_refused(points<HashedPoint>(bad) | rondo::group_by(std::identity{}, first), text));
  EXPECT_TRUE(is_refused(
      points<Point>(bad) | rondo::aggregate([](const Point& p) { return std::pair(1, p); },
                                            [](Point a, Point) -> rondo::Combined<Point> { return a; }),
      text));
  const auto none = [](const Point&) { return 0; };
  EXPECT_TRUE(
      is_refused(points<Point>(bad) | rondo::deduplicate(none, rondo::keep_lowest(std::identity{})), text));
  EXPECT_TRUE(
      is_refused(points<Point>(bad) | rondo::deduplicate(none, rondo::keep_highest(std::identity{})), text));
}

// Comparisons that are no strict weak orders.
std::vector<Reading> many(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Reading> all(50'000);
  for (Reading& r : all)
    r = {static_cast<double>(random() % 10'000), static_cast<int>(random() % 100),
         static_cast<int>(random() % 100)};
  return all;
}

template <class Compare>
testing::AssertionResult sort_is_refused(std::vector<Reading> in, Compare compare, const std::string& text) {
  return is_refused(
      rondo::from_range(std::move(in)) | rondo::chunks(500) | rondo::sort_by(std::identity{}, compare), text);
}

TEST(NoOrder, IsFoundOutBySortBy) {
  EXPECT_TRUE(sort_is_refused(
      many(1), [](const Reading& a, const Reading& b) { return a.value <= b.value; }, "before itself"));
  EXPECT_TRUE(sort_is_refused(
      many(2), [](const Reading& a, const Reading& b) { return a.site < b.site || a.value < b.value; },
      "no strict weak order"));
  EXPECT_TRUE(sort_is_refused(
      many(3), [](const Reading& a, const Reading& b) { return a.site < b.site && a.value < b.value; },
      "keys a, b and c"));
  EXPECT_TRUE(sort_is_refused(
      many(4), [](const Reading& a, const Reading& b) { return a.time + 2000 < b.time; }, "keys a, b and c"));
  EXPECT_TRUE(sort_is_refused(
      many(5), [](const Reading& a, const Reading& b) { return (b.site - a.site + 100) % 100 < 50; }, ""));
}

TEST(NoOrder, OneNanInABlockIsFoundOut) {
  std::vector<double> in(8000);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<double>(i * 37 % 8000);
  for (const std::size_t at : {std::size_t{0}, std::size_t{17}, std::size_t{7999}}) {
    auto with = in;
    with[at] = kNan;
    const auto by = [&](auto compare) {
      return rondo::from_range(with) | rondo::chunks(100) | rondo::sort_by(std::identity{}, compare);
    };
    EXPECT_TRUE(is_refused(by([](double a, double b) { return a < b; }), "strict weak order"));
    EXPECT_TRUE(is_refused(by([](double a, double b) { return a > b; }), "strict weak order"));
    const auto nan_first = [](double a, double b) { return a < b || (std::isnan(a) && !std::isnan(b)); };
    const auto out = rondo::evaluate(by(nan_first));
    EXPECT_TRUE(std::isnan(out.front()));
    EXPECT_TRUE(std::is_sorted(out.begin() + 1, out.end()));
  }
}

// It is sorted all the same, so that no memory but the items' is touched, and no item is lost or doubled.
TEST(NoOrder, OfAnyKindIsSafe) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    std::mt19937_64 random(seed);
    const auto whim = [&](const auto&, const auto&) { return random() % 2 == 0; };
    const auto always = [](const auto&, const auto&) { return true; };
    std::vector<std::string> in;
    for (std::uint64_t i = 0; i < seed * 137; ++i)
      in.push_back("an item of more than sixteen letters " + std::to_string(i));
    auto a = in, b = in;
    rondo::streaming::sort_safely<std::string>(a, whim);
    rondo::streaming::sort_safely<std::string>(b, always);
    std::ranges::sort(a);
    std::ranges::sort(b);
    std::ranges::sort(in);
    ASSERT_EQ(a, in);
    ASSERT_EQ(b, in);
  }
}

TEST(NoOrder, IsFoundOutWhereKeysAreHeldInATableAndRanked) {
  struct NotLess {
    int n;
    bool operator<(const NotLess& other) const { return n <= other.n; }
  };
  struct Whole {
    int a, b;
    bool operator<(const Whole& other) const { return a < other.a || b < other.b; }
  };
  const auto in = [] { return rondo::from_range(many(6)); };
  const auto first = [](Reading a, const Reading&) { return a; };
  EXPECT_TRUE(is_refused(in() | rondo::group_by([](const Reading& r) { return NotLess{r.site}; }, first),
                         "before itself"));
  EXPECT_TRUE(is_refused(in() | rondo::group_by(
                                    [](const Reading& r) {
                                      return Whole{r.site, r.value};
                                    },
                                    first),
                         "each before the other"));
  const auto not_less = [](int a, int b) { return a <= b; };
  EXPECT_TRUE(
      is_refused(in() | rondo::deduplicate(&Reading::site, rondo::keep_lowest(&Reading::value, not_less)),
                 "each before"));
  EXPECT_TRUE(
      is_refused(in() | rondo::deduplicate(&Reading::site, rondo::keep_highest(&Reading::value, not_less)),
                 "each before"));
}

TEST(NoOrder, IsLookedForWithAFewComparisonsPerBlock) {
  std::vector<int> block(8192);
  std::iota(block.begin(), block.end(), 0);
  int compared = 0;
  rondo::streaming::check_order("a block", block, [&](int a, int b) {
    ++compared;
    return a < b;
  });
  EXPECT_LT(compared, 350) << "sorting it takes about a hundred thousand";
}

}  // namespace
