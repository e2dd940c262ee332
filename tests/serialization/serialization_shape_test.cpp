// What of a type is seen before its bytes are read, without running any of its code.
#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include <boost/serialization/version.hpp>

#include <rondo/detail/shape.hpp>
#include <rondo/rondo.hpp>

namespace rondo::test {
namespace {

using detail::shape_of;

// ---- aggregates that travel as bytes: one name, other fields

enum class Colour : std::uint8_t {};
struct Real {
  double a;
  std::int64_t b;
};
struct Whole {
  std::int64_t a;
  double b;
};
struct Row {
  double a[2];
};
struct Nested {
  struct {
    double a;
    float b, c;
  } in;
  Row rows[2];
};
struct Standard {
  std::array<float, 4> a;
  bool b;
};
struct Others {
  int a;
  Colour b;
  std::complex<double> c;
  Row d;
};
struct Long {
  double a[100];
};
struct Single {
  long double a;
};
struct None {};

template <class T>
std::vector<std::string_view> fields() {
  return detail::Fields<T>::names();
}

struct Later {  // what Real might become
  double a;
  double b;
};

TEST(Shape, SeesTheNumbersInsideAnAggregate) {
  using Names = std::vector<std::string_view>;
  EXPECT_EQ(fields<Real>(), (Names{"d", "l"}));
  EXPECT_EQ(fields<Whole>(), (Names{"l", "d"}));
  EXPECT_EQ(fields<Row>(), (Names{"d", "d"}));
  EXPECT_EQ(fields<Nested>(), (Names{"d", "f", "f", "d", "d", "d", "d"}));
  EXPECT_EQ(fields<Standard>(), (Names{"f", "f", "f", "f", "b"}));
  EXPECT_EQ(fields<Others>(), (Names{"i", "?", "?", "d", "d"}));
  EXPECT_EQ(fields<Long>(), Names(32, "d"));
  EXPECT_EQ(fields<Single>(), (Names{"e"}));
  EXPECT_EQ(fields<None>(), Names());
}

template <class T>
std::uint64_t shape_with_the_name_of_another() {
  detail::Shape shape;
  for (const std::string_view field : detail::Fields<T>::names()) shape.add(field);
  return shape.hash();
}

TEST(Shape, DiffersWhereAnAggregateHasOtherNumbers) {
  EXPECT_NE(shape_with_the_name_of_another<Real>(), shape_with_the_name_of_another<Whole>());
  EXPECT_NE(shape_with_the_name_of_another<Real>(), shape_with_the_name_of_another<Later>());
  EXPECT_EQ(shape_with_the_name_of_another<Row>(), shape_with_the_name_of_another<Later>());
}

// ---- whatever a type does when it is made or read is not done for this

template <int tag>
class Untouchable {
 public:
  Untouchable() { ADD_FAILURE() << "made"; }

 private:
  friend class boost::serialization::access;
  template <class Archive>
  void serialize(Archive&, unsigned) {
    ADD_FAILURE() << "read";
  }
};

TEST(Shape, DiffersWithTheTypesThatATypeIsMadeOf) {
  using A = Untouchable<0>;
  using B = Untouchable<1>;
  const std::vector<std::uint64_t> all{shape_of<A>(),
                                       shape_of<B>(),
                                       shape_of<A*>(),
                                       shape_of<std::vector<A>>(),
                                       shape_of<std::vector<B>>(),
                                       shape_of<std::vector<int>>(),
                                       shape_of<std::vector<unsigned>>(),
                                       shape_of<std::map<int, std::vector<A>>>(),
                                       shape_of<std::map<int, std::vector<B>>>(),
                                       shape_of<std::optional<A>>(),
                                       shape_of<std::variant<int, double>>(),
                                       shape_of<std::variant<double, int>>(),
                                       shape_of<std::tuple<int, A>>(),
                                       shape_of<std::tuple<A, int>>(),
                                       shape_of<std::array<double, 3>>(),
                                       shape_of<std::array<double, 4>>(),
                                       shape_of<std::unique_ptr<A>>(),
                                       shape_of<std::shared_ptr<A>>(),
                                       shape_of<double>(),
                                       shape_of<Real>(),
                                       shape_of<Whole>()};
  EXPECT_EQ(std::set<std::uint64_t>(all.begin(), all.end()).size(), all.size());
  EXPECT_EQ(shape_of<const A*>(), shape_of<A*>());
}

// ---- a class may get a serialize() or lose it, and its name stays: then its bytes are others

struct Plain {
  int a;
};
struct Serialized {
  int a;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a;
  }
};

std::uint64_t shape_behind_the_name(auto describe, const char* name) {
  detail::Shape without;
  without.add(name);
  detail::Shape with;
  describe(with);
  return without.hash() == with.hash() ? 0 : with.hash();
}

TEST(Shape, OfAClassWithASerializeIsNotItsNameAlone) {
  EXPECT_NE(shape_behind_the_name([](auto& shape) { shape.template describe<Serialized>(); },
                                  typeid(Serialized).name()),
            0U);
  EXPECT_NE(
      shape_behind_the_name([](auto& shape) { shape.template describe<Plain>(); }, typeid(Plain).name()), 0U);
}

}  // namespace
}  // namespace rondo::test
