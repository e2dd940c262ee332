// Values of every container come back as they went, and a message is exactly as long as announced.
#include <gtest/gtest.h>

#include <rondo/serialization.hpp>

namespace {
template <class T>
T round_trip(const T& value) {
  rondo::Buffer buffer;
  rondo::pack(value, buffer);
  EXPECT_EQ(buffer.size(), rondo::packed_size(value));
  T back{};
  rondo::unpack(buffer, back);
  return back;
}
struct Holder {
  std::vector<double> v;
  std::map<std::string, std::vector<std::string>> m;
  template <class A>
  void serialize(A& a, unsigned) {
    a& v& m;
  }
  bool operator==(const Holder&) const = default;
};
TEST(Serialization, First) {
  EXPECT_EQ(round_trip(1.5), 1.5);
  std::map<std::string, std::vector<std::string>> m{{"a", {"b", "c"}}, {"d", {}}};
  EXPECT_EQ(round_trip(m), m);
  Holder h{{1, 2, 3}, m};
  EXPECT_EQ(round_trip(h), h);
  std::vector<Holder> hs{h, h};
  EXPECT_EQ(round_trip(hs), hs);
}
}  // namespace
