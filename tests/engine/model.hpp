// The pure model that a run must equal exactly: a map of states, a counter of ids, a counter of rounds.
//
// apply() is the update of both: a small machine that interprets the input's program, so that random inputs are random
// update functions. Nothing here knows of workers, messages or time.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <rondo/rondo.hpp>

namespace rondo::test {

struct State {
  std::vector<std::uint64_t> words;
  std::string name;

  bool operator==(const State&) const = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& words& name;
  }
};

struct Input {
  std::uint64_t program = 0;         // four bits per instruction
  std::uint32_t delay = 0;           // up to so many microseconds, which change nothing
  std::uint32_t failing = 0;         // so many of 16 states refuse it
  std::vector<std::uint64_t> words;  // operands

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& program& delay& failing& words;
  }
};

struct Output {
  std::uint64_t round = 0;
  std::vector<std::uint32_t> words;  // often empty

  bool operator==(const Output&) const = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& round& words;
  }
};

struct Context {
  std::vector<std::uint64_t> words;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& words;
  }
};

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15 + b + 0x7f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

[[nodiscard]] inline bool refuses(StateId id, const Input& input) {
  return mix(value(id), input.program) % 16 < input.failing;
}
[[nodiscard]] inline std::string refusal(StateId id) { return "refused by " + std::to_string(value(id)); }

inline Output apply(State& state, const Input& input, const Call<Context>& call) {
  std::vector<std::uint64_t>& words = state.words;
  const std::vector<std::uint64_t>& shared = call.context().words;
  std::uint64_t sum = mix(value(call.id()), call.round());
  for (std::uint64_t program = input.program; program != 0; program >>= 4) {
    switch (program & 15) {
      case 1: words.push_back(mix(sum, words.size())); break;
      case 2:
        if (!words.empty()) words.pop_back();
        break;
      case 3:
        for (std::uint64_t& word : words) sum = word = mix(word, sum);
        break;
      case 4:
        for (const std::uint64_t word : shared) sum = mix(sum, word);
        break;
      case 5: sum = mix(sum, call.random()()); break;
      case 6: words.resize(words.size() + sum % 2000, sum); break;
      case 7: words.resize(words.size() / 2); break;
      case 8: state.name = std::to_string(sum) + state.name.substr(0, sum % 50); break;
      case 9:
        for (const std::uint64_t word : input.words) sum = mix(sum, word);
        break;
      case 10:
        for (const char c : state.name) sum = mix(sum, static_cast<unsigned char>(c));
        break;
      default: sum = mix(sum, program);
    }
  }
  if (refuses(call.id(), input)) throw std::runtime_error(refusal(call.id()));
  words.push_back(sum);
  Output output{call.round(), {}};
  for (std::uint64_t i = 0; i < sum % 4; ++i) output.words.push_back(static_cast<std::uint32_t>(mix(sum, i)));
  return output;
}

struct Model {
  std::map<StateId, State> states;
  std::uint64_t next_id = 0;
  std::uint64_t round = 0;
  Context context;
  std::uint64_t seed = 0;

  // Takes the state through one input, or as far as it gets with one that it refuses.
  Output step(State& state, StateId id, const Input& input, std::uint64_t in_round) const {
    return apply(state, input, Call<Context>(id, in_round, context, seed));
  }

  [[nodiscard]] std::vector<StateId> ids() const {
    std::vector<StateId> all;
    for (const auto& [id, state] : states) all.push_back(id);
    return all;
  }

  void reset(const std::vector<State>& fresh) {
    states.clear();
    for (const State& state : fresh) states[StateId{next_id++}] = state;
  }

  void resample(std::span<const std::uint32_t> offspring) {
    std::map<StateId, State> children;
    std::size_t i = 0;
    for (const auto& [id, state] : states)
      for (std::uint32_t k = offspring[i++]; k > 0; --k) children[StateId{next_id++}] = state;
    states = std::move(children);
  }

  // One round; `input(i)` is that of the i-th state.
  template <class InputOf>
  std::vector<Output> update(const InputOf& input) {
    std::vector<Output> outputs;
    for (auto& [id, state] : states) outputs.push_back(step(state, id, input(outputs.size()), round));
    ++round;
    return outputs;
  }
};

}  // namespace rondo::test
