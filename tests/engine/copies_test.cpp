// Copies of a state share no memory with it, whatever its copy constructor does: outputs are those of states that were copied
// by hand, on any number of workers.
#include <gtest/gtest.h>

#include <array>
#include <complex>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

// ---- states that hold one int each, which their copy constructor shares

using Pointer = std::shared_ptr<int>;

class Hidden {
 public:
  Hidden() : number_(std::make_shared<int>(0)) {}
  [[nodiscard]] int& number() { return *number_; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive&* number_;
  }

 private:
  std::shared_ptr<int> number_;
};

// Two pointers of one state to one int: they have to stay one.
struct Twins {
  Pointer a = std::make_shared<int>(0);
  Pointer b = a;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b;
  }
};

int& number_of(Pointer& state) {
  if (!state) state = std::make_shared<int>(0);
  return *state;
}
int& number_of(Hidden& state) { return state.number(); }
int& number_of(Twins& state) {
  if (state.a != state.b) throw std::runtime_error("the twins have been parted");
  return *state.a;
}
template <class T>
int& number_of(std::vector<T>& state) {
  if (state.empty()) state.emplace_back();
  return number_of(state.front());
}
template <class T>
int& number_of(std::optional<T>& state) {
  if (!state) state.emplace();
  return number_of(*state);
}
template <class T>
int& number_of(std::map<int, T>& state) {
  return number_of(state[1]);
}
template <class... T>
int& number_of(std::variant<T...>& state) {
  return number_of(std::get<1>(state));
}
template <class T>
int& number_of(std::pair<int, T>& state) {
  return number_of(state.second);
}
template <class T>
int& number_of(std::array<T, 2>& state) {
  return number_of(state[1]);
}
int& number_of(std::vector<int>& state) {
  state.resize(1);
  return state.front();
}
int& number_of(std::vector<std::unique_ptr<int>>& state) {
  if (state.empty()) state.push_back(std::make_unique<int>(0));
  return *state.front();
}

constexpr int kThrows = 1000;

// Adds the input, and throws after it has done so if the sum is odd and the input a kThrows.
template <class State>
class Add : public Update<State, int, int> {
 public:
  int update(State& state, const int& input, const typename Update<State, int, int>::Call&) override {
    int& number = number_of(state);
    number += input;
    if (input == kThrows && (number & 1) != 0) throw std::runtime_error("odd");
    return number;
  }
};

template <class State>
State holding(int number) {
  State state{};
  if constexpr (std::is_same_v<State, std::variant<double, Pointer>>) state = Pointer();
  number_of(state) = number;
  return state;
}

template <class State>
class Copies : public testing::Test {
 protected:
  static std::vector<State> states(const std::vector<int>& numbers) {
    std::vector<State> all;
    for (const int number : numbers) all.push_back(holding<State>(number));
    return all;
  }
  static std::vector<int> numbers(Master<Add<State>>& master) {
    std::vector<int> all;
    for (State& state : master.states()) all.push_back(number_of(state));
    return all;
  }
};
using States =
    testing::Types<Pointer, Hidden, Twins, std::vector<Pointer>, std::vector<Hidden>, std::optional<Pointer>,
                   std::map<int, Twins>, std::variant<double, Pointer>, std::pair<int, Hidden>,
                   std::array<Pointer, 2>, std::vector<int>, std::vector<std::unique_ptr<int>>>;
TYPED_TEST_SUITE(Copies, States, );

TYPED_TEST(Copies, OfAResampleAreOnTheirOwn) {
  for (const char* workers : {"--rondo-workers=1", "--rondo-workers=3"}) {
    EXPECT_EQ(0, run_with<Add<TypeParam>>({workers}, [](Master<Add<TypeParam>>& master) {
                master.reset(TestFixture::states({0, 10, 20}));
                master.resample(std::vector<std::uint32_t>{2, 0, 5});
                EXPECT_EQ(master.update(1), (std::vector<int>{1, 1, 21, 21, 21, 21, 21}));
                master.resample(std::vector<std::uint32_t>{1, 1, 2, 1, 1, 1, 1});
                EXPECT_EQ(master.update(1), (std::vector<int>{2, 2, 22, 22, 22, 22, 22, 22}));
                EXPECT_EQ(TestFixture::numbers(master), (std::vector<int>{2, 2, 22, 22, 22, 22, 22, 22}));
              }));
  }
}

TYPED_TEST(Copies, OfForksAreOnTheirOwn) {
  EXPECT_EQ(0, run_with<Add<TypeParam>>({"--rondo-workers=2"}, [](Master<Add<TypeParam>>& master) {
              const std::vector<StateId> ids = master.reset(TestFixture::states({0, 10}));
              (void)master.update({{ids[0], {1, 2, 3, 4}}, {ids[1], {5, 6}}});
              EXPECT_EQ(TestFixture::numbers(master), (std::vector<int>{1, 2, 3, 4, 15, 16}));
            }));
}

TYPED_TEST(Copies, ForARollbackAreOnTheirOwn) {
  EXPECT_EQ(0, run_with<Add<TypeParam>>({"--rondo-workers=2", "--rondo-rollback"},
                                        [](Master<Add<TypeParam>>& master) {
                                          master.reset(TestFixture::states({2, 3, 4}));
                                          EXPECT_EQ(master.update(2), (std::vector<int>{4, 5, 6}));
                                          EXPECT_THROW((void)master.update(kThrows), UpdateError);
                                          const std::vector<int> after = TestFixture::numbers(master);
                                          EXPECT_EQ(after[1], 5);
                                          EXPECT_EQ(master.update(0)[1], 5);
                                        }));
}

// ---- which types are copied by their copy constructor

struct Plain {
  double x[3];
  int n;
};
template <class... Members>
struct Open;
template <class A, class B>
struct Open<A, B> {
  A a;
  B b;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& a& b;
  }
};
struct Tree {
  double x;
  std::vector<Tree> children;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x& children;
  }
};
struct SharingTree {
  Pointer x;
  std::vector<SharingTree> children;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x& children;
  }
};
class Closed {
  std::vector<double> x_;

 public:
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& x_;
  }
};
class Trusted : public Closed {};
struct ByState {
  std::shared_ptr<int> shared;
  bool operator()(int a, int b) const { return a < b; }
};

}  // namespace
}  // namespace rondo::test

template <>
inline constexpr bool rondo::copies_deeply<rondo::test::Trusted> = true;

namespace rondo::test {
namespace {

using detail::is_deep;

static_assert(is_deep<int>() && is_deep<Plain>() && is_deep<std::string>());
static_assert(is_deep<std::vector<double>>() && is_deep<std::vector<bool>>());
static_assert(is_deep<std::map<std::string, std::vector<Plain>>>());
static_assert(is_deep<std::unordered_map<int, std::optional<std::tuple<int, std::string>>>>());
static_assert(is_deep<std::variant<Plain, std::array<std::string, 3>>>());
static_assert(is_deep<std::pair<int, double>>() && is_deep<std::complex<float>>());
static_assert(is_deep<Trusted>() && is_deep<std::vector<Trusted>>());
static_assert(is_deep<Open<std::vector<double>, std::map<int, Open<std::string, Plain>>>>());
static_assert(is_deep<Tree>() && is_deep<std::optional<Tree>>());

static_assert(!is_deep<Pointer>() && !is_deep<std::vector<Pointer>>());
static_assert(!is_deep<Hidden>() && !is_deep<std::map<int, std::optional<Hidden>>>());
static_assert(!is_deep<Closed>() && !is_deep<Open<int, Closed>>());
static_assert(!is_deep<Open<int, Pointer>>() && !is_deep<Open<Hidden, int>>() && !is_deep<SharingTree>());
static_assert(!is_deep<Open<double, Open<int, Tree*>>>() && !is_deep<Open<double[2], int*>>());
static_assert(!is_deep<std::tuple<int, std::string, Pointer>>());
static_assert(!is_deep<std::unique_ptr<int>>() && !is_deep<std::vector<std::unique_ptr<int>>>());
static_assert(!is_deep<std::set<int, ByState>>(), "its comparison shares what it holds");
static_assert(!is_deep<std::set<int, std::function<bool(int, int)>>>());

// A class that says so is copied by its copy constructor, and so is a vector of numbers; a class that says nothing is packed.
struct Counted {
  int number = 0;
  Counted() = default;
  Counted(const Counted& other) : number(other.number) { ++copies; }
  Counted& operator=(const Counted&) = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& number;
  }
  static inline int copies = 0;
};
int& number_of(Counted& state) { return state.number; }
struct TrustedCounted : Counted {};
int& number_of(TrustedCounted& state) { return state.number; }

}  // namespace
}  // namespace rondo::test

template <>
inline constexpr bool rondo::copies_deeply<rondo::test::TrustedCounted> = true;

namespace rondo::test {
namespace {

template <class State>
int copies_by_the_kernel() {
  const auto kernel = detail::make_program<Add<State>>([] { return Add<State>(); }).make_kernel();
  const detail::Object state = kernel->make_state();
  Counted::copies = 0;
  const detail::Object copy = kernel->copy_state(state.get());
  EXPECT_EQ(copy != nullptr, is_deep<State>());
  return Counted::copies;
}

TEST(CopyConstructor, IsUsedWhereTheTypeSaysThatItIsSafe) {
  EXPECT_EQ(copies_by_the_kernel<Counted>(), 0);
  EXPECT_EQ(copies_by_the_kernel<TrustedCounted>(), 1);
}

}  // namespace
}  // namespace rondo::test
