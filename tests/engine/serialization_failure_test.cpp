// A serialize() of the program's that throws, on the master or on a worker: the call fails, the master goes on.
#include <gtest/gtest.h>

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

struct Unpackable : std::runtime_error {
  Unpackable() : std::runtime_error("cannot be packed") {}
};
struct Unreadable : std::runtime_error {
  Unreadable() : std::runtime_error("cannot be unpacked") {}
};

constexpr int kUnpackable = 1000;
constexpr int kUnreadable = 2000;

// An int with two values that serialize() does not like, and perhaps some load.
template <int tag>
struct Number {
  int value = 0;
  std::vector<double> load;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (Archive::is_saving::value && value == kUnpackable) throw Unpackable();
    archive& value& load;
    if (Archive::is_loading::value && value == kUnreadable) throw Unreadable();
  }
};
using State = Number<0>;
using Input = Number<1>;
using Output = Number<2>;
using Context = Number<3>;

class Add : public Update<State, Input, Output, Context> {
 public:
  Output update(State& state, const Input& input, const Call& call) override {
    return {state.value += input.value + call.context().value, {}};
  }
};
using AddMaster = Master<Add>;

constexpr int kStates = 12;

std::vector<State> some_states() {
  std::vector<State> states(kStates);
  for (int i = 0; i < kStates; ++i) states[static_cast<std::size_t>(i)].value = i;
  return states;
}

std::vector<Input> inputs_with(std::size_t at, int value) {
  std::vector<Input> inputs(kStates);
  inputs[at].value = value;
  return inputs;
}

std::vector<std::string> batches() { return {"--rondo-workers=3", "--rondo-batch=1"}; }

// The master is as good as new.
void expect_usable(AddMaster& master) {
  master.share({});
  master.reset(some_states());
  const std::vector<Output> outputs = master.update(Input{1, {}});
  ASSERT_EQ(outputs.size(), static_cast<std::size_t>(kStates));
  for (int i = 0; i < kStates; ++i) EXPECT_EQ(outputs[static_cast<std::size_t>(i)].value, i + 1);
}

template <class Function>
void expect_update_error(const std::string& text, const Function& call) {
  try {
    call();
    ADD_FAILURE() << "no UpdateError";
  } catch (const UpdateError& error) {
    ASSERT_FALSE(error.failures().empty());
    for (const UpdateFailure& failure : error.failures())
      EXPECT_NE(failure.text.find(text), std::string::npos) << failure.text;
  }
}

TEST(SerializationFailure, OfAnInputOnTheMaster) {
  EXPECT_EQ(0, run_with<Add>(batches(), [](AddMaster& master) {
              const std::vector<StateId> ids = master.reset(some_states());
              EXPECT_THROW((void)master.update(Input{kUnpackable, {}}), Unpackable);
              for (const std::size_t at : {0, 5, kStates - 1})
                expect_update_error("the input cannot be packed: cannot be packed",
                                    [&] { (void)master.update(inputs_with(at, kUnpackable)); });
              EXPECT_EQ(master.ids(), ids);
              std::vector<Input> rounds(6);
              rounds[3].value = kUnpackable;
              EXPECT_THROW(master.evolve(rounds, [](std::size_t, std::span<const Output>) {}), Unpackable);
              std::map<StateId, std::vector<Input>> forks;
              for (const StateId id : ids) forks[id] = {Input{1, {}}, Input{kUnpackable, {}}};
              expect_update_error("the input cannot be packed: cannot be packed",
                                  [&] { (void)master.update(forks); });
              expect_usable(master);
            }));
}

TEST(SerializationFailure, OfAnInputTellsWhichStatesWereUpdated) {
  EXPECT_EQ(0, run_with<Add>(batches(), [](AddMaster& master) {
              for (const std::size_t at : {0, 5, kStates - 1}) {
                master.reset(some_states());
                std::vector<Input> inputs(kStates, Input{1, {}});
                inputs[at].value = kUnpackable;
                try {
                  (void)master.update(inputs);
                  ADD_FAILURE() << "no UpdateError";
                } catch (const UpdateError& error) {
                  ASSERT_EQ(error.failures().size(), 1U);
                  EXPECT_EQ(error.failures()[0].state, master.ids()[at]);
                  EXPECT_EQ(error.failures()[0].rank, Rank{0});
                  const std::vector<State> states = master.states();
                  for (std::size_t i = 0; i < kStates; ++i)
                    EXPECT_EQ(states[i].value, static_cast<int>(i + error.progress()[i].updates)) << i;
                  EXPECT_EQ(error.progress()[at].updates, 0U);
                }
              }
            }));
}

TEST(SerializationFailure, OfAnInputOnAWorker) {
  EXPECT_EQ(
      0, run_with<Add>(batches(), [](AddMaster& master) {
        master.reset(some_states());
        expect_update_error("cannot be unpacked", [&] { (void)master.update(Input{kUnreadable, {}}); });
        // so big that it comes down the tree
        const Input big{kUnreadable, std::vector<double>(1 << 20)};
        expect_update_error("cannot be unpacked", [&] { (void)master.update(big); });
        expect_update_error("cannot be unpacked", [&] { (void)master.update(inputs_with(5, kUnreadable)); });
        std::vector<Input> rounds(6);
        rounds[3].value = kUnreadable;
        expect_update_error("cannot be unpacked",
                            [&] { master.evolve(rounds, [](std::size_t, std::span<const Output>) {}); });
        EXPECT_EQ(master.update(Input{}).size(), static_cast<std::size_t>(kStates));
        expect_usable(master);
      }));
}

TEST(SerializationFailure, OfAnOutputOnAWorker) {
  EXPECT_EQ(0, run_with<Add>(batches(), [](AddMaster& master) {
              master.reset(some_states());
              const int makes_it = kUnpackable - 3;
              expect_update_error("cannot be packed", [&] { (void)master.update(inputs_with(3, makes_it)); });
              expect_usable(master);
            }));
}

TEST(SerializationFailure, OfAnOutputOnTheMaster) {
  EXPECT_EQ(0, run_with<Add>(batches(), [](AddMaster& master) {
              master.reset(some_states());
              const std::vector<StateId> ids = master.ids();
              try {
                (void)master.update(inputs_with(3, kUnreadable - 3));
                ADD_FAILURE() << "no UpdateError";
              } catch (const UpdateError& error) {
                ASSERT_EQ(error.failures().size(), 1U);
                EXPECT_EQ(error.failures()[0].state, ids[3]);
                EXPECT_EQ(error.failures()[0].rank, Rank{0});
                EXPECT_EQ(error.failures()[0].text, "the output cannot be unpacked: cannot be unpacked");
                EXPECT_EQ(error.progress()[3].updates, 1U);
              }
              expect_usable(master);
            }));
}

// Without steals: the state is as unreadable as its output, and must not travel before the master has seen that.
TEST(SerializationFailure, OfAnOutputOnTheMasterInManyRounds) {
  EXPECT_EQ(0, run_with<Add>({"--rondo-workers=3", "--rondo-batch=off"}, [](AddMaster& master) {
              master.reset(some_states());
              (void)master.update(Input{1, {}});
              std::vector<Input> rounds(6);
              rounds[2].value = kUnreadable - 5;
              std::size_t complete = 0;
              expect_update_error("the output cannot be unpacked: cannot be unpacked", [&] {
                master.evolve(rounds, [&](std::size_t, std::span<const Output> outputs) {
                  for (std::size_t i = 0; i < outputs.size(); ++i)
                    EXPECT_EQ(outputs[i].value, 1 + static_cast<int>(i)) << "no output of the program's";
                  ++complete;
                });
              });
              EXPECT_LE(complete, 2U);
              expect_usable(master);
            }));
}

TEST(SerializationFailure, OfAContext) {
  EXPECT_EQ(0, run_with<Add>(batches(), [](AddMaster& master) {
              master.reset(some_states());
              EXPECT_THROW(master.share(Context{kUnpackable, {}}), Unpackable);
              EXPECT_EQ(master.update(Input{}).front().value, 0);
              master.share(Context{kUnreadable, {}});
              expect_update_error("cannot be unpacked", [&] { (void)master.update(Input{}); });
              master.share(Context{7, {}});
              for (const Output& output : master.update(Input{})) EXPECT_GE(output.value, 7);
              expect_usable(master);
            }));
}

// Half placed is not placed: no state is left.
TEST(SerializationFailure, OfAStateInAReset) {
  EXPECT_EQ(0, run_with<Add>(batches(), [](AddMaster& master) {
              const std::vector<StateId> old = master.reset(some_states());
              std::vector<State> states = some_states();
              states[7].value = kUnpackable;
              try {
                master.reset(states);
                ADD_FAILURE() << "no error";
              } catch (const Error& error) {
                EXPECT_STREQ(error.what(),
                             "state 7 of those given to reset() cannot be packed: cannot be packed");
              }
              EXPECT_EQ(master.size(), 0U);
              EXPECT_TRUE(master.states().empty());
              EXPECT_TRUE(master.update(Input{}).empty());
              EXPECT_GT(master.reset(some_states()).front(), old.back());
              expect_usable(master);
            }));
}

TEST(SerializationFailure, OfAStateThatIsFetched) {
  EXPECT_EQ(
      0, run_with<Add>({"--rondo-workers=3", "--rondo-batch=off"}, [](AddMaster& master) {
        const std::vector<StateId> ids = master.reset(some_states());
        for (const int value : {kUnpackable, kUnreadable}) {
          // the output is as bad as the state, so the update fails, but it has happened
          EXPECT_ANY_THROW((void)master.update(inputs_with(3, value - 3)));
          if (value == kUnpackable) {
            expect_update_error("it cannot be packed: cannot be packed", [&] { (void)master.states(); });
            expect_update_error("it cannot be packed: cannot be packed", [&] { (void)master.state(ids[3]); });
          } else {
            expect_update_error("it cannot be unpacked: cannot be unpacked", [&] { (void)master.states(); });
            try {
              (void)master.state(ids[3]);
            } catch (const Error& error) {
              EXPECT_EQ(error.what(), "state " + std::to_string(rondo::value(ids[3])) +
                                          " on rank 0: it cannot be unpacked: cannot be unpacked");
            }
          }
          EXPECT_EQ(master.state(ids[4]).value, 4);
          const int back = 3 - value;
          EXPECT_EQ(master.update(inputs_with(3, back))[3].value, 3);
          EXPECT_EQ(master.states()[3].value, 3);
        }
        expect_usable(master);
      }));
}

}  // namespace
}  // namespace rondo::test
