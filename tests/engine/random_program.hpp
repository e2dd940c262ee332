// A random program, each of its calls beside the pure model's: what is asked of a master that runs on any number of workers,
// alone (property_test) or while workers die (recovery/chaos_test). Which calls it makes in which order is up to the test.
//
// No call changes the model before the master's has ended, so that the model stands where it stood if that throws WorkerLost.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/rondo.hpp>

#include "model.hpp"

namespace rondo::test {

// How an update of this thread takes time; null: it computes for so long.
inline thread_local std::function<void(std::chrono::microseconds)> spend_time;

class Machine : public Update<State, Input, Output, Context> {
 public:
  Output update(State& state, const Input& input, const Call& call) override {
    if (input.delay > 0) {
      const std::chrono::microseconds delay(mix(value(call.id()), input.program) % input.delay);
      if (spend_time) {
        spend_time(delay);
        return apply(state, input, call);
      }
      const auto end = std::chrono::steady_clock::now() + delay;
      while (std::chrono::steady_clock::now() < end) {
      }
    }
    return apply(state, input, call);
  }
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t n) { return engine_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  std::uint64_t word() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

inline std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class RandomProgram {
 protected:
  struct Manner {
    bool rollback = false;
    bool may_skip_ids = false;        // after a loss the master has given ids that the model does not know of
    std::uint64_t delay_most = 200;   // microseconds that an update may take, if updates take time
    std::size_t big_input = 200'000;  // words of one that is big enough to go down the tree
  };
  RandomProgram(Master<Machine>& master, Dice& dice, Model& model, const Manner& manner)
      : master_(master), dice_(dice), model_(model), manner_(manner) {}

  Input random_input() {
    Input input;
    for (std::uint64_t n = dice_.below(8); n > 0; --n) input.program = input.program << 4 | dice_.below(16);
    if (slow_)
      input.delay = static_cast<std::uint32_t>(
          dice_.below(dice_.one_in(4) ? manner_.delay_most : manner_.delay_most / 10));
    input.words.resize(dice_.below(4));
    if (dice_.one_in(50)) input.words.resize(manner_.big_input);
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
    const std::vector<State> given = states;
    const std::vector<StateId> ids = master_.reset(std::move(states));
    if (manner_.may_skip_ids && !ids.empty()) {
      EXPECT_GE(value(ids.front()), model_.next_id);
      model_.next_id = value(ids.front());
    }
    model_.reset(given);
    EXPECT_EQ(ids, model_.ids());
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
    const std::vector<Input> inputs = random_inputs(dice_.below(slow_ ? 20 : 12));
    const std::uint64_t ahead = dice_.below(5);
    std::size_t rounds = 0, pulled = 0;
    Model after = model_;
    master_.evolve(
        inputs | std::views::transform([&](const Input& input) {
          ++pulled;
          EXPECT_LE(pulled - rounds, ahead > 0 ? ahead : inputs.size()) << "rounds are open";
          return input;
        }),
        [&](std::size_t round, std::span<const Output> outputs) {
          EXPECT_EQ(round, rounds++);
          const std::vector<Output> expected = after.update([&](std::size_t) { return inputs[round]; });
          EXPECT_TRUE(std::equal(outputs.begin(), outputs.end(), expected.begin(), expected.end()));
        },
        ahead);
    EXPECT_EQ(rounds, inputs.size());
    model_ = std::move(after);
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
    const std::vector<StateId> ids = master_.resample(offspring);
    model_.resample(offspring);
    EXPECT_EQ(ids, model_.ids());
  }

  void share() {
    Context context;
    context.words.resize(dice_.below(dice_.one_in(10) ? 100'000 : 10), dice_.word());
    master_.share(context);
    model_.context = context;
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
      EXPECT_LE(static_cast<std::size_t>(value(failure.rank)), workers_at_first_);
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
        if (manner_.rollback) state = std::move(before);
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

  Master<Machine>& master_;
  const std::size_t workers_at_first_ = master_.workers();
  Dice& dice_;
  Model& model_;
  const Manner manner_;
  bool slow_ = false;
};

}  // namespace rondo::test
