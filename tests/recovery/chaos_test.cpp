// Workers die and stand still at random moments of random programs: whatever is lost, the run goes on with the same ids,
// outputs and states as the pure model, or says WorkerLost, and that only if more than one place was lost between two backups.
//
// One seed is one run. RONDO_TEST_SEEDS sets how many seeds there are, RONDO_TEST_SEED the first one; a failure prints its seed.
// On a slow machine workers that live may be taken for dead as well; that must be survived no less.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <rondo/ranks.hpp>

#include "engine/random_program.hpp"
#include "faulty_places.hpp"

namespace rondo::test {
namespace {

struct Tally {
  std::atomic<std::size_t> runs{0}, injected{0}, lost{0}, survived{0}, errors{0};
};

// One run: calls of the master, each beside the model's.
class Program : private RandomProgram {
 public:
  Program(Master<Machine>& master, Dice& dice, Model& model, bool rollback)
      : RandomProgram(master, dice, model, {.rollback = rollback, .may_skip_ids = true, .delay_most = 3000}) {
  }

  void go(const std::function<void(const WorkerLost&)>& lost) {
    const std::uint64_t calls = 6 + dice_.below(12);
    bool placed = false;
    for (std::uint64_t i = 0; i < calls && !testing::Test::HasFailure();) {
      try {
        if (!placed) {
          reset();
          if (i > 0) find_round();
          placed = true;
        }
        call();
        EXPECT_EQ(master_.ids(), model_.ids());
        if (dice_.one_in(3)) compare_states();
        if (++i == calls) compare_states();
      } catch (const WorkerLost& error) {
        EXPECT_TRUE(master_.ids().empty());
        lost(error);
        if (everybody_is_lost()) return;
        placed = false;
        ++i;
      }
    }
  }

 private:
  bool everybody_is_lost() {
    try {
      (void)master_.reset(std::vector<State>(1));
      return false;
    } catch (const WorkerLost&) {
      return true;  // or one more was lost just now: the next one tells
    }
  }

  void call() {
    switch (dice_.below(13)) {
      case 0: return reset();
      case 1:
      case 2: return update_shared();
      case 3: return update_own();
      case 4: return update_forks();
      case 5:
      case 6: return evolve();
      case 7:
      case 8: return resample();
      case 9: return share();
      case 10: return failing_update();
      case 11: return checkpoint();
      default: return tasks();
    }
  }

  void checkpoint() {
    const std::string folder = "checkpoints";
    const std::uint64_t mark = dice_.word();
    const Model saved = model_;
    master_.checkpoint(folder, mark);
    if (dice_.one_in(2)) update_shared();
    std::uint64_t progress = 0;
    EXPECT_TRUE(master_.restore(folder, progress));
    EXPECT_EQ(progress, mark);
    model_ = saved;
  }

  void tasks() {
    std::map<std::uint64_t, std::size_t> done;  // by the input's mark
    const std::uint64_t count = dice_.below(30);
    std::uint64_t posted = 0, ended = 0;
    detail::Tasks tasks(master_);
    tasks.serve([&] {
      while (posted < count) {
        Input input;
        input.delay = slow_ ? 200 : 0;
        const std::uint64_t mark = posted++;
        tasks.post(
            mark, input, [&, mark](const Output&) { ++done[mark], ++ended; },
            [&](const std::exception_ptr&) { ADD_FAILURE() << "a task failed"; });
      }
      return ended == count;
    });
    for (std::uint64_t mark = 0; mark < count; ++mark) EXPECT_EQ(done[mark], 1U);
    ++model_.round;
  }

  // How many rounds a call had begun that ended in a loss depends on the moment.
  void find_round() {
    const Context none;
    master_.share(none);
    model_.context = none;
    if (model_.states.empty()) {
      model_.next_id = value(master_.reset(std::vector<State>(1)).front());
      model_.reset({State{}});
    }
    const std::vector<Output> outputs = master_.update(Input{});
    model_.round = outputs.at(0).round;
    EXPECT_TRUE(outputs == model_.update([](std::size_t) { return Input{}; }));
  }
};

void run_seed(std::uint64_t seed, Tally& tally) {
  Dice dice(seed);
  engine::Options options;
  options.recover = true;
  options.recover_deadline = rondo::Options::Seconds(0.15);
  options.recover_every = 1 + dice.below(12);
  options.stall.reset();
  options.master_works = dice.one_in(4);
  if (dice.one_in(3)) options.batch = 1 + dice.below(20);
  if (dice.one_in(6)) options.batch = Tunable::off();
  options.rounds_ahead = 1 + dice.below(6);
  options.rollback = dice.one_in(3);
  options.seed = dice.word();

  const auto ranks = static_cast<std::int32_t>(2 + dice.below(5));  // workers with a thread of their own
  const auto nodes = static_cast<std::int32_t>(dice.one_in(2) ? 1 : 2 + dice.below(2));
  std::vector<Fault> faults;
  // mostly one, at times all but one, at times a whole node
  std::uint64_t at = 1 + dice.below(600);
  const std::uint64_t count = dice.one_in(3) ? dice.below(static_cast<std::uint64_t>(ranks)) : 1;
  const bool together = dice.one_in(3);
  const auto some_rank = [&] {
    return Rank{static_cast<std::int32_t>(1 + dice.below(static_cast<std::uint64_t>(ranks)))};
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    faults.push_back({at, some_rank(), !dice.one_in(4)});
    at += together ? dice.below(10) : 50 + dice.below(400);
  }
  // or right after it has done what others count on
  if (dice.one_in(2)) {
    using enum engine::Kind;
    constexpr std::array kKinds = {kGave,   kStates, kStates,    kCopies, kBackedUp, kCensus,  kReport,
                                   kReport, kFailed, kTasksDone, kSaved,  kLoaded,   kFetched, kStopped};
    for (std::uint64_t n = 1 + dice.below(2); n > 0; --n)
      faults.push_back({1 + dice.below(6), some_rank(), true, kKinds[dice.below(kKinds.size())]});
  } else if (nodes > 1 && dice.one_in(3)) {
    faults.clear();
    const auto node = static_cast<std::int32_t>(dice.below(static_cast<std::uint64_t>(nodes)));
    for (std::int32_t i = 1; i <= ranks; ++i)
      if (i % nodes == node) faults.push_back({at, Rank{i}, true});
  }

  FaultyPlaces places(ranks + 1, nodes, faults);
  Model model;
  model.seed = options.seed;
  bool survived = true;
  const int status = run_on_places<Machine>(places, options, [&](Master<Machine>& master) {
    Program(master, dice, model, options.rollback).go([&](const WorkerLost& error) {
      survived = false;
      const auto& lost = places.forgotten_since_backup();
      std::set<std::int32_t> nodes_lost;
      for (const Rank rank : lost) nodes_lost.insert(places.node_of(rank));
      const bool all = places.forgotten().size() == static_cast<std::size_t>(ranks) && !options.master_works;
      EXPECT_TRUE(all || lost.size() > 1) << "one lost worker is survived: " << error.what();
      EXPECT_TRUE(all || nodes_lost.size() > 1 || !places.copies_on_other_nodes())
          << "one lost node is survived: " << error.what();
    });
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(places.generations_ascend());
  ++tally.runs;
  tally.injected += places.struck();
  tally.lost += places.forgotten().size();
  if (!places.forgotten().empty()) ++(survived ? tally.survived : tally.errors);
}

TEST(Chaos, EveryRunEqualsThePureModelOrSaysThatStatesAreLost) {
  const std::uint64_t first = environment("RONDO_TEST_SEED", 1);
  const std::uint64_t seeds = environment("RONDO_TEST_SEEDS", 300);
  std::atomic<std::uint64_t> next{first};
  Tally tally;
  std::vector<std::thread> crew;
  for (int i = 0; i < 4; ++i)  // most of the time they wait for a deadline
    crew.emplace_back([&] {
      for (std::uint64_t seed = next++; seed < first + seeds && !testing::Test::HasFailure(); seed = next++) {
        SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed) + " RONDO_TEST_SEEDS=1");
        run_seed(seed, tally);
      }
    });
  for (std::thread& each : crew) each.join();
  std::cout << tally.runs << " runs, " << tally.injected << " faults, " << tally.lost << " workers lost; "
            << tally.survived << " runs with a loss ended like the model, " << tally.errors
            << " said WorkerLost\n";
  if (seeds >= 100) {
    EXPECT_GT(tally.survived, tally.runs / 3);
    EXPECT_GT(tally.errors, 0U);
  }
}

}  // namespace
}  // namespace rondo::test
