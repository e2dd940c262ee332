// A program that does everything a program may do between two checkpoints: rounds, forks, drops, resamples, a shared
// context, rounds without a barrier, random numbers. What it does in a step depends on the step alone, so that any two
// runs of as many steps must end with the same digest, wherever they were interrupted.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <rondo/rondo.hpp>

#include "engine/model.hpp"

namespace rondo::test {

class Walker : public Update<State, Input, Output, Context> {
 public:
  Output update(State& state, const Input& input, const Call& call) override {
    if (input.delay > 0) std::this_thread::sleep_for(std::chrono::microseconds(input.delay));
    return apply(state, input, call);
  }
};

struct Progress {
  std::uint64_t step = 0;
  std::uint64_t digest = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& step& digest;
  }
};

class Journey {
 public:
  Journey(Master<Walker>& master, Progress& progress, std::uint32_t delay)
      : master_(master), progress_(progress), delay_(delay) {}

  static std::vector<State> start(std::size_t count) {
    std::vector<State> states(count);
    for (std::size_t i = 0; i < count; ++i) states[i] = {{i, i * i}, std::to_string(i)};
    return states;
  }

  // Does one step; the caller counts.
  void step() {
    const std::uint64_t step = progress_.step;
    switch (step % 6) {
      case 0: {
        Context context;
        context.words = {step, mix(step, 1)};
        master_.share(context);
        return round();
      }
      case 1: return fork();
      case 2: return round();
      case 3: return resample();
      case 4: return evolve();
      default: return own_inputs();
    }
  }

  // Everything that is there: ids and states, after what the outputs have left in the digest.
  std::uint64_t finish() {
    const std::vector<StateId> ids = master_.ids();
    const std::vector<State> states = master_.states();
    for (std::size_t i = 0; i < ids.size(); ++i) {
      add(value(ids[i]));
      for (const std::uint64_t word : states[i].words) add(word);
      for (const char c : states[i].name) add(static_cast<unsigned char>(c));
    }
    return progress_.digest;
  }

 private:
  void add(std::uint64_t word) { progress_.digest = mix(progress_.digest, word); }
  void add(std::span<const Output> outputs) {
    for (const Output& output : outputs) {
      add(output.round);
      for (const std::uint32_t word : output.words) add(word);
    }
  }
  // Draws random numbers, reads the context, grows and shrinks.
  [[nodiscard]] Input input(std::uint64_t salt) const {
    Input input;
    input.program = (mix(progress_.step, salt) & 0x0fff) << 20 | 0x54136;
    input.delay = delay_;
    input.words = {salt};
    return input;
  }
  void round() {
    const std::vector<Output> outputs = master_.update(input(0));
    add(outputs);
  }
  void own_inputs() {
    std::vector<Input> inputs;
    for (std::size_t i = 0; i < master_.size(); ++i) inputs.push_back(input(i));
    const std::vector<Output> outputs = master_.update(std::span<const Input>(inputs));
    add(outputs);
  }
  // As many children as parents, near enough: 0, 1 or 2 each.
  [[nodiscard]] std::uint32_t children(std::size_t i) const {
    return static_cast<std::uint32_t>((i + progress_.step) % 3);
  }
  void fork() {
    std::map<StateId, std::vector<Input>> inputs;
    std::size_t i = 0;
    for (const StateId id : master_.ids()) {
      std::vector<Input>& mine = inputs[id];
      for (std::uint32_t k = 0; k < children(i); ++k) mine.push_back(input(k));
      ++i;
    }
    for (const auto& [parent, born] : master_.update(inputs)) {
      add(value(parent));
      for (const Child<Output>& child : born) {
        add(value(child.id));
        add(std::span<const Output>(&child.output, 1));
      }
    }
  }
  void resample() {
    std::vector<std::uint32_t> offspring;
    for (std::size_t i = 0; i < master_.size(); ++i) offspring.push_back(children(i * i));
    if (!offspring.empty()) offspring.back() = 2;
    for (const StateId id : master_.resample(offspring)) add(value(id));
  }
  void evolve() {
    const std::vector<Input> inputs = {input(1), input(2), input(3)};
    master_.evolve(inputs, [&](std::size_t, std::span<const Output> outputs) { add(outputs); });
  }

  Master<Walker>& master_;
  Progress& progress_;
  std::uint32_t delay_;
};

}  // namespace rondo::test
