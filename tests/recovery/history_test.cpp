// What the history tells of a state, done again from a copy, gives the state: random histories against a model that applies
// every operation at once.
#include "recovery/replay_log.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>
#include <vector>

namespace rondo::recovery {
namespace {

// A state is a list of what was done to it.
using State = std::vector<std::uint64_t>;

Buffer packed(std::uint64_t number) {
  Buffer out;
  std::memcpy(out.extend(sizeof number), &number, sizeof number);
  return out;
}
std::uint64_t unpacked(Bytes bytes) {
  std::uint64_t number = 0;
  if (!bytes.empty()) std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

void update(State& state, std::uint64_t input, std::uint64_t round, std::uint64_t context, bool throws) {
  state.insert(state.end(), {input, round, context, throws ? 1U : 0U});
}

class Model {
 public:
  explicit Model(std::uint64_t seed) : random_(seed) {
    for (std::uint64_t i = 1 + below(8); i > 0; --i) states_[StateId{next_id_++}] = {};
    back_up(0, {});
  }

  void run() {
    for (std::uint64_t i = 1 + below(12); i > 0; --i) {
      switch (below(5)) {
        case 0: resample(); break;
        case 1: share(); break;
        case 2: back_up(replay_log_.position(false), {}); break;
        default: call(); break;
      }
      if (below(3) == 0) check({}, false);
    }
    check({}, false);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  void share() {
    context_ = random_();
    replay_log_.share(packed(context_));
  }
  void resample() {
    std::map<StateId, State> children;
    std::vector<StateId> parents;
    const StateId first{next_id_};
    for (const auto& [id, state] : states_)
      for (std::uint64_t n = below(3); n > 0 && parents.size() < 20; --n) {
        parents.push_back(id);
        children[StateId{next_id_++}] = state;
      }
    states_ = std::move(children);
    replay_log_.resample(first, std::move(parents));
  }
  // In a call some states are ahead of others, some end early, and some updates throw; a backup may be taken meanwhile.
  void call() {
    if (states_.empty()) return;
    const bool own = below(3) == 0;
    const auto rounds = static_cast<std::uint32_t>(own ? 1 : 1 + below(4));
    std::vector<StateId> ids;
    std::vector<Buffer> inputs;
    std::vector<std::uint64_t> numbers;
    for (const auto& [id, state] : states_) ids.push_back(id);
    for (std::size_t i = 0; i < (own ? ids.size() : rounds); ++i) {
      numbers.push_back(random_());
      inputs.push_back(packed(numbers.back()));
    }
    replay_log_.begin_call(round_, 5, ids, own ? std::move(inputs) : std::vector<Buffer>());
    if (!own)
      for (const Buffer& input : inputs) replay_log_.add_input(input);
    std::map<StateId, ReplayLog::Progress> progress;
    const bool early = below(3) == 0;
    const auto step = [&](std::size_t i, std::uint32_t to, bool throws) {
      ReplayLog::Progress& at = progress[ids[i]];
      for (; at.rounds < to; ++at.rounds)
        update(states_[ids[i]], numbers[own ? i : at.rounds], round_ + at.rounds, context_, false);
      if (throws && !at.threw)
        update(states_[ids[i]], numbers[own ? i : at.rounds], round_ + at.rounds, context_, true);
      at.threw = at.threw || throws;
    };
    for (std::size_t i = 0; i < ids.size(); ++i)
      step(i, static_cast<std::uint32_t>(below(rounds + 1)), false);
    check(progress, true);
    if (below(2) == 0) back_up(replay_log_.position(true), progress);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::uint32_t from = progress[ids[i]].rounds;
      const auto to = early ? from + static_cast<std::uint32_t>(below(rounds - from + 1)) : rounds;
      step(i, to, early && to < rounds && below(2) == 0);
    }
    check(progress, true);
    if (early && below(2) == 0) back_up(replay_log_.position(true), progress);
    if (early) {
      std::vector<ReplayLog::Progress> all;
      for (const auto& [id, at] : progress) all.push_back(at);
      replay_log_.end_early(std::move(all));
    }
    round_ += rounds;
  }

  void back_up(std::uint64_t position, const std::map<StateId, ReplayLog::Progress>& progress) {
    replay_log_.trim(position);
    copies_ = states_;
    bases_.clear();
    for (const auto& [id, at] : progress) bases_[id] = at;
  }

  // Some of the states, made anew from the copies.
  void check(const std::map<StateId, ReplayLog::Progress>& progress, bool in_call) {
    std::vector<ReplayLog::Target> targets;
    for (const auto& [id, state] : states_)
      if (below(2) == 0) targets.push_back({id, in_call ? progress.at(id) : ReplayLog::Progress{}});
    const std::map<StateId, State> made = replay(replay_log_.replay(targets, bases_, in_call));
    ASSERT_EQ(made.size(), targets.size());
    for (const ReplayLog::Target& target : targets) {
      EXPECT_TRUE(copies_.contains(replay_log_.ancestor(target.id)));
      EXPECT_EQ(made.at(target.id), states_.at(target.id)) << "state " << value(target.id);
    }
  }

  std::map<StateId, State> replay(const Replay& all) {
    std::map<StateId, State> states;
    for (const StateId id : all.copies) states[id] = copies_.at(id);
    std::uint64_t context = unpacked(all.context);
    for (const Replay::Step& step : all.steps) {
      if (const auto* other = std::get_if<Replay::Context>(&step)) {
        context = unpacked(other->bytes);
      } else if (const auto* family = std::get_if<Replay::Family>(&step)) {
        const auto parent = states.extract(family->parent);
        for (const StateId child : family->children) states[child] = parent.mapped();
      } else {
        const auto& call = std::get<Replay::Call>(step);
        EXPECT_EQ(call.seed, 5U);
        EXPECT_TRUE(call.shared.empty() ? call.own.size() == call.ways.size() : call.own.empty());
        for (std::size_t i = 0; i < call.ways.size(); ++i) {
          const Replay::Way& way = call.ways[i];
          for (std::uint32_t round = way.from; round < way.to + (way.threw ? 1 : 0); ++round)
            update(states.at(way.id),
                   unpacked(call.shared.empty() ? call.own[i] : call.shared.at(round - call.from)),
                   call.first_round + round, context, round == way.to);
        }
      }
    }
    return states;
  }

  std::mt19937_64 random_;
  ReplayLog replay_log_;
  std::map<StateId, State> states_, copies_;
  ReplayLog::Bases bases_;
  std::uint64_t next_id_ = 0, round_ = 0, context_ = 0;
};

TEST(ReplayLog, WhatItTellsGivesTheStatesFromTheirCopies) {
  for (std::uint64_t seed = 0; seed < 3000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model(seed).run();
  }
}

TEST(ReplayLog, WhatIsOlderThanTheBackupIsForgotten) {
  ReplayLog history;
  for (int i = 0; i < 3; ++i) {
    history.begin_call(0, 0, {StateId{1}}, {});
    history.add_input(packed(7));
  }
  const std::vector<ReplayLog::Target> targets = {{StateId{1}, {}}};
  EXPECT_EQ(history.replay(targets, {}, false).steps.size(), 3U);
  history.trim(history.position(false));
  const Replay none = history.replay(targets, {}, false);
  EXPECT_EQ(none.copies, std::vector<StateId>{StateId{1}});
  EXPECT_TRUE(none.steps.empty());
}

}  // namespace
}  // namespace rondo::recovery
