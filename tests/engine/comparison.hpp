// A random run: options, then calls of the master, each beside the pure model's.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "random_program.hpp"

namespace rondo::test {

inline std::vector<std::string> random_options(Dice& dice, std::uint64_t& random_seed, bool& rollback) {
  std::vector<std::string> options;
  // under a launcher its ranks are the workers, whatever this says
  if (const auto workers = dice.below(9); workers > 0)
    options.push_back("--rondo-workers=" + std::to_string(workers));
  switch (dice.below(4)) {
    case 0: options.push_back("--rondo-batch=" + std::to_string(1 + dice.below(1 + dice.below(40)))); break;
    case 1:
      if (dice.one_in(3)) options.push_back("--rondo-batch=off");
      break;
    default: break;
  }
  if (dice.one_in(3)) options.push_back("--rondo-master-works");
  if (dice.one_in(6)) options.push_back("--rondo-check");
  const bool relay = dice.one_in(2);
  if (relay) options.push_back("--rondo-relay=" + std::to_string(2 + dice.below(4)));
  if (dice.one_in(2)) options.push_back("--rondo-fanout=" + std::to_string(1 + dice.below(3)));
  if (dice.one_in(2)) options.push_back("--rondo-rounds-ahead=" + std::to_string(1 + dice.below(5)));
  if (dice.one_in(4)) options.push_back("--rondo-input-memory=" + std::to_string(1 + dice.below(1000)));
  if (dice.one_in(4)) options.push_back("--rondo-memory=100k");
  if (!relay && dice.one_in(2)) {  // nobody is lost here, but states are copied all the time
    options.push_back("--rondo-recover");
    options.push_back("--rondo-recover-every=" + std::to_string(1 + dice.below(4)));
  }
  random_seed = dice.one_in(2) ? dice.word() : 0;
  if (random_seed != 0) options.push_back("--rondo-seed=" + std::to_string(random_seed));
  rollback = dice.one_in(3);
  if (rollback) options.emplace_back("--rondo-rollback");
  return options;
}

// One run: calls of the master, each beside the model's.
class Comparison : private RandomProgram {
 public:
  Comparison(Master<Machine>& master, Dice& dice, Model& model, bool rollback)
      : RandomProgram(master, dice, model, {.rollback = rollback}) {}

  void go() {
    reset();
    const std::uint64_t calls = 4 + dice_.below(12);
    for (std::uint64_t i = 0; i < calls && !testing::Test::HasFailure(); ++i) {
      call();
      EXPECT_EQ(master_.ids(), model_.ids());
      EXPECT_EQ(master_.size(), model_.states.size());
      // not always: a fetch waits for copies that are under way, and the next call should meet them too
      if (dice_.one_in(3)) compare_states();
    }
    if (!dice_.one_in(3)) compare_states();  // or the end comes while states are on their way
  }

 private:
  void call() {
    const std::uint64_t what = dice_.below(20);
    SCOPED_TRACE("call " + std::to_string(what) + " on " + std::to_string(model_.states.size()) + " states");
    if (what < 1) return reset();
    if (what < 4) return update_shared();
    if (what < 6) return update_own();
    if (what < 8) return update_forks();
    if (what < 11) return evolve();
    if (what < 14) return resample();
    if (what < 15) return share();
    if (what < 16) return one_state();
    if (what < 17) return hint();
    if (what < 18) return failing_update();
    if (what < 19) return failing_evolve();
    return failing_sink();
  }

  void one_state() {
    if (model_.states.empty()) return;
    const StateId id = model_.ids()[dice_.below(model_.states.size())];
    EXPECT_TRUE(master_.state(id) == model_.states.at(id));
  }

  void hint() {
    std::vector<double> seconds(model_.states.size());
    for (double& each : seconds) each = 1e-6 * static_cast<double>(1 + dice_.below(1000));
    master_.hint(seconds);
  }

  void failing_evolve() {
    std::vector<Input> inputs = random_inputs(1 + dice_.below(8));
    if (dice_.one_in(2)) inputs.front().failing = 1;
    inputs.back().failing = 16;
    try {
      master_.evolve(
          inputs, [](std::size_t, std::span<const Output>) {}, dice_.below(5));
      EXPECT_TRUE(model_.states.empty());
      model_.round += inputs.size();
    } catch (const UpdateError& error) {
      follow(error, inputs, false);
      find_round(inputs.size());
    }
  }

  // A sink that throws: each state has done at least the rounds that the sink was given.
  void failing_sink() {
    struct Enough {};
    const std::vector<Input> inputs = random_inputs(1 + dice_.below(8));
    const std::size_t last = dice_.below(inputs.size());
    EXPECT_THROW(master_.evolve(
                     inputs,
                     [&](std::size_t round, std::span<const Output>) {
                       ASSERT_LE(round, last);
                       if (round == last) throw Enough{};
                     },
                     dice_.below(5)),
                 Enough);
    const std::vector<State> states = master_.states();
    ASSERT_EQ(states.size(), model_.states.size());
    std::size_t i = 0;
    for (auto& [id, state] : model_.states) {
      for (std::size_t k = 0; k <= last; ++k) (void)model_.step(state, id, inputs[k], model_.round + k);
      for (std::size_t k = last + 1; k < inputs.size() && !(state == states[i]); ++k)
        (void)model_.step(state, id, inputs[k], model_.round + k);
      EXPECT_TRUE(state == states[i++]) << "state " << value(id) << " is from no round at all";
    }
    if (model_.states.empty()) {  // nothing tells which round it is
      std::vector<State> one(1);
      model_.reset(one);
      EXPECT_EQ(master_.reset(std::move(one)), model_.ids());
    }
    find_round(inputs.size());
  }

  // How many rounds of a call that failed were open depends on the schedule.
  void find_round(std::size_t most) {
    const std::vector<Output> outputs = master_.update(Input{});
    ASSERT_FALSE(outputs.empty());
    EXPECT_GE(outputs.front().round, model_.round + 1);
    EXPECT_LE(outputs.front().round, model_.round + most);
    model_.round = outputs.front().round;
    EXPECT_TRUE(outputs == model_.update([](std::size_t) { return Input{}; }));
  }
};

}  // namespace rondo::test
