// Equal values have equal bytes, whatever was in the memory between their members.
#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <cstring>
#include <memory>
#include <new>
#include <tuple>
#include <utility>
#include <vector>

#include <rondo/serialization.hpp>

namespace {

struct Padded {
  char kind;
  double value;
  short tail;
};
struct Bits {
  unsigned low : 3;
  unsigned high : 7;
  double value;
};
struct Nested {
  Padded inner[2];
  char last;
};
struct Empty {};

// The packed bytes of objects in memory that was full of this. `write` sets every member.
template <class T, class Write>
std::vector<std::byte> packed_over(int rubbish, const Write& write) {
  constexpr std::size_t kCount = 3;
  alignas(T) static std::byte memory[kCount * sizeof(T)];
  std::memset(memory, rubbish, sizeof memory);
  T* const objects = reinterpret_cast<T*>(memory);
  for (std::size_t i = 0; i < kCount; ++i) write(objects[i]);
  rondo::Buffer out;
  rondo::pack(objects[0], out);
  rondo::pack(reinterpret_cast<const std::array<T, kCount>&>(memory), out);
  const rondo::Bytes bytes = out;
  return {bytes.begin(), bytes.end()};
}

template <class T, class Write>
void expect_same_bytes(const Write& write) {
  static_assert(rondo::travels_as_bytes<T>);
  const std::vector<std::byte> zeros = packed_over<T>(0, write);
  EXPECT_EQ(zeros.size(), 4 * sizeof(T));
  EXPECT_EQ(packed_over<T>(0xff, write), zeros);
  EXPECT_EQ(packed_over<T>(0x5a, write), zeros);
}

template <class T, class Write>
T expect_round_trip(const Write& write) {
  T value{};
  write(value);
  rondo::Buffer out;
  rondo::pack(std::vector<T>{value, value}, out);
  std::vector<T> back;
  rondo::unpack(out, back);
  EXPECT_EQ(back.size(), 2U);
  return back.back();
}

TEST(Gaps, OfPairsAndTuplesAreZeros) {
  const auto pair = [](std::pair<int, double>& value) { value.first = 7, value.second = -1.5; };
  expect_same_bytes<std::pair<int, double>>(pair);
  EXPECT_EQ((expect_round_trip<std::pair<int, double>>(pair)), (std::pair{7, -1.5}));

  using Three = std::tuple<char, double, short>;
  const auto three = [](Three& value) {
    std::get<0>(value) = 'x', std::get<1>(value) = -2.5, std::get<2>(value) = 3;
  };
  expect_same_bytes<Three>(three);
  EXPECT_EQ(expect_round_trip<Three>(three), Three('x', -2.5, 3));

  using Inside = std::pair<char, std::array<std::pair<char, int>, 2>>;
  expect_same_bytes<Inside>([](Inside& value) {
    value.first = 'a';
    for (auto& each : value.second) each.first = 'b', each.second = -1;
  });
}

// An empty part may lie inside of another one, whose bytes are its own.
TEST(Gaps, EmptyPartsOfATupleTakeNothingFromTheOthers) {
  using Sparse = std::tuple<Empty, int, Empty, char>;
  const auto sparse = [](Sparse& value) { std::get<1>(value) = -1, std::get<3>(value) = -1; };
  const Sparse back = expect_round_trip<Sparse>(sparse);
  EXPECT_EQ(std::get<1>(back), -1);
  EXPECT_EQ(std::get<3>(back), -1);
}

#if __has_builtin(__builtin_clear_padding)
TEST(Gaps, OfClassesAreZeros) {
  const auto padded = [](Padded& value) { value.kind = 'k', value.value = 1.25, value.tail = -1; };
  expect_same_bytes<Padded>(padded);
  const Padded back = expect_round_trip<Padded>(padded);
  EXPECT_EQ(std::tie(back.kind, back.value, back.tail), std::make_tuple('k', 1.25, short{-1}));

  expect_same_bytes<Nested>([&](Nested& value) {
    for (Padded& each : value.inner) padded(each);
    value.last = 'l';
  });
  expect_same_bytes<Bits>([](Bits& value) { value.low = 5, value.high = 100, value.value = 1; });
  expect_same_bytes<std::pair<char, Padded>>([&](auto& value) { value.first = 'p', padded(value.second); });
  expect_same_bytes<std::tuple<Padded, char>>(
      [&](auto& value) { padded(std::get<0>(value)), std::get<1>(value) = 'q'; });
}

TEST(Gaps, OfLongDoublesAreZeros) {
  expect_same_bytes<long double>([](long double& value) { value = -1.5L; });
  expect_same_bytes<std::complex<long double>>([](auto& value) { value = {1.5L, -2.5L}; });
  EXPECT_EQ(expect_round_trip<long double>([](long double& value) { value = -1.5L; }), -1.5L);
}
#endif

// Nothing else is touched: all bits of these are values.
TEST(Gaps, TypesWithoutAnyAreWrittenAsTheyAre) {
  using Full = std::pair<std::array<int, 2>, double>;
  const auto ones = [](auto& value) { std::memset(static_cast<void*>(&value), 0xff, sizeof value); };
  for (const std::byte each : packed_over<Full>(0, ones)) EXPECT_EQ(each, std::byte{0xff});
  for (const std::byte each : packed_over<std::complex<float>>(0, ones)) EXPECT_EQ(each, std::byte{0xff});
}

}  // namespace
