// Classes with a serialize() travel as Boost.Serialization documents them: members, versions, base classes, construction; and
// their containers travel without Boost's headers for containers. Pointers: serialization_pointers_test.cpp.
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <gtest/gtest.h>
#include <boost/serialization/base_object.hpp>
#include <boost/serialization/binary_object.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/split_free.hpp>
#include <boost/serialization/split_member.hpp>
#include <boost/serialization/version.hpp>

#include <rondo/serialization.hpp>

#include "round_trip.hpp"

namespace {

using round_trips::round_trip;

class Walker {
 public:
  Walker() = default;
  explicit Walker(int steps)
      : path(static_cast<std::size_t>(steps), 0.5), names{{"steps", {std::to_string(steps)}}} {}
  bool operator==(const Walker&) const = default;

 private:
  friend class boost::serialization::access;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& path& BOOST_SERIALIZATION_NVP(names);
  }
  std::vector<double> path;
  std::map<std::string, std::vector<std::string>> names;
};

TEST(Members, Serialize) {
  EXPECT_EQ(round_trip(Walker(3)), Walker(3));
  EXPECT_EQ(round_trip(Walker(100'000)), Walker(100'000));
}

TEST(Members, OfClassesInContainers) {
  const std::vector<Walker> row{Walker(1), Walker(2)};
  EXPECT_EQ(round_trip(row), row);
  const std::map<int, std::list<std::pair<Walker, int>>> nested{{1, {{Walker(1), 2}}}, {2, {}}};
  EXPECT_EQ(round_trip(nested), nested);
}

// As many bytes as the vector, its count, and Boost's preamble of a class.
TEST(Members, CostAConstant) {
  EXPECT_EQ(rondo::packed_size(Walker(1000)) - rondo::packed_size(Walker(2000)), std::size_t(-8000));
  EXPECT_LT(rondo::packed_size(Walker(10)), 80 + 150u);
}

struct Versioned {
  int now = 0;
  mutable unsigned seen = 99;
  template <class Archive>
  void save(Archive& archive, const unsigned version) const {
    seen = version;
    archive << now;
  }
  template <class Archive>
  void load(Archive& archive, const unsigned version) {
    seen = version;
    archive >> now;
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

struct Outside {  // trivially copyable, but its free functions have the word
  int value = 0;
};
struct OutsideInBoost {
  int value = 0;
};

}  // namespace

BOOST_CLASS_VERSION(Versioned, 7)

namespace {
template <class Archive>
void serialize(Archive& archive, Outside& outside, const unsigned) {
  int doubled = outside.value * 2;
  archive& doubled;
  outside.value = doubled / 2 + 1;
}
}  // namespace
namespace boost::serialization {
template <class Archive>
void save(Archive& archive, const OutsideInBoost& outside, const unsigned) {
  const int bigger = outside.value + 1;
  archive << bigger;
}
template <class Archive>
void load(Archive& archive, OutsideInBoost& outside, const unsigned) {
  archive >> outside.value;
}
}  // namespace boost::serialization
BOOST_SERIALIZATION_SPLIT_FREE(OutsideInBoost)

namespace {

TEST(Versions, ReachTheClass) {
  Versioned value;
  value.now = 5;
  const Versioned back = round_trip(value);
  EXPECT_EQ(value.seen, 7u);
  EXPECT_EQ(back.seen, 7u);
  EXPECT_EQ(back.now, 5);
}

TEST(FreeFunctions, AreFoundBesideTheTypeAndInBoost) {
  static_assert(std::is_trivially_copyable_v<Outside> && !rondo::travels_as_bytes<Outside>);
  static_assert(std::is_trivially_copyable_v<OutsideInBoost> && !rondo::travels_as_bytes<OutsideInBoost>);
  EXPECT_GT(round_trip(Outside{4}).value, 4);
  EXPECT_EQ(round_trip(OutsideInBoost{4}).value, 5);
  EXPECT_EQ(round_trip(std::vector<OutsideInBoost>(3))[2].value, 1);
}

struct NoDefault {
  const int size;
  double value = 0;
  explicit NoDefault(int s) : size(s) {}
  bool operator==(const NoDefault&) const = default;
  auto operator<=>(const NoDefault&) const = default;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& value;
  }
};

}  // namespace
namespace boost::serialization {
template <class Archive>
void save_construct_data(Archive& archive, const NoDefault* value, const unsigned) {
  archive << value->size;
}
template <class Archive>
void load_construct_data(Archive& archive, NoDefault* value, const unsigned) {
  int size = 0;
  archive >> size;
  ::new (value) NoDefault(size);
}
}  // namespace boost::serialization
namespace {

TEST(Construction, WithoutADefaultConstructorGoesByBoostsFunctions) {
  std::list<NoDefault> row;
  for (int i = 0; i < 9; ++i) row.emplace_back(i).value = i * 0.5;
  EXPECT_EQ(round_trip(row), row);
  const std::set<NoDefault> sorted(row.begin(), row.end());
  EXPECT_EQ(round_trip(sorted), sorted);
  std::map<int, std::pair<int, NoDefault>> map;
  map.emplace(1, std::pair(2, NoDefault(3)));
  EXPECT_EQ(round_trip(map), map);
  const std::optional<std::tuple<NoDefault, NoDefault>> tuple(std::in_place, NoDefault(4), NoDefault(5));
  EXPECT_EQ(round_trip(tuple), tuple);
  auto owned = std::make_unique<NoDefault>(7);
  owned->value = 8;
  std::unique_ptr<NoDefault> back;
  round_trip(owned, back);
  EXPECT_EQ(*back, *owned);
  // an object that exists already keeps what its constructor was given
  NoDefault here(1);
  round_trip(*owned, here);
  EXPECT_EQ(here.size, 1);
  EXPECT_EQ(here.value, 8);
}

// Boost's wrappers for memory, which matrix libraries use.
struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<double> elements;
  int raw[3] = {};
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& rows& columns;
    elements.resize(rows * columns);
    archive& boost::serialization::make_array(elements.data(), elements.size());
    archive& boost::serialization::make_binary_object(raw, sizeof raw);
  }
  bool operator==(const Matrix&) const = default;
};

TEST(Wrappers, OfArraysAndOfBinaryObjects) {
  const Matrix matrix{30, 20, std::vector<double>(600, 1.25), {1, 2, 3}};
  EXPECT_EQ(round_trip(matrix), matrix);
  EXPECT_LT(rondo::packed_size(matrix), 600 * 8 + 100u);
}

struct Pinned {  // neither copied nor moved
  int value = 0;
  std::vector<int> more;
  Pinned() = default;
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& value& more;
  }
};

TEST(Identity, IsNoObstacle) {
  Pinned pinned, back;
  pinned.value = 3;
  pinned.more = {1, 2};
  round_trip(pinned, back);
  EXPECT_EQ(back.value, 3);
  EXPECT_EQ(back.more, pinned.more);
  std::list<Pinned> row(3), row_back;
  row.back().value = 9;
  round_trip(row, row_back);
  EXPECT_EQ(row_back.back().value, 9);
  std::map<int, Pinned> map, map_back;
  map[4].value = 5;
  round_trip(map, map_back);
  EXPECT_EQ(map_back.at(4).value, 5);
}

// A base class without data shares its address with what comes after it.
struct Mixin {};
struct WithMixin : Mixin {
  int kept = 7;  // not sent
  int sent = 0;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& boost::serialization::base_object<Mixin>(*this) & sent;
  }
};

TEST(BaseClasses, WithoutDataTouchNothing) {
  WithMixin value, back;
  value.kept = 1;
  value.sent = 2;
  round_trip(value, back);
  EXPECT_EQ(back.kept, 7);
  EXPECT_EQ(back.sent, 2);
}

struct Fickle {
  static inline int calls = 0;
  int value = 0;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    archive& value;
    if (Archive::is_saving::value && ++calls % 2 == grows) archive& value;
  }
  static inline int grows = 0;
};

TEST(TwoPasses, ThatDifferAreATypedErrorAndNoOverrun) {
  for (const int grows : {0, 1}) {  // longer than counted, or shorter
    Fickle::calls = 0;
    Fickle::grows = grows;
    rondo::Buffer buffer;
    EXPECT_THROW(rondo::pack(std::vector<Fickle>(1), buffer), rondo::SerializationError);
    EXPECT_TRUE(buffer.empty());
  }
}

struct Thrower {
  template <class Archive>
  void serialize(Archive&, const unsigned) {
    throw std::runtime_error("the user's own words");
  }
};

TEST(Exceptions, OfTheUserPassUnchanged) {
  rondo::Buffer buffer;
  rondo::pack(1, buffer);
  try {
    rondo::pack(Thrower(), buffer);
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "the user's own words");
  }
  EXPECT_EQ(buffer.size(), sizeof(int));
}

// Counts are 64 bits wide: 3 GB of a class that only says where its memory is; nothing is read to count it.
struct Huge {
  static inline double* volatile memory = nullptr;
  template <class Archive>
  void serialize(Archive& archive, const unsigned) {
    if constexpr (Archive::is_saving::value) {
      archive& boost::serialization::make_array(static_cast<double*>(memory), std::size_t{400'000'000});
    }
  }
};

TEST(Sizes, Beyond32BitsAreExact) {
  EXPECT_GE(rondo::packed_size(Huge()), 3'200'000'000u);
  EXPECT_LT(rondo::packed_size(Huge()), 3'200'000'100u);
  EXPECT_GT(rondo::packed_size(std::vector<Huge>(3)), 9'600'000'000u);
}

}  // namespace
