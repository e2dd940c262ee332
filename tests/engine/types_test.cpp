// What kinds of states, inputs, outputs and updates there can be.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

// ---- an update that only a factory can make, with scratch memory that cannot be copied

class Scaled : public Update<double, double, double> {
 public:
  Scaled(double factor, std::unique_ptr<std::vector<double>> scratch)
      : factor_(factor), scratch_(std::move(scratch)) {}
  double update(double& state, const double& input, const Call&) override {
    scratch_->assign(10, factor_);
    return state += input * scratch_->back();
  }

 private:
  double factor_;
  std::unique_ptr<std::vector<double>> scratch_;
};
static_assert(!std::is_default_constructible_v<Scaled> && !std::is_copy_constructible_v<Scaled>);

TEST(Types, AFactoryMakesUpdatesWithoutDefaultConstructor) {
  std::atomic<int> made = 0;
  CommandLine line({"--rondo-workers=3"});
  std::optional<std::size_t> workers;
  EXPECT_EQ(0, run<Scaled>(
                   line.argc, line.argv(),
                   [&made] {
                     ++made;
                     return Scaled(2, std::make_unique<std::vector<double>>());
                   },
                   [&](Master<Scaled>& master) {
                     master.reset({1, 2, 3, 4});
                     EXPECT_EQ(master.update(10), (std::vector<double>{21, 22, 23, 24}));
                     workers = master.workers();
                   }));
  // on threads all workers are in this process, on ranks one at most
  EXPECT_LE(made, workers ? static_cast<int>(*workers) : 1);
}

TEST(Types, AFactoryMayReturnAPointer) {
  CommandLine line;
  EXPECT_EQ(0, run<Scaled>(
                   line.argc, line.argv(),
                   [] { return std::make_unique<Scaled>(3, std::make_unique<std::vector<double>>()); },
                   [](Master<Scaled>& master) {
                     master.reset({1});
                     EXPECT_EQ(master.update(1), std::vector<double>{4});
                   }));
}

// ---- a state without default constructor that cannot be copied

class Locked {
 public:
  explicit Locked(std::string text) : text_(std::make_unique<std::string>(std::move(text))) {}
  [[nodiscard]] std::string& text() { return *text_; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive&* text_;
  }

 private:
  std::unique_ptr<std::string> text_;
};
static_assert(!std::is_default_constructible_v<Locked> && !std::is_copy_constructible_v<Locked>);

class Append : public Update<Locked, std::string, std::string> {
 public:
  static Locked empty_state() { return Locked(""); }
  std::string update(Locked& state, const std::string& input, const Call&) override {
    return state.text() += input;
  }
};

TEST(Types, AStateWithoutCopiesAndDefaultConstructorForks) {
  EXPECT_EQ(0, run_with<Append>({"--rondo-workers=3"}, [](Master<Append>& master) {
              std::vector<Locked> states;
              for (int i = 0; i < 5; ++i) states.emplace_back(std::to_string(i));
              const std::vector<StateId> ids = master.reset(std::move(states));
              std::map<StateId, std::vector<std::string>> inputs;
              for (const StateId id : ids) inputs[id];
              inputs[ids[1]] = {"a", "b", "c", "d"};
              inputs[ids[3]] = {"e"};
              auto result = master.update(inputs);
              std::string outputs;
              for (const auto& child : result[ids[1]]) outputs += child.output;
              EXPECT_EQ(outputs, "1a1b1c1d");
              EXPECT_EQ(result[ids[3]].front().output, "3e");
              std::string held;
              for (Locked& state : master.states()) held += state.text();
              EXPECT_EQ(held, "1a1b1c1d3e");
              EXPECT_EQ(master.state(master.ids().back()).text(), "3e");
            }));
}

TEST(Types, AStateWithoutCopiesIsRolledBack) {
  EXPECT_EQ(0, run_with<Append>({"--rondo-rollback"}, [](Master<Append>& master) {
              std::vector<Locked> states;
              states.emplace_back("a");
              master.reset(std::move(states));
              EXPECT_EQ(master.update("b").front(), "ab");
            }));
}

// ---- outputs

class Odd : public Update<int, int, bool> {
 public:
  bool update(int& state, const int& input, const Call&) override { return ((state += input) & 1) != 0; }
};

TEST(Types, OutputsMayBeBool) {
  EXPECT_EQ(0, run_with<Odd>({"--rondo-workers=3"}, [](Master<Odd>& master) {
              master.reset({0, 1, 2, 3, 4});
              EXPECT_EQ(master.update(1), (std::vector<bool>{true, false, true, false, true}));
              std::map<StateId, std::vector<int>> inputs;
              for (const StateId id : master.ids()) inputs[id] = {0, 1};
              for (const auto& [id, children] : master.update(inputs)) {
                ASSERT_EQ(children.size(), 2U);
                EXPECT_NE(children[0].output, children[1].output);
              }
              std::size_t odd = 0;
              master.evolve(std::vector<int>{1, 1, 1}, [&](std::size_t, std::span<const bool> outputs) {
                for (const bool each : outputs) odd += each ? 1 : 0;
              });
              EXPECT_EQ(odd, 15U);
            }));
}

struct Empty {};

class Silent : public Update<std::vector<int>, Empty, Empty> {
 public:
  Empty update(std::vector<int>& state, const Empty&, const Call&) override {
    state.push_back(1);
    return {};
  }
};

TEST(Types, InputsAndOutputsMayBeEmptyStructs) {
  EXPECT_EQ(0, run_with<Silent>({"--rondo-workers=3"}, [](Master<Silent>& master) {
              master.reset(std::vector<std::vector<int>>(10));
              EXPECT_EQ(master.update(Empty{}).size(), 10U);
              EXPECT_EQ(master.update(std::vector<Empty>(10)).size(), 10U);
              master.evolve(std::vector<Empty>(3), [](std::size_t, std::span<const Empty> outputs) {
                EXPECT_EQ(outputs.size(), 10U);
              });
              EXPECT_EQ(master.states(), std::vector<std::vector<int>>(10, std::vector<int>(5, 1)));
            }));
}

class Echo : public Update<Empty, std::vector<std::string>, std::vector<std::string>> {
 public:
  std::vector<std::string> update(Empty&, const std::vector<std::string>& input, const Call&) override {
    return input;
  }
};

TEST(Types, OutputsMayBeEmpty) {
  EXPECT_EQ(0, run_with<Echo>({"--rondo-workers=3"}, [](Master<Echo>& master) {
              using Strings = std::vector<std::string>;
              master.reset(std::vector<Empty>(4));
              EXPECT_EQ(master.update(Strings{}), std::vector<Strings>(4));
              const std::vector<Strings> inputs{{}, {"", ""}, {"a"}, {}};
              EXPECT_EQ(master.update(inputs), inputs);
            }));
}

// An input range that is not a container, and makes its values as they are pulled.
// ---- inputs in braces

template <class Input, class Look>
class Tell : public Update<int, Input, std::string> {
 public:
  std::string update(int& state, const Input& input, const Update<int, Input, std::string>::Call&) override {
    return std::to_string(state) + Look()(input);
  }
};
using Told = std::vector<std::string>;

struct Point {
  double x = 0, y = 0;
};
struct LookAtNumber {
  std::string operator()(double x) const {
    return std::string(" ").append(std::to_string(static_cast<int>(x)));
  }
};
struct LookAtPoint {
  std::string operator()(const Point& p) const { return LookAtNumber()(p.x) + LookAtNumber()(p.y); }
};
struct LookAtText {
  std::string operator()(const std::string& text) const { return " " + text; }
};
struct LookAtNumbers {
  std::string operator()(const std::vector<double>& all) const {
    std::string text;
    for (const double x : all) text += LookAtNumber()(x);
    return text;
  }
};

template <class Input, class Look, class Main>
void with_states_1_and_2(const Main& main) {
  CommandLine line({"--rondo-workers=2"});
  EXPECT_EQ(0, (run<Tell<Input, Look>>(line.argc, line.argv(), [&](Master<Tell<Input, Look>>& master) {
              master.reset({1, 2});
              main(master);
            })));
}

TEST(Types, InputsMayStandInBraces) {
  with_states_1_and_2<double, LookAtNumber>([](auto& master) {
    EXPECT_EQ(master.update({7., 8.}), (Told{"1 7", "2 8"}));
    EXPECT_EQ(master.update({7.}), (Told{"1 7", "2 7"})) << "one input, as without braces";
    EXPECT_EQ(master.update({}), (Told{"1 0", "2 0"}));
    EXPECT_THROW((void)master.update({7., 8., 9.}), InputError);
    const std::vector<double> inputs{3, 4};
    EXPECT_EQ(master.update(inputs), (Told{"1 3", "2 4"}));
  });
  with_states_1_and_2<std::string, LookAtText>([](auto& master) {
    EXPECT_EQ(master.update({"a", "b"}), (Told{"1 a", "2 b"}));
    EXPECT_EQ(master.update({"a"}), (Told{"1 a", "2 a"}));
    EXPECT_EQ(master.update("a"), (Told{"1 a", "2 a"}));
  });
}

TEST(Types, AnInputThatIsMadeFromBracesStandsInBraces) {
  with_states_1_and_2<Point, LookAtPoint>([](auto& master) {
    EXPECT_EQ(master.update({3., 4.}), (Told{"1 3 4", "2 3 4"}));
    EXPECT_EQ(master.update({{3., 4.}, {5., 6.}}), (Told{"1 3 4", "2 5 6"}));
    EXPECT_EQ(master.update({}), (Told{"1 0 0", "2 0 0"}));
  });
  with_states_1_and_2<std::vector<double>, LookAtNumbers>([](auto& master) {
    EXPECT_EQ(master.update({3., 4., 5.}), (Told{"1 3 4 5", "2 3 4 5"}));
    EXPECT_EQ(master.update({{3.}, {4., 5.}}), (Told{"1 3", "2 4 5"}));
  });
}

TEST(Types, ForksMayStandInBraces) {
  with_states_1_and_2<double, LookAtNumber>([](auto& master) {
    const std::vector<StateId> ids = master.ids();
    const auto children = master.update({{ids[0], {5., 6.}}, {ids[1], {}}});
    ASSERT_EQ(children.at(ids[0]).size(), 2U);
    EXPECT_EQ(children.at(ids[0])[1].output, "1 6");
    EXPECT_TRUE(children.at(ids[1]).empty());
  });
}

TEST(Types, EvolvePullsFromAnyInputRange) {
  EXPECT_EQ(0, run_with<Odd>({"--rondo-workers=3"}, [](Master<Odd>& master) {
              master.reset({0, 0});
              int pulled = 0;
              std::size_t done = 0;
              auto inputs = std::views::iota(0, 40) | std::views::transform([&](int i) {
                              ++pulled;
                              EXPECT_LE(static_cast<std::size_t>(i), done + 3);
                              return i % 2;
                            });
              master.evolve(
                  inputs, [&](std::size_t round, std::span<const bool>) { EXPECT_EQ(round, done++); }, 3);
              EXPECT_EQ(done, 40U);
              EXPECT_EQ(pulled, 40);
              EXPECT_EQ(master.states(), (std::vector<int>{20, 20}));
            }));
}

}  // namespace
}  // namespace rondo::test
