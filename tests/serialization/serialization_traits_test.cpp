// Which types travel, and how: decided at compile time, so this test is its own compilation; the last test
// shows that the bytes agree.
#include <array>
#include <atomic>
#include <complex>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/serialization/access.hpp>
#include <boost/serialization/is_bitwise_serializable.hpp>

#include <rondo/serialization.hpp>

namespace {

struct Plain {
  double x;
  int n;
};
struct FinalPlain final {
  double x;
};
union Either {
  int i;
  float f;
};
class PrivateSerialize {
  friend class boost::serialization::access;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x;
  }
  int x;
};
struct Inherits : PrivateSerialize {};
struct FinalSerialize final {
  int x;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x;
  }
};
struct NeitherTemplateNorMember {
  int x;
};
struct Marked {  // serialize() for files, bytes for messages
  int x;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x;
  }
};
struct Overruled {
  int* into_a_table;
  explicit Overruled(int* p) : into_a_table(p) {}
  Overruled(const Overruled&) = delete;
};
struct Silent {
  std::string name;
};
struct Pinned {
  Pinned() = default;
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  int x;
};
struct Abstract {
  virtual ~Abstract() = default;
  virtual void f() = 0;
  template <class Archive>
  void serialize(Archive&, unsigned) {}
};
class FinalPrivate final {
  friend class boost::serialization::access;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& name;
  }
  std::string name;
};

}  // namespace

BOOST_IS_BITWISE_SERIALIZABLE(Marked)
template <>
inline constexpr bool rondo::travels_as_bytes<Overruled> = true;
namespace boost::serialization {
template <class Archive>
void serialize(Archive& archive, NeitherTemplateNorMember& value, const unsigned) {
  archive& value.x;
}
}  // namespace boost::serialization

namespace {

using rondo::Serializable;
using rondo::travels_as_bytes;

template <class... T>
constexpr bool all_bytes = (travels_as_bytes<T> && ...);
template <class... T>
constexpr bool none_bytes = (!travels_as_bytes<T> && ...);
template <class... T>
constexpr bool all_travel = (Serializable<T> && ...);
template <class... T>
constexpr bool none_travels = (!Serializable<T> && ...);

static_assert(
    all_bytes<bool, char, double, long double, Plain, const Plain, FinalPlain, Either, std::byte,
              std::complex<double>, Plain[3], Plain[3][4], std::array<Plain, 2>, std::pair<int, Plain>,
              std::tuple<char, std::pair<int, double>>, Marked, std::array<Overruled, 2>>);
static_assert(
    none_bytes<PrivateSerialize, Inherits, FinalSerialize, NeitherTemplateNorMember, std::string,
               std::vector<int>, std::optional<int>, std::variant<int>, std::array<int, 0>,
               std::pair<int, int*>, std::array<std::optional<double>, 2>, std::tuple<int, FinalSerialize>>);

static_assert(
    all_travel<Plain, PrivateSerialize, Inherits, FinalSerialize, FinalPrivate, NeitherTemplateNorMember,
               Marked, Overruled, std::vector<Plain>, std::vector<PrivateSerialize*>, Abstract*,
               std::unique_ptr<Abstract>, std::shared_ptr<const Abstract>, std::shared_ptr<const int>,
               std::map<std::string, std::unique_ptr<std::vector<Plain>>>, std::optional<FinalSerialize>>);

// what refers to memory of its process
static_assert(
    none_travels<int*, const char*, void*, void (*)(), int Plain::*, std::nullptr_t, std::string_view,
                 std::span<int>, std::span<const Plain, 4>, std::reference_wrapper<int>,
                 std::initializer_list<int>, std::error_code, std::unique_ptr<int*>, Plain*,
                 std::array<int*, 2>, std::pair<int, int*>, std::tuple<std::string_view>, std::tuple<int&>,
                 std::optional<int*>, std::variant<int, const char*>, std::vector<std::string_view>,
                 std::map<int, std::span<int>>, std::unique_ptr<int[]>>);
// what does not say how
static_assert(
    none_travels<Silent, std::vector<Silent>, std::map<Silent, int>, Pinned, std::atomic<int>, std::mutex,
                 std::function<void()>, std::filesystem::path, std::shared_ptr<Silent>>);

TEST(Traits, AgreeWithTheSizeOfMessages) {
  EXPECT_EQ(rondo::packed_size(Plain{}), sizeof(Plain));
  EXPECT_EQ(rondo::packed_size(Marked{}), sizeof(Marked));
  EXPECT_GT(rondo::packed_size(PrivateSerialize()), sizeof(PrivateSerialize));
  EXPECT_GT(rondo::packed_size(FinalSerialize{}), sizeof(FinalSerialize));
}

}  // namespace
