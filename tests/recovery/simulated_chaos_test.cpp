// Virtual workers die and stand still at random moments of random calls, a hundred runs a second: each run ends like the pure
// model, or says WorkerLost, and that only if more than one worker (or one node) was lost between two backups.
//
// One seed is one run. RONDO_TEST_SEEDS sets how many seeds there are, RONDO_TEST_SEED the first one; a failure prints its seed.
// What is decided is the engine's own code (recovery/, Scheduler); messages, threads and the network are virtual, and messages
// of different workers overtake each other by far.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <rondo/error.hpp>

#include "simulation/simulation.hpp"
#include "simulation/workload.hpp"

namespace rondo::simulation {
namespace {

struct Tally {
  std::uint64_t runs = 0, faults = 0, lost = 0, survived = 0, errors = 0, untouched = 0, made_anew = 0;
};

class Chaos : private Observer {
 public:
  Chaos(std::uint64_t seed, Tally& tally)
      : tally_(tally),
        random_(seed),
        settings_(make_settings(seed)),
        simulation_(settings_, make_workload(seed), this) {}

  void run() {
    const std::uint64_t states = below(8) == 0 ? 1 + below(3) : 5 + below(60);
    simulation_.reset(states);
    for (std::uint64_t id = 0; id < states; ++id) model_[StateId{id}] = first_contents(StateId{id});
    plan_faults();
    bool survived = true;
    try {
      for (std::uint64_t calls = 3 + below(12); calls > 0 && !testing::Test::HasFailure(); --calls) call();
      rounds_expected(1, [&] { return simulation_.update(); });  // shows what every state is in the end
    } catch (const WorkerLost&) {
      survived = false;
      expect_many_lost();
    }
    const MasterMemory& losses = simulation_.losses();
    const std::size_t lost = workers() - losses.workers.alive();
    ++tally_.runs;
    tally_.faults += faults_;
    tally_.lost += lost;
    tally_.made_anew += losses.made_anew;
    ++(lost == 0 ? tally_.untouched : survived ? tally_.survived : tally_.errors);
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  [[nodiscard]] std::uint32_t workers() const { return settings_.scheduler.workers; }

  Settings make_settings(std::uint64_t seed) {
    const auto workers = static_cast<std::uint32_t>(2 + below(7));
    Settings settings = Settings::of(workers);
    settings.seed = seed;
    settings.relay = {};
    settings.tree_fanout = workers;
    settings.scheduler.rebalance = below(6) > 0;
    if (below(3) == 0) settings.scheduler.batch = 1 + below(10);
    settings.rounds_ahead = static_cast<std::uint32_t>(1 + below(8));
    // latencies of the length of updates, so that messages of different workers overtake each other
    settings.machine.latency = Seconds(below(2) == 0 ? 5e-6 : 300e-6);
    settings.machine.latency_jitter = static_cast<double>(below(4));
    settings.message_bytes = 1e4;
    settings.recover =
        Settings::Recover{.every = 1 + below(12),
                          .deadline = 0.05,
                          .nodes = static_cast<std::uint32_t>(below(2) == 0 ? 1 : 2 + below(2))};
    return settings;
  }
  Workload make_workload(std::uint64_t seed) {
    Costs costs;
    costs.seed = seed;
    costs.mean = below(4) == 0 ? 0.02 : 1e-3;  // some updates then take longer than the deadline
    Workload all = workload(costs);
    all.state_bytes = 3e3;
    if (below(3) == 0)
      all.fails = [seed](StateId state, std::uint64_t round) {
        return round % 4 > 1 && uniform(seed + 9, value(state), round) < 0.05;
      };
    return all;
  }

  // Mostly one, at times all but one, at times a whole node; some only stand still, for shorter or longer than the deadline.
  void plan_faults() {
    const double span = 0.15;  // seconds that the calls take, or so
    const auto when = [&](double most) { return Seconds(most * static_cast<double>(below(1000)) / 1000); };
    if (settings_.recover->nodes > 1 && below(4) == 0) {
      const std::uint64_t node = below(settings_.recover->nodes);
      const Seconds at = when(span);
      for (std::uint32_t w = 0; w < workers(); ++w)
        if (w % settings_.recover->nodes == node) strike(scheduler::Worker{w}, at);
      return;
    }
    const std::uint64_t count = below(3) == 0 ? below(workers()) : 1;
    const bool together = below(3) == 0;
    if (below(2) == 0) {
      // or right after it has said what others count on
      using enum Message::Kind;
      constexpr std::array kKinds = {kGave,   kStates, kStates, kCopies,  kBackedUp,
                                     kCensus, kCensus, kReport, kReport,  kFailed,
                                     kFailed, kFailed, kFailed, kStopped, kStopped};
      for (std::uint64_t n = 1 + below(3); n > 0; --n) on_word_[kKinds[below(kKinds.size())]] = 1 + below(8);
      return;
    }
    const Seconds first = when(span);
    for (std::uint64_t i = 0; i < count; ++i)
      strike(scheduler::Worker{static_cast<std::uint32_t>(below(workers()))},
             together ? first + when(5e-3) : first + static_cast<double>(i) * Seconds(0.1) + when(0.1));
  }
  void strike(scheduler::Worker worker, Seconds at) {
    ++faults_;
    if (below(4) > 0) return simulation_.dies(worker, at);
    simulation_.stands_still(worker, at, Seconds(0.02 + 0.001 * static_cast<double>(below(200))));
  }

  void call() {
    switch (below(5)) {
      case 0: return rounds_expected(1, [&] { return simulation_.update(); });
      case 1: return resample();
      default: {
        const auto rounds = static_cast<std::uint32_t>(below(10));
        return rounds_expected(rounds, [&] { return simulation_.evolve(rounds); });
      }
    }
  }
  void resample() {
    std::vector<std::uint32_t> offspring(model_.size());
    for (std::uint32_t& each : offspring)
      each = static_cast<std::uint32_t>(below(model_.size() > 100 ? 2 : 3));
    if (!offspring.empty()) offspring.front() = 1;
    std::map<StateId, Contents> children;
    std::uint64_t next = value(simulation_.next_id());
    std::size_t i = 0;
    for (const auto& [id, contents] : model_)
      for (std::uint32_t n = offspring[i++]; n > 0; --n) children[StateId{next++}] = contents;
    (void)simulation_.resample(offspring);
    model_ = std::move(children);
  }

  // Every output once, of states as the model has them; after that the model is where the states are.
  template <class Call>
  void rounds_expected(std::uint32_t rounds, const Call& call) {
    first_round_ = simulation_.round();
    const CallResult result = call();
    std::set<StateId> threw(simulation_.losses().threw.begin(), simulation_.losses().threw.end());
    EXPECT_EQ(result.cancelled, !threw.empty());
    for (Slot slot = 0; slot < simulation_.scheduler().size(); ++slot) {
      const StateId id = simulation_.scheduler().id(slot);
      const std::uint32_t done = simulation_.scheduler().rounds_done(slot);
      EXPECT_TRUE(result.cancelled || done == rounds) << "state " << value(id);
      // of a call that is cancelled, outputs may be here that have overtaken lost ones; the state then stands before these
      EXPECT_EQ(expected_[id].rounds, done) << "outputs of state " << value(id);
      EXPECT_TRUE(result.cancelled || expected_[id].later.size() == done);
      if (threw.contains(id))
        model_[id] = updated(model_[id], id, first_round_ + done, input_of(first_round_ + done), true);
    }
    expected_.clear();
  }
  using Slot = scheduler::Slot;

  // The n-th message of a kind by anybody is the last thing that its sender does, or nearly.
  void sends(scheduler::Worker worker, const Message& message) override {
    const auto found = on_word_.find(message.kind);
    if (found == on_word_.end() || --found->second > 0) return;
    on_word_.erase(found);
    strike(worker, Seconds(below(2) == 0 ? 0 : 1e-3));
  }
  // In any order over the states, and of one state too: reports overtake each other.
  void output(StateId id, std::uint64_t round, Contents contents) override {
    auto& [rounds, later] = expected_[id];
    EXPECT_TRUE(later.emplace(round, contents).second)
        << "state " << value(id) << ", round " << round << " twice";
    for (; later.contains(first_round_ + rounds); ++rounds) {
      const std::uint64_t at = first_round_ + rounds;
      model_.at(id) = updated(model_.at(id), id, at, input_of(at), false);
      EXPECT_EQ(later[at], model_.at(id)) << "state " << value(id) << " after round " << at;
    }
  }

  void expect_many_lost() {
    const MasterMemory& losses = simulation_.losses();
    std::set<std::uint32_t> lost, nodes;
    for (const scheduler::Worker worker : losses.lost_since_backup) {
      lost.insert(index(worker));
      nodes.insert(losses.workers.nodes[index(worker)]);
    }
    const bool all = losses.workers.alive() == 0;
    EXPECT_TRUE(all || lost.size() > 1) << "one lost worker is survived";
    // a backup had copies on other nodes if there were others when it was taken
    std::set<std::uint32_t> nodes_before;
    for (std::uint32_t w = 0; w < workers(); ++w)
      if (!losses.workers.lost[w] || lost.contains(w)) nodes_before.insert(losses.workers.nodes[w]);
    EXPECT_TRUE(all || nodes.size() > 1 || nodes_before.size() < 2) << "one lost node is survived";
  }

  struct Expected {
    std::uint32_t rounds = 0;
    std::map<std::uint64_t, Contents> later;
  };
  Tally& tally_;
  std::mt19937_64 random_;
  const Settings settings_;
  Simulation simulation_;
  std::map<StateId, Contents> model_;
  std::map<StateId, Expected> expected_;
  std::map<Message::Kind, std::uint64_t> on_word_;
  std::uint64_t first_round_ = 0;
  std::uint64_t faults_ = 0;
};

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(SimulatedChaos, EveryRunEqualsThePureModelOrSaysThatStatesAreLost) {
  const std::uint64_t first = environment("RONDO_TEST_SEED", 1);
  const std::uint64_t seeds = environment("RONDO_TEST_SEEDS", 2000);
  Tally tally;
  for (std::uint64_t seed = first; seed < first + seeds && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed) + " RONDO_TEST_SEEDS=1");
    Chaos(seed, tally).run();
  }
  std::cout << tally.runs << " runs, " << tally.faults << " faults, " << tally.lost << " workers lost, "
            << tally.made_anew << " states made anew; with a loss " << tally.survived
            << " runs ended like the model, " << tally.errors << " said WorkerLost; without one "
            << tally.untouched << " ended like the model\n";
  if (seeds >= 100) {
    EXPECT_GT(tally.survived, tally.runs / 3);
    EXPECT_GT(tally.errors, 0U);
  }
}

}  // namespace
}  // namespace rondo::simulation
