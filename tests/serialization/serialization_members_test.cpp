// Members that point into the memory of their process are seen at compile time, as far as members can be seen: a class that
// has one does not travel as bytes.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <bitset>
#include <chrono>
#include <complex>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <rondo/serialization.hpp>

namespace {

enum class Colour : std::uint8_t { red };
struct Empty {};
struct Given {
  explicit Given(int n) : n_(n) {}
  int n_;
};
struct MadeOfAnything {
  template <class T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, MadeOfAnything>) MadeOfAnything(T&&) {}  // NOLINT
  MadeOfAnything(const MadeOfAnything&) = default;
};

// ---- no pointers

struct Numbers {
  double a;
  int b[3];
  char c;
};
struct Nested {
  Numbers one;
  Numbers more[3];
  int matrix[2][3];
};
struct Standard {
  std::optional<int> a;
  std::variant<int, double> b;
  std::complex<double> c;
  std::array<int, 3> d;
  std::bitset<3> e;
  std::chrono::seconds f;
  long double g;
  Colour h;
  __extension__ __int128 i;
};
struct Bits {
  unsigned a : 3, b : 4;
  bool c : 1;
  const int d;
};
struct Derived : Empty {
  char a;
  Empty b;
};
struct LongRow {
  double row[1000];
  int last;
};
union Number {
  int whole;
  double real;
};
struct HasUnion {
  Number number;
  int tag;
};
struct HasGiven {
  double a;
  Given b;
  int c;
};
static_assert(std::is_aggregate_v<HasUnion> && std::is_aggregate_v<HasGiven> && std::is_aggregate_v<Derived>);

// ---- pointers, and what is like one

struct Pointer {
  double a;
  int* b;
};
struct Text {
  const char* text;
};
struct Function {
  int (*function)(int);
};
struct Method {
  int Given::*member;
};
struct Array {
  int* row[3];
};
struct AfterARow {
  double row[1000];
  int* last;
};
struct InANested {
  Numbers a;
  struct {
    struct {
      Pointer c;
    } b;
  } d;
};
struct InAnArrayOfClasses {
  int n;
  Pointer all[4];
};
struct Inherited : Pointer {
  int n;
};
struct View {
  int n;
  std::string_view text;
};
struct Span {
  std::span<double> row;
};
struct Place {
  std::vector<int>::iterator place;
};
struct Code {
  std::error_code code;
};
struct Optional {
  std::optional<int> a;
  std::optional<Pointer> b;
};
struct Variant {
  std::variant<double, int*> a;
};
struct StandardArray {
  std::array<const char*, 2> a;
};
struct Union {
  union {
    int* a;
    int b;
  } either;
};
struct AfterBits {
  unsigned a : 3, b : 4;
  int* c;
};
struct Linked {
  Linked* next;
  int n;
};
struct Reference {
  double a;
  int& b;
};
struct ConstReference {
  const double& a;
  int b;
};
struct AfterGiven {
  double a;
  Given b;
  int* c;
};

// ---- members that cannot be seen

class Private {
  int* hidden_ = nullptr;

 public:
  [[nodiscard]] int* hidden() const { return hidden_; }
};
struct HasPrivate {
  Private a;
};
struct HasAnything {
  MadeOfAnything a;
  int b;
};
struct AfterALongRow {
  double row[5000];
  int* last;
};

// ---- classes that decide for themselves

struct Serialized {
  int* owned = nullptr;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& owned[0];
  }
};
struct HoldsSerialized {
  Serialized inside;
};
struct MeansIt {
  int* into_a_table;
};
struct HoldsMeansIt {
  MeansIt a;
  double b;
};

}  // namespace

template <>
inline constexpr bool rondo::travels_as_bytes<MeansIt> = true;

namespace {

template <class... T>
constexpr bool all_bytes = (rondo::travels_as_bytes<T> && ...);
template <class... T>
constexpr bool none_travels = (!rondo::Serializable<T> && ...);

static_assert(
    all_bytes<Numbers, Nested, Standard, Bits, Derived, LongRow, Number, HasUnion, HasGiven, Empty>);
static_assert(all_bytes<HasPrivate, HasAnything, AfterALongRow>);
static_assert(all_bytes<MeansIt, HoldsMeansIt>);
static_assert(!rondo::travels_as_bytes<Serialized> && rondo::Serializable<Serialized>);

static_assert(none_travels<Pointer, Text, Function, Method, Array, AfterARow, InANested>);
static_assert(none_travels<InAnArrayOfClasses, Inherited, View, Span, Place, Code, Optional>);
static_assert(none_travels<Variant, StandardArray, Union, AfterBits, Linked, Reference, ConstReference>);
static_assert(none_travels<AfterGiven, HoldsSerialized, std::vector<int>::iterator>);

// Inside of what travels otherwise.
template <class T>
constexpr bool never =
    none_travels<T[2], std::array<T, 2>, std::vector<T>, std::optional<T>, std::variant<int, T>,
                 std::pair<int, T>, std::tuple<int, T>, std::map<int, T>, std::vector<std::array<T, 2>>>;
static_assert(never<Pointer> && never<Function> && never<View> && never<InANested> && never<Linked>);
static_assert(std::is_trivially_copyable_v<Pointer> && std::is_trivially_copyable_v<Reference>);

// What a compiler has checked, a run need not: but the test has to have been compiled.
TEST(Members, OfAClassThatMeansItTravelAsBytes) {
  EXPECT_EQ(rondo::packed_size(HoldsMeansIt{}), sizeof(HoldsMeansIt));
}

}  // namespace
