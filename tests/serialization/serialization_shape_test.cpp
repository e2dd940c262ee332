// Which changes of a type are seen before its bytes are read: two types of one name that are read alike have one shape,
// others another.
#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/serialization/base_object.hpp>
#include <boost/serialization/split_member.hpp>

#include <rondo/detail/shape.hpp>
#include <rondo/rondo.hpp>

namespace rondo::test {
namespace {

template <class T>
std::uint64_t shape() {
  detail::Shape shape;
  shape.note_type<T>();
  return shape.hash();
}

// ---- what stands in one serialize(), chosen at run time: the name stays, the parts change

int variant_of_parts = 0;

struct Parts {
  double real = 0;
  std::int64_t whole = 0;
  std::vector<double> row;
  std::vector<float> thin_row;
  std::map<int, std::string> names;
  std::optional<int> perhaps;
  std::variant<int, double> either;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    switch (variant_of_parts) {
      case 0: archive& real& whole; break;
      case 1: archive& whole& real; break;  // the same sizes
      case 2: archive& real; break;
      case 3: archive& real& whole& whole; break;
      case 4: archive& row; break;
      case 5: archive& thin_row; break;
      case 6: archive& names; break;
      case 7: archive& perhaps; break;
      case 8: archive& either; break;
      case 9: break;
    }
  }
};

TEST(Shape, ChangesWithWhatASerializeAsksForAndOnlyWithThat) {
  std::set<std::uint64_t> direct, held;
  for (variant_of_parts = 0; variant_of_parts < 10; ++variant_of_parts) {
    EXPECT_EQ(shape<Parts>(), shape<Parts>());
    direct.insert(shape<Parts>());
    held.insert(shape<std::map<int, std::vector<std::optional<Parts>>>>());
  }
  EXPECT_EQ(direct.size(), 10u);
  EXPECT_EQ(held.size(), 10u);
  variant_of_parts = 0;
}

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

// ---- what a serialize() may do with what it reads, which is nothing

struct Node {
  int count;  // left as it is by the constructor
  std::unique_ptr<Node> next;
  std::vector<Node> children;
  Node() {}  // NOLINT
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& count& next& children;
    for (int i = 0; i < count; ++i) archive& children[static_cast<std::size_t>(i)];
  }
};

class Abstract {
 public:
  virtual ~Abstract() = default;
  virtual int what() const = 0;
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};

struct Base {
  double in_base = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& in_base;
  }
};

class Handle : public Base {
  std::unique_ptr<std::vector<double>> held_;  // made by load() alone
  double* raw_ = nullptr;
  Abstract* abstract_ = nullptr;
  friend class boost::serialization::access;
  template <class Archive>
  void save(Archive& archive, unsigned) const {
    archive << boost::serialization::base_object<Base>(*this) << *held_;
  }
  template <class Archive>
  void load(Archive& archive, unsigned) {
    archive >> boost::serialization::base_object<Base>(*this);
    std::vector<double> read;
    std::unique_ptr<Base> base;
    Base* other = nullptr;
    archive >> boost::serialization::make_nvp("read", read) >> base >> other >> abstract_;
    base->in_base = other->in_base;  // never null in what was saved
    delete other;
    held_ = std::make_unique<std::vector<double>>(std::move(read));
    double numbers[3];
    archive >> boost::serialization::make_array(numbers, 3);
    archive.load_binary(numbers, sizeof numbers);
    if (numbers[2] != 0) throw std::logic_error("not a zero");
    static_cast<void>(raw_);
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

TEST(Shape, IsMadeFromDefaultMadeObjectsThatAreOnlyLoadedInto) {
  EXPECT_EQ(shape<Node>(), shape<Node>());
  EXPECT_EQ(shape<Handle>(), shape<Handle>());
  EXPECT_NE(shape<Handle>(), shape<std::vector<Handle>>());
}

int variant_of_endless = 0;
struct Endless {
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (variant_of_endless == 1) throw std::runtime_error("cannot bear zeros");
    if (variant_of_endless == 2) archive& variant_of_endless;
    for (int tag = 0; tag != 1;) archive& tag;
  }
};

TEST(Shape, OfASerializeThatCannotBearZerosIsOfWhatItHasAskedForBefore) {
  const std::uint64_t endless = shape<Endless>();
  EXPECT_EQ(shape<Endless>(), endless);
  variant_of_endless = 1;
  EXPECT_NE(shape<Endless>(), endless);
  EXPECT_EQ(shape<Endless>(), shape<Endless>());
}

int variant_of_versioned = 0;
struct Versioned {
  double a = 0;
  int b = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned version) {
    if (variant_of_versioned == 1 && version > 1) archive& b;
    archive& a;
  }
};

}  // namespace
}  // namespace rondo::test

BOOST_CLASS_VERSION(rondo::test::Versioned, 2)

namespace rondo::test {
namespace {

TEST(Shape, OfAClassWithAVersionIsItsName) {
  const std::uint64_t before = shape<std::vector<Versioned>>();
  variant_of_versioned = 1;
  EXPECT_EQ(shape<std::vector<Versioned>>(), before);
}

}  // namespace
}  // namespace rondo::test
