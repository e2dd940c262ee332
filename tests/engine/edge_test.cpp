// The edges of a run: nothing to do, very little, very much, and the ways out of main.
#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

// The state counts the sum of its inputs and tells it.
class Sum : public Update<std::int64_t, std::int64_t, std::int64_t> {
 public:
  std::int64_t update(std::int64_t& state, const std::int64_t& input, const Call&) override {
    return state += input;
  }
};

using SumMaster = Master<Sum>;
using Numbers = std::vector<std::int64_t>;

void expect_nothing_happens(SumMaster& master) {
  EXPECT_EQ(master.size(), 0U);
  EXPECT_TRUE(master.update(1).empty());
  EXPECT_TRUE(master.update(Numbers{}).empty());
  EXPECT_TRUE(master.update(std::map<StateId, Numbers>{}).empty());
  EXPECT_TRUE(master.resample(std::vector<std::uint32_t>{}).empty());
  EXPECT_TRUE(master.states().empty());
  master.hint(std::vector<double>{});
  std::size_t rounds = 0;
  master.evolve(Numbers{1, 2, 3}, [&](std::size_t round, std::span<const std::int64_t> outputs) {
    EXPECT_EQ(round, rounds++);
    EXPECT_TRUE(outputs.empty());
  });
  EXPECT_EQ(rounds, 3U);
}

TEST(Edge, AMasterWithoutStatesDoesNothing) {
  EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=3"}, [](SumMaster& master) {
              expect_nothing_happens(master);
              master.reset({});
              expect_nothing_happens(master);
              master.reset({1, 2, 3});
              EXPECT_EQ(master.update(1), (Numbers{2, 3, 4}));
              const std::vector<std::uint32_t> none(3, 0);
              EXPECT_TRUE(master.resample(none).empty());
              expect_nothing_happens(master);
              EXPECT_EQ(value(master.reset({7}).front()), 3U);
            }));
}

TEST(Edge, FewerStatesThanWorkers) {
  EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=8"}, [](SumMaster& master) {
              master.reset({10, 20});
              EXPECT_EQ(master.update(1), (Numbers{11, 21}));
              EXPECT_EQ(master.update(Numbers{1, 2}), (Numbers{12, 23}));
              std::int64_t expected = 12;
              master.evolve(Numbers(50, 1), [&](std::size_t, std::span<const std::int64_t> outputs) {
                EXPECT_EQ(outputs.front(), ++expected);
              });
              // one state becomes more than there are workers, and one again
              const std::vector<std::uint32_t> all{100, 0};
              EXPECT_EQ(master.resample(all).size(), 100U);
              EXPECT_EQ(master.update(0), Numbers(100, 62));
              std::vector<std::uint32_t> one(100, 0);
              one[57] = 1;
              master.resample(one);
              EXPECT_EQ(master.states(), Numbers{62});
            }));
}

TEST(Edge, OneWorker) {
  EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=1"}, [](SumMaster& master) {
              master.reset(Numbers(100, 1));
              for (int i = 0; i < 100; ++i) (void)master.update(1);
              EXPECT_EQ(master.states(), Numbers(100, 101));
            }));
}

TEST(Edge, TheOnlyWorkerIsTheMasters) {
  EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=1", "--rondo-master-works"}, [](SumMaster& master) {
              master.reset(Numbers(100, 1));
              for (int i = 0; i < 100; ++i) (void)master.update(1);
              EXPECT_EQ(master.states(), Numbers(100, 101));
            }));
}

TEST(Edge, TenThousandUpdatesOfNothing) {
  EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=3"}, [](SumMaster& master) {
              for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(master.update(1).empty());
              EXPECT_EQ(master.reset({5}).size(), 1U);
              EXPECT_EQ(master.update(1), Numbers{6});
            }));
}

TEST(Edge, ThousandsOfRoundsOfUpdatesThatTakeNoTime) {
  EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=3"}, [](SumMaster& master) {
              master.reset(Numbers(7, 0));
              for (int i = 0; i < 2'000; ++i) (void)master.update(1);
              std::size_t rounds = 0;
              master.evolve(Numbers(8'000, 1), [&](std::size_t, std::span<const std::int64_t>) { ++rounds; });
              EXPECT_EQ(rounds, 8'000U);
              EXPECT_EQ(master.states(), Numbers(7, 10'000));
            }));
}

TEST(Edge, AMillionStatesOfEightBytes) {
  EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=3"}, [](SumMaster& master) {
              constexpr std::size_t kStates = 1'000'000;
              Numbers states(kStates);
              std::iota(states.begin(), states.end(), 0);
              EXPECT_EQ(master.reset(states).size(), kStates);
              const Numbers outputs = master.update(1);
              std::vector<std::uint32_t> offspring(kStates);
              for (std::size_t i = 0; i < kStates; ++i) {
                ASSERT_EQ(outputs[i], static_cast<std::int64_t>(i) + 1);
                offspring[i] = i % 2 == 0 ? 2 : 0;
              }
              EXPECT_EQ(master.resample(offspring).size(), kStates);
              const Numbers inputs(kStates, 10);
              const Numbers after = master.update(inputs);
              EXPECT_EQ(master.states(), after);
              for (std::size_t i = 0; i < kStates; ++i)
                ASSERT_EQ(after[i], static_cast<std::int64_t>(i / 2 * 2) + 11);
            }));
}

// ---- sizes

class Grow : public Update<std::string, std::size_t, std::string> {
 public:
  std::string update(std::string& state, const std::size_t& input, const Call&) override {
    state.resize(state.size() + input, 'x');
    return state.substr(0, input);
  }
};

TEST(Edge, StatesInputsAndOutputsOfVeryDifferentSizes) {
  EXPECT_EQ(0, run_with<Grow>({"--rondo-workers=3"}, [](Master<Grow>& master) {
              std::vector<std::size_t> sizes{0, 1, 30'000'000, 5, 0, 300'000, 4096, 4097, 2, 0, 1'000'000};
              std::vector<std::string> states;
              for (const std::size_t size : sizes) states.emplace_back(size, 'x');
              master.reset(states);
              const std::vector<std::size_t> inputs{0, 5'000'000, 0, 0, 1, 1000, 0, 70'000, 3, 0, 0};
              const std::vector<std::string> outputs = master.update(inputs);
              for (std::size_t i = 0; i < sizes.size(); ++i) {
                EXPECT_EQ(outputs[i], std::string(inputs[i], 'x'));
                states[i] += outputs[i];
              }
              EXPECT_TRUE(master.states() == states);
              const std::vector<std::uint32_t> offspring{1, 1, 3, 1, 0, 2, 1, 1, 1, 1, 0};
              master.resample(offspring);
              std::vector<std::string> children;
              for (std::size_t i = 0; i < offspring.size(); ++i)
                children.insert(children.end(), offspring[i], states[i]);
              EXPECT_TRUE(master.states() == children);
            }));
}

// ---- context, rounds, random numbers

struct Seen {
  std::uint64_t round;
  std::uint64_t random;
  std::int64_t context;
};
struct Number {
  std::int64_t number = -1;
};

class Look : public Update<Nothing, Nothing, Seen, Number> {
 public:
  Seen update(Nothing&, const Nothing&, const Call& call) override {
    return {call.round(), call.random()(), call.context().number};
  }
};

TEST(Edge, AnUpdateSeesTheLatestContextAndItsRound) {
  EXPECT_EQ(0, run_with<Look>({"--rondo-workers=3", "--rondo-fanout=1"}, [](Master<Look>& master) {
              master.reset(std::vector<Nothing>(10));
              for (const Seen& seen : master.update(Nothing{})) {
                EXPECT_EQ(seen.context, -1);
                EXPECT_EQ(seen.round, 0U);
              }
              for (std::int64_t i = 0; i < 100; ++i) master.share({i});
              for (const Seen& seen : master.update(Nothing{})) {
                EXPECT_EQ(seen.context, 99);
                EXPECT_EQ(seen.round, 1U);
              }
              std::uint64_t round = 2;
              master.evolve(std::vector<Nothing>(5), [&](std::size_t, std::span<const Seen> all) {
                for (const Seen& seen : all) EXPECT_EQ(seen.round, round);
                ++round;
              });
            }));
}

TEST(Edge, RandomNumbersFollowTheSeedAlone) {
  const auto draw = [](std::vector<std::string> options) {
    std::vector<std::uint64_t> numbers;
    EXPECT_EQ(0, run_with<Look>(std::move(options), [&](Master<Look>& master) {
                master.reset(std::vector<Nothing>(20));
                for (int i = 0; i < 3; ++i)
                  for (const Seen& seen : master.update(Nothing{})) numbers.push_back(seen.random);
              }));
    return numbers;
  };
  const auto numbers = draw({"--rondo-workers=1"});
  EXPECT_EQ(numbers, draw({"--rondo-workers=5", "--rondo-batch=1"}));
  EXPECT_EQ(numbers, draw({"--rondo-seed=0", "--rondo-master-works"}));
  if (!numbers.empty())
    EXPECT_NE(numbers, draw({"--rondo-seed=1"}));
  else
    (void)draw({"--rondo-seed=1"});
}

// ---- the ways out of main

TEST(Edge, RunsFollowEachOtherInOneProcess) {
  for (std::int64_t i = 0; i < 5; ++i) {
    EXPECT_EQ(0, run_with<Sum>({}, [&](SumMaster& master) {
                EXPECT_EQ(value(master.reset({i}).front()), 0U);
                EXPECT_EQ(master.update(i), Numbers{2 * i});
              }));
    EXPECT_EQ(0, run_with<Grow>({}, [&](Master<Grow>& master) {
                master.reset({std::string(3, 'y')});
                EXPECT_EQ(master.update(2).front(), "yy");
              }));
  }
}

TEST(Edge, TheStatusIsWhatMainReturns) {
  EXPECT_EQ(42, run_with<Sum>({}, [](SumMaster& master) {
              master.reset({1, 2, 3});
              return 42;
            }));
  EXPECT_EQ(0, run_with<Sum>({}, [](SumMaster&) {}));
}

TEST(Edge, AMainThatThrowsFailsTheRunAndNotTheNextOne) {
  EXPECT_EQ(EXIT_FAILURE, run_with<Sum>({}, [](SumMaster& master) {
              master.reset(Numbers(100, 1));
              (void)master.update(1);
              throw std::runtime_error("thrown on purpose");
            }));
  EXPECT_EQ(EXIT_FAILURE, run_with<Sum>({}, [](SumMaster&) { throw 5; }));
  EXPECT_EQ(0, run_with<Sum>({}, [](SumMaster& master) {
              master.reset({1});
              EXPECT_EQ(master.update(1), Numbers{2});
            }));
}

// Copies of copies are still under way when main returns, and nothing of them reaches the next run.
TEST(Edge, AMainThatReturnsWithCopiesInFlight) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(0, run_with<Grow>({"--rondo-workers=4"}, [](Master<Grow>& master) {
                master.reset(std::vector<std::string>(4, std::string(500'000, 'x')));
                for (std::size_t k = 0; k < 8; ++k) {
                  std::vector<std::uint32_t> offspring(master.size(), 0);
                  offspring[k % master.size()] = 9;
                  master.resample(offspring);
                }
              }));
    EXPECT_EQ(0, run_with<Sum>({"--rondo-workers=4"}, [](SumMaster& master) {
                master.reset(Numbers(9, 1));
                EXPECT_EQ(master.update(1), Numbers(9, 2));
              }));
  }
}

TEST(Edge, ArgumentsOfTheProgramStay) {
  CommandLine line({"--size=3", "--rondo-batch=2", "file", "--", "--rondo-not-ours"});
  EXPECT_EQ(0, run<Sum>(line.argc, line.argv(), [](SumMaster&) {}));
  EXPECT_EQ(line.left(), (std::vector<std::string>{"test", "--size=3", "file", "--", "--rondo-not-ours"}));
}

}  // namespace
}  // namespace rondo::test
