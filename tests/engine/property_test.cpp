// Whatever a program does with its master, on whatever number of workers: ids, outputs and states equal the pure model.
//
// One seed is one run: random options, then a random sequence of calls. RONDO_TEST_SEEDS sets how many seeds there are,
// RONDO_TEST_SEED the first one; a failure prints its seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "model.hpp"

namespace rondo::test {
namespace {

class Machine : public Update<State, Input, Output, Context> {
 public:
  Output update(State& state, const Input& input, const Call& call) override {
    if (input.delay > 0) {
      const std::chrono::microseconds delay(mix(value(call.id()), input.program) % input.delay);
      const auto end = std::chrono::steady_clock::now() + delay;
      while (std::chrono::steady_clock::now() < end) {
      }
    }
    return apply(state, input, call);
  }
};

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t word() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

std::vector<std::string> random_options(Dice& dice, std::uint64_t& random_seed, bool& rollback) {
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
  if (dice.one_in(2)) options.push_back("--rondo-relay=" + std::to_string(2 + dice.below(4)));
  if (dice.one_in(2)) options.push_back("--rondo-fanout=" + std::to_string(1 + dice.below(3)));
  if (dice.one_in(2)) options.push_back("--rondo-rounds-ahead=" + std::to_string(1 + dice.below(5)));
  if (dice.one_in(4)) options.push_back("--rondo-input-memory=" + std::to_string(1 + dice.below(1000)));
  if (dice.one_in(4)) options.push_back("--rondo-memory=100k");
  if (dice.one_in(4)) {  // nobody is lost here, but states are copied all the time
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
class Comparison {
 public:
  Comparison(Master<Machine>& master, Dice& dice, Model& model, bool rollback)
      : master_(master), dice_(dice), model_(model), rollback_(rollback) {}

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
    compare_states();
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

  Input random_input() {
    Input input;
    for (std::uint64_t n = dice_.below(8); n > 0; --n) input.program = input.program << 4 | dice_.below(16);
    if (slow_) input.delay = static_cast<std::uint32_t>(dice_.below(200));
    input.words.resize(dice_.below(4));
    if (dice_.one_in(50)) input.words.resize(200'000);  // big enough to go down the tree
    for (std::uint64_t& word : input.words) word = dice_.word();
    return input;
  }

  std::vector<Input> random_inputs(std::size_t count) {
    std::vector<Input> inputs(count);
    for (Input& input : inputs) input = random_input();
    return inputs;
  }

  void reset() {
    slow_ = dice_.one_in(2);
    std::vector<State> states(dice_.one_in(8) ? 0 : dice_.below(dice_.one_in(3) ? 6 : 60));
    for (State& state : states) {
      state.words.resize(dice_.below(dice_.one_in(10) ? 20'000 : 20), dice_.word());
      state.name = std::string(dice_.below(30), 'a');
    }
    model_.reset(states);
    EXPECT_EQ(master_.reset(std::move(states)), model_.ids());
  }

  void update_shared() {
    const Input input = random_input();
    EXPECT_TRUE(master_.update(input) == model_.update([&](std::size_t) { return input; }));
  }

  void update_own() {
    const std::vector<Input> inputs = random_inputs(model_.states.size());
    EXPECT_TRUE(master_.update(inputs) == model_.update([&](std::size_t i) { return inputs[i]; }));
  }

  std::map<StateId, std::vector<Input>> random_forks() {
    std::map<StateId, std::vector<Input>> inputs;
    const std::uint64_t most = model_.states.size() > 100 ? 2 : 4;
    for (const StateId id : model_.ids()) inputs[id] = random_inputs(dice_.below(most));
    return inputs;
  }

  void update_forks() {
    const std::map<StateId, std::vector<Input>> inputs = random_forks();
    std::vector<Input> flat;
    std::vector<std::uint32_t> offspring;
    for (const auto& [id, mine] : inputs) {
      offspring.push_back(static_cast<std::uint32_t>(mine.size()));
      flat.insert(flat.end(), mine.begin(), mine.end());
    }
    const auto result = master_.update(inputs);

    const std::vector<StateId> parents = model_.ids();
    model_.resample(offspring);
    const std::vector<StateId> children = model_.ids();
    const std::vector<Output> outputs = model_.update([&](std::size_t i) { return flat[i]; });
    std::size_t next = 0;
    ASSERT_EQ(result.size(), parents.size());
    for (std::size_t i = 0; i < parents.size(); ++i) {
      ASSERT_EQ(result.at(parents[i]).size(), offspring[i]);
      for (const Child<Output>& child : result.at(parents[i])) {
        EXPECT_EQ(child.id, children[next]);
        EXPECT_TRUE(child.output == outputs[next]);
        ++next;
      }
    }
  }

  void evolve() {
    const std::vector<Input> inputs = random_inputs(dice_.below(12));
    std::size_t rounds = 0;
    master_.evolve(
        inputs,
        [&](std::size_t round, std::span<const Output> outputs) {
          EXPECT_EQ(round, rounds++);
          const std::vector<Output> expected = model_.update([&](std::size_t) { return inputs[round]; });
          EXPECT_TRUE(std::equal(outputs.begin(), outputs.end(), expected.begin(), expected.end()));
        },
        dice_.below(5));
    EXPECT_EQ(rounds, inputs.size());
  }

  void resample() {
    std::vector<std::uint32_t> offspring(model_.states.size());
    const std::uint64_t most = model_.states.size() > 100 ? 2 : 4;
    for (std::uint32_t& count : offspring) count = static_cast<std::uint32_t>(dice_.below(most));
    // all weight on one state: its copies go everywhere
    if (!offspring.empty() && dice_.one_in(3)) {
      std::fill(offspring.begin(), offspring.end(), 0);
      offspring[dice_.below(offspring.size())] = static_cast<std::uint32_t>(dice_.below(60));
    }
    model_.resample(offspring);
    EXPECT_EQ(master_.resample(offspring), model_.ids());
  }

  void share() {
    Context context;
    context.words.resize(dice_.below(dice_.one_in(10) ? 100'000 : 10), dice_.word());
    model_.context = context;
    master_.share(context);
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

  void compare_states() {
    const std::vector<State> states = master_.states();
    ASSERT_EQ(states.size(), model_.states.size());
    std::size_t i = 0;
    for (const auto& [id, expected] : model_.states)
      EXPECT_TRUE(states[i++] == expected) << "state " << value(id);
  }

  // Brings the model to where the error says that the states are.
  void follow(const UpdateError& error, const std::vector<Input>& inputs, bool one_each) {
    EXPECT_FALSE(error.failures().empty());
    ASSERT_EQ(error.progress().size(), model_.states.size());
    std::vector<StateId> failed;
    for (const UpdateFailure& failure : error.failures()) {
      failed.push_back(failure.state);
      EXPECT_EQ(failure.text, refusal(failure.state));
      EXPECT_GE(value(failure.rank), 0);
      EXPECT_LE(static_cast<std::size_t>(value(failure.rank)), master_.workers());
    }
    EXPECT_TRUE(std::is_sorted(failed.begin(), failed.end()));
    std::size_t i = 0;
    for (auto& [id, state] : model_.states) {
      const StateProgress& progress = error.progress()[i];
      EXPECT_EQ(progress.state, id);
      ASSERT_LE(progress.updates, one_each ? 1 : inputs.size());
      const auto input = [&](std::size_t k) { return inputs[one_each ? i : k]; };
      for (std::size_t k = 0; k < progress.updates; ++k) {
        ASSERT_FALSE(refuses(id, input(k)));
        (void)model_.step(state, id, input(k), model_.round + k);
      }
      if (std::binary_search(failed.begin(), failed.end(), id)) {
        State before = state;
        EXPECT_THROW((void)model_.step(state, id, input(progress.updates), model_.round + progress.updates),
                     std::runtime_error);
        if (rollback_) state = std::move(before);
      }
      ++i;
    }
  }

  void failing_update() {
    std::vector<Input> inputs = random_inputs(model_.states.size());
    for (Input& input : inputs) input.failing = static_cast<std::uint32_t>(dice_.below(3));
    bool any = false;
    std::size_t i = 0;
    for (const StateId id : model_.ids()) any = refuses(id, inputs[i++]) || any;
    if (!any) {
      EXPECT_TRUE(master_.update(inputs) == model_.update([&](std::size_t k) { return inputs[k]; }));
      return;
    }
    try {
      (void)master_.update(inputs);
      ADD_FAILURE() << "no UpdateError";
    } catch (const UpdateError& error) {
      follow(error, inputs, true);
      ++model_.round;
    }
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

  Master<Machine>& master_;
  Dice& dice_;
  Model& model_;
  const bool rollback_;
  bool slow_ = false;
};

TEST(Property, EveryRunEqualsThePureModel) {
  const std::uint64_t first = environment("RONDO_TEST_SEED", 1);
  const std::uint64_t seeds = environment("RONDO_TEST_SEEDS", 300);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Dice dice(seed);
    Model model;
    bool rollback = false;
    const std::vector<std::string> options = random_options(dice, model.seed, rollback);
    std::string told = "RONDO_TEST_SEED=" + std::to_string(seed) + " RONDO_TEST_SEEDS=1, options:";
    for (const std::string& option : options) told += " " + option;
    SCOPED_TRACE(told);
    CommandLine line(options);
    const int status = run<Machine>(line.argc, line.argv(), [&](Master<Machine>& master) {
      Comparison(master, dice, model, rollback).go();
      return testing::Test::HasFailure() ? 1 : 0;
    });
    ASSERT_EQ(status, 0);  // on every rank, so all of them leave here
  }
}

}  // namespace
}  // namespace rondo::test
