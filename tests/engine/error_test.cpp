// Failures of updates and wrong arguments: what the error says is true, and the master goes on to be used.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

// The state counts its updates. An update with a negative input counts and then throws; the output is the count.
class Count : public Update<int, int, int> {
 public:
  int update(int& state, const int& input, const Call& call) override {
    ++state;
    if (input == -2) throw 5;
    if (input < 0) throw std::runtime_error("no " + std::to_string(value(call.id())));
    return state;
  }
};
using CountMaster = Master<Count>;
using Ints = std::vector<int>;

template <class Function>
UpdateError update_error(const Function& call) {
  try {
    call();
  } catch (const UpdateError& error) {
    return error;
  }
  ADD_FAILURE() << "no UpdateError";
  return {"", {}, {}};
}

template <class Function>
InputError input_error(const Function& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error;
  }
  ADD_FAILURE() << "no InputError";
  return {"", {}};
}

bool says(const Error& error, const std::string& text) {
  return std::string(error.what()).find(text) != std::string::npos;
}

std::vector<StateId> failed(const UpdateError& error) {
  std::vector<StateId> ids;
  for (const UpdateFailure& failure : error.failures()) ids.push_back(failure.state);
  return ids;
}

// Every state stands in the list, once and in order, and has counted what the list says, and one more if it failed.
void expect_true_progress(CountMaster& master, const UpdateError& error, const Ints& before, bool rollback) {
  const Ints states = master.states();
  const std::vector<StateId> failures = failed(error);
  ASSERT_EQ(error.progress().size(), states.size());
  for (std::size_t i = 0; i < states.size(); ++i) {
    const StateProgress& progress = error.progress()[i];
    EXPECT_EQ(progress.state, master.ids()[i]);
    const bool one_more = !rollback && std::binary_search(failures.begin(), failures.end(), master.ids()[i]);
    EXPECT_EQ(states[i], before[i] + static_cast<int>(progress.updates) + (one_more ? 1 : 0));
  }
}

TEST(Failure, OneOfManyUpdatesThrows) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=3"}, [](CountMaster& master) {
              const std::vector<StateId> ids = master.reset(Ints(50, 0));
              Ints inputs(50, 1);
              inputs[20] = -1;
              const UpdateError error = update_error([&] { (void)master.update(inputs); });
              ASSERT_EQ(failed(error), std::vector<StateId>{ids[20]});
              const UpdateFailure& failure = error.failures().front();
              EXPECT_EQ(failure.text, "no 20");
              EXPECT_EQ(failure.round, 0U);
              EXPECT_GE(value(failure.rank), 1);
              EXPECT_LE(static_cast<std::size_t>(value(failure.rank)), master.workers());
              EXPECT_EQ(error.what(), "update of state 20 on rank " + std::to_string(value(failure.rank)) +
                                          " in round 0: no 20");
              EXPECT_EQ(error.progress()[20].updates, 0U);
              expect_true_progress(master, error, Ints(50, 0), false);
              EXPECT_EQ(master.ids(), ids);

              master.reset(Ints(50, 0));
              EXPECT_EQ(master.update(1), Ints(50, 1));
            }));
}

TEST(Failure, AllUpdatesThrow) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=4"}, [](CountMaster& master) {
              master.reset(Ints(50, 0));
              for (std::uint64_t round = 0; round < 20; ++round) {
                const Ints before = master.states();
                const UpdateError error = update_error([&] { (void)master.update(-1); });
                // no worker starts a second update after its first has failed
                EXPECT_LE(error.failures().size(), master.workers());
                for (const UpdateFailure& failure : error.failures()) EXPECT_EQ(failure.round, round);
                expect_true_progress(master, error, before, false);
              }
              EXPECT_EQ(master.update(1).size(), 50U);
            }));
}

TEST(Failure, NoFurtherUpdateStarts) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=1"}, [](CountMaster& master) {
              if (master.workers() > 1) return;  // the others are in the middle of theirs
              master.reset(Ints(100, 0));
              Ints inputs(100, 1);
              inputs[0] = -1;  // nothing is known of their costs, so they run in order
              const UpdateError error = update_error([&] { (void)master.update(inputs); });
              for (const StateProgress& progress : error.progress()) EXPECT_EQ(progress.updates, 0U);
            }));
}

TEST(Failure, WhatIsThrownNeedNotBeAnException) {
  EXPECT_EQ(0, run_with<Count>({}, [](CountMaster& master) {
              master.reset(Ints(5, 0));
              const UpdateError error = update_error([&] { (void)master.update(-2); });
              EXPECT_TRUE(says(error, "an exception of type int: 5")) << error.what();
              expect_true_progress(master, error, Ints(5, 0), false);
            }));
}

TEST(Failure, WithRollbackAStateThatFailedIsAsBefore) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=2", "--rondo-rollback"}, [](CountMaster& master) {
              master.reset({10, 20, 30, 40});
              const UpdateError error = update_error([&] { (void)master.update(Ints{-1, 1, -1, 1}); });
              expect_true_progress(master, error, {10, 20, 30, 40}, true);
            }));
}

TEST(Failure, InAForkTheIdsAreTheChildren) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=3"}, [](CountMaster& master) {
              const std::vector<StateId> ids = master.reset({10, 20, 30});
              const std::map<StateId, Ints> inputs{{ids[0], {1, 1}}, {ids[1], {}}, {ids[2], {1, -1, 1}}};
              const UpdateError error = update_error([&] { (void)master.update(inputs); });
              ASSERT_EQ(failed(error), std::vector<StateId>{StateId{6}});
              const std::vector<StateId> children{StateId{3}, StateId{4}, StateId{5}, StateId{6}, StateId{7}};
              EXPECT_EQ(master.ids(), children);
              expect_true_progress(master, error, {10, 10, 30, 30, 30}, false);
            }));
}

TEST(Failure, InEvolveEveryStateHasDoneItsOwnNumberOfRounds) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=3"}, [](CountMaster& master) {
              master.reset(Ints(30, 0));
              Ints inputs(40, 1);
              inputs[25] = -1;
              std::size_t rounds = 0;
              const UpdateError error = update_error([&] {
                master.evolve(inputs, [&](std::size_t round, std::span<const int> outputs) {
                  EXPECT_EQ(round, rounds++);
                  EXPECT_TRUE(std::ranges::all_of(
                      outputs, [&](int each) { return each == static_cast<int>(round) + 1; }));
                });
              });
              for (const UpdateFailure& failure : error.failures()) EXPECT_EQ(failure.round, 25U);
              for (const StateProgress& progress : error.progress()) {
                EXPECT_GE(progress.updates, rounds);
                EXPECT_LE(progress.updates, 25U);
              }
              expect_true_progress(master, error, Ints(30, 0), false);
              EXPECT_EQ(master.update(1).size(), 30U);
            }));
}

// ---- the program's own functions throw

struct Enough {};

TEST(Failure, AnExceptionOfTheSinkReachesTheCaller) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=3"}, [](CountMaster& master) {
              for (std::size_t last = 0; last < 5; ++last) {
                master.reset(Ints(20, 0));
                std::size_t calls = 0;
                EXPECT_THROW(master.evolve(Ints(5, 1),
                                           [&](std::size_t round, std::span<const int>) {
                                             ++calls;
                                             if (round == last) throw Enough();
                                           }),
                             Enough);
                EXPECT_EQ(calls, last + 1);
                for (const int state : master.states()) EXPECT_GE(state, static_cast<int>(last) + 1);
                EXPECT_EQ(master.update(1).size(), 20U);
              }
            }));
}

TEST(Failure, AnExceptionOfTheInputRangeReachesTheCaller) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=3"}, [](CountMaster& master) {
              master.reset(Ints(20, 0));
              for (const int last : {0, 1, 7}) {
                auto inputs = std::views::iota(0, 100) | std::views::transform([&](int i) {
                                if (i == last) throw Enough();
                                return 1;
                              });
                EXPECT_THROW(master.evolve(inputs, [](std::size_t, std::span<const int>) {}), Enough);
                EXPECT_EQ(master.update(1).size(), 20U);
              }
              for (const int state : master.states()) EXPECT_LE(state, 1 + 7 + 3);
            }));
}

// As many as may be, and no more: until the first one is complete, and then as others are.
TEST(Rounds, SoManyAreOpenAtATime) {
  for (const std::size_t ahead : {1, 2, 7})
    for (const bool by_option : {false, true})
      EXPECT_EQ(0, run_with<Count>(
                       {"--rondo-workers=3", "--rondo-rounds-ahead=" + std::to_string(by_option ? ahead : 3)},
                       [&](CountMaster& master) {
                         master.reset(Ints(5, 0));
                         std::size_t pulled = 0, complete = 0;
                         const auto inputs = std::views::iota(0, 30) | std::views::transform([&](int) {
                                               ++pulled;
                                               EXPECT_LE(pulled - complete, ahead);
                                               return 1;
                                             });
                         const auto sink = [&](std::size_t, std::span<const int>) {
                           ++complete;
                           EXPECT_GE(pulled, ahead) << "as many as may be at first";
                         };
                         master.evolve(inputs, sink, by_option ? 0 : ahead);
                         EXPECT_EQ(complete, 30U);
                       }));
}

TEST(Failure, TheSinkCannotUseTheMaster) {
  EXPECT_EQ(0, run_with<Count>({"--rondo-workers=3"}, [](CountMaster& master) {
              master.reset(Ints(4, 0));
              std::size_t rounds = 0;
              const std::vector<std::uint32_t> offspring(4, 1);
              const std::vector<double> hints(4, 1.0);
              const auto sink = [&](std::size_t, std::span<const int>) {
                ++rounds;
                EXPECT_THROW((void)master.update(1), InputError);
                EXPECT_THROW((void)master.update(Ints(4, 1)), InputError);
                EXPECT_THROW(master.evolve(Ints(1, 1), [](std::size_t, std::span<const int>) {}), InputError);
                EXPECT_THROW(master.reset(Ints(4, 1)), InputError);
                EXPECT_THROW(master.resample(offspring), InputError);
                EXPECT_THROW(master.share({}), InputError);
                EXPECT_THROW(master.hint(hints), InputError);
                EXPECT_THROW((void)master.states(), InputError);
                EXPECT_THROW((void)master.state(StateId{0}), InputError);
                EXPECT_THROW((void)master.profile(), InputError);
                EXPECT_EQ(master.size(), 4U);  // a look is no use
                EXPECT_EQ(master.ids().size(), 4U);
              };
              master.evolve(Ints(10, 1), sink);
              EXPECT_EQ(rounds, 10U);
              EXPECT_EQ(master.states(), Ints(4, 10));
            }));
}

// ---- wrong arguments

TEST(WrongInput, IsRefusedByNameBeforeAnythingIsSent) {
  EXPECT_EQ(
      0, run_with<Count>({"--rondo-workers=3"}, [](CountMaster& master) {
        master.reset({0});
        const std::vector<StateId> ids = master.reset(Ints(4, 0));  // 1 to 4
        const std::uint64_t messages = master.profile().master_messages;
        using Ids = std::vector<StateId>;

        InputError error = input_error([&] { (void)master.update(Ints(2, 1)); });
        EXPECT_EQ(error.ids(), (Ids{ids[2], ids[3]}));
        EXPECT_TRUE(says(error, "none for state 3, 4")) << error.what();
        error = input_error([&] { (void)master.update(Ints(5, 1)); });
        EXPECT_TRUE(error.ids().empty());
        EXPECT_TRUE(says(error, "5 inputs for 4 states")) << error.what();

        std::map<StateId, Ints> forks{{ids[0], {1}}, {ids[2], {}}, {StateId{0}, {1}}, {StateId{99}, {}}};
        error = input_error([&] { (void)master.update(forks); });
        EXPECT_EQ(error.ids(), (Ids{ids[1], ids[3], StateId{0}, StateId{99}}));
        EXPECT_TRUE(says(error, "no entry for state 2, 4")) << error.what();
        EXPECT_TRUE(says(error, "there is no state 0, 99")) << error.what();

        const std::vector<std::uint32_t> few(3, 1), many(5, 1);
        error = input_error([&] { master.resample(few); });
        EXPECT_EQ(error.ids(), Ids{ids[3]});
        EXPECT_TRUE(says(error, "state 4")) << error.what();
        EXPECT_TRUE(input_error([&] { master.resample(many); }).ids().empty());
        const std::vector<std::uint32_t> huge(4, std::numeric_limits<std::uint32_t>::max());
        error = input_error([&] { master.resample(huge); });
        EXPECT_TRUE(says(error, "17179869180 children")) << error.what();

        for (const double wrong :
             {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
          error = input_error([&] { master.hint(std::vector<double>{1, 1, wrong, 1}); });
          EXPECT_EQ(error.ids(), Ids{ids[2]});
          EXPECT_TRUE(says(error, "state 3")) << error.what();
        }
        EXPECT_EQ(input_error([&] { master.hint(std::vector<double>(3, 1.0)); }).ids(), Ids{ids[3]});

        for (const std::uint64_t wrong : {0, 5, 1000}) {
          error = input_error([&] { (void)master.state(StateId{wrong}); });
          EXPECT_EQ(error.ids(), Ids{StateId{wrong}});
          EXPECT_TRUE(says(error, "no state " + std::to_string(wrong) + ": 4 states have ids from 1 to 4"))
              << error.what();
        }

        // the answers to the first profile(), and what the second one sends
        EXPECT_EQ(master.profile().master_messages, messages + 2 * master.workers());
        EXPECT_EQ(master.ids(), ids);
        EXPECT_EQ(master.update(1), Ints(4, 1));
      }));
}

TEST(WrongInput, TheTextStaysALineAndTheErrorHasAllIds) {
  EXPECT_EQ(0, run_with<Count>({}, [](CountMaster& master) {
              const std::vector<StateId> ids = master.reset(Ints(1000, 0));
              const InputError error = input_error([&] { (void)master.update(Ints()); });
              EXPECT_EQ(error.ids(), ids);
              EXPECT_TRUE(says(error, "and 990 more")) << error.what();
            }));
}

}  // namespace
}  // namespace rondo::test
