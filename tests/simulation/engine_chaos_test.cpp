// The whole engine under faults, in virtual time: random programs go through random calls, while workers die, stand still and are slow,
// disks refuse, signals come, and the run is killed; then it starts again from its checkpoints, on another number of workers.
//
// Every output, id and state is that of the pure model, whatever happens, or the run says why it ends: WorkerLost, and that only if more
// than one worker (or node) was lost between two backups, or a status that asks for another start.
//
// One seed is one program and all its starts. RONDO_TEST_SEEDS sets how many seeds there are, RONDO_TEST_SEED the first one; a failure
// prints its seed, and a seed repeats itself to the last bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/ranks.hpp>
#include <rondo/rondo.hpp>

#include "checkpoint/faulty_storage.hpp"
#include "checkpoint/memory_storage.hpp"
#include "engine/random_program.hpp"
#include "engine/signals.hpp"
#include "simulation/world.hpp"

namespace rondo::test {
namespace {

using simulation::Place;
using simulation::Seconds;
using simulation::World;

constexpr const char* kFolder = "checkpoints";

struct Tally {
  std::uint64_t runs = 0, starts = 0, ended = 0, killed = 0, left = 0, said_lost = 0;
  std::uint64_t faults = 0, lost = 0, survived = 0, resumed = 0, refused = 0;
};

// What is known of a program apart from the faults: where it stands after each of its steps.
struct Course {
  std::uint64_t seed = 0;
  std::uint64_t steps = 0;
  std::map<std::uint64_t, Model> after;  // by the number of steps that are done
  std::uint64_t starts = 0;
};

// One start of it: the steps that are left, each beside the model's.
class Program : private RandomProgram {
 public:
  Program(Master<Machine>& master, Course& course, Dice& dice, Model& model, bool rollback)
      : RandomProgram(master, dice, model, {.rollback = rollback, .delay_most = 3000, .big_input = 70'000}),
        course_(course) {}

  // Where it has resumed; 0: nowhere. `begun` is called when it has.
  template <class Begun>
  std::uint64_t go(const Begun& begun) {
    std::uint64_t step = 0;
    const bool resumed = master_.resume(step);
    const std::uint64_t begun_at = step;
    begun();
    if (resumed) {
      if (!course_.after.contains(step)) {
        ADD_FAILURE() << "resumed where no safe point was: step " << step;
        return step;
      }
      model_ = course_.after.at(step);
      EXPECT_EQ(master_.ids(), model_.ids());
      compare_states();
    }
    for (; step < course_.steps && !testing::Test::HasFailure(); ++step) {
      dice_ = Dice(mix(course_.seed, step));
      slow_ = dice_.one_in(2);
      if (step == 0)
        reset();
      else
        call();
      EXPECT_EQ(master_.ids(), model_.ids());
      if (dice_.one_in(4)) compare_states();
      course_.after[step + 1] = model_;
      master_.safe_point(step + 1);
    }
    compare_states();
    return begun_at;
  }

 private:
  void call() {
    switch (dice_.below(14)) {
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
      case 10: return drop();
      case 11: return failing_update();
      case 12: return checkpoint();
      default: return tasks();
    }
  }

  // Most states leave, as in an update without inputs for them.
  void drop() {
    std::vector<std::uint32_t> offspring(model_.states.size());
    for (std::uint32_t& each : offspring) each = dice_.one_in(3) ? 1 : 0;
    const std::vector<StateId> ids = master_.resample(offspring);
    model_.resample(offspring);
    EXPECT_EQ(ids, model_.ids());
  }

  // In a folder of the program's own. A disk that refuses leaves everything as it was.
  void checkpoint() {
    const std::uint64_t mark =
        mix(dice_.word(), course_.starts);  // an earlier start has written to the same folder
    const bool goes_on = dice_.one_in(2);
    const Model saved = model_;
    try {
      master_.checkpoint("own", mark);
    } catch (const CheckpointError&) {
      return;
    }
    if (goes_on) update_shared();
    std::uint64_t progress = 0;
    bool restored = false;
    try {
      restored = master_.restore("own", progress);
    } catch (const CheckpointError&) {
    }
    // what the disk has refused in between is another matter; the ids then say what is there
    if (!restored || progress != mark) throw Unreadable{};
    model_ = saved;
  }

  void tasks() {
    std::map<std::uint64_t, std::size_t> done;  // by the task's mark
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

  Course& course_;

 public:
  // A checkpoint that was written and cannot be read back.
  struct Unreadable {};
};

// What happens to one start.
class Start {
 public:
  Start(std::uint64_t seed, std::uint64_t number, bool quiet, checkpoint::Storage& storage)
      : dice_(mix(seed, 1000 + number)), quiet_(quiet), storage_(storage, {}) {
    options_.seed = seed;
    options_.stall = rondo::Options::Seconds(60);
    options_.orphan.reset();
    options_.checkpoint = kFolder;
    options_.checkpoint_every = rondo::Rounds{1 + dice_.below(6)};
    options_.keep = 1 + dice_.below(3);
    options_.recover = dice_.one_in(2);
    options_.recover_deadline = rondo::Options::Seconds(0.05);
    options_.recover_every = 1 + dice_.below(12);
    options_.master_works = dice_.one_in(4);
    if (dice_.one_in(3)) options_.batch = 1 + dice_.below(10);
    if (dice_.one_in(6)) options_.batch = Tunable::off();
    options_.rounds_ahead = 1 + dice_.below(6);
    options_.rollback = seed % 3 == 0;
    options_.fanout = static_cast<std::uint32_t>(1 + dice_.below(4));
    options_.relay = dice_.one_in(3) ? Tunable(2 + dice_.below(3)) : Tunable::off();
    options_.tuning.message_bytes = 10'000;
    if (dice_.one_in(4)) options_.tuning.unsent_bytes = 1 + dice_.below(30'000);

    settings_.ranks = static_cast<std::uint32_t>(2 + dice_.below(7));
    settings_.nodes = static_cast<std::uint32_t>(dice_.one_in(2) ? 1 : 2 + dice_.below(2));
    settings_.seed = mix(seed, number);
    settings_.limit = 3600;
    // latencies of the length of updates, so that messages of different workers overtake each other
    settings_.machine.latency = Seconds(dice_.one_in(2) ? 5e-6 : 300e-6);
    settings_.machine.latency_jitter = static_cast<double>(dice_.below(4));
    settings_.disk = Seconds(dice_.one_in(3) ? 5e-3 : 50e-6);
  }

  enum class End { kEnded, kKilled, kLeft, kLost, kUnreadable };

  End run(Course& course, Tally& tally, std::uint64_t& trace) {
    const detail::Program program = detail::make_program<Machine>([] { return Machine(); });
    World world(settings_, storage_, program);
    ++course.starts;
    watch(world);
    spend_time = [&](std::chrono::microseconds time) { world.charge(time); };
    Model model;
    model.seed = options_.seed;
    End end = End::kKilled;
    std::uint64_t resumed_at = 0;
    try {
      const int status = world.run(options_, detail::erase_main<Machine>([&](Master<Machine>& master) {
                                     if (!quiet_) plan_faults(world);
                                     Dice dice(0);
                                     try {
                                       resumed_at =
                                           Program(master, course, dice, model, options_.rollback).go([&] {
                                             if (!quiet_) plan_trouble();
                                           });
                                       end = End::kEnded;
                                     } catch (const WorkerLost& error) {
                                       end = End::kLost;
                                       expect_many_lost(error);
                                       throw;
                                     } catch (const Program::Unreadable&) {
                                       end = End::kUnreadable;
                                     }
                                   }));
      if (end == End::kKilled)
        end = End::kLeft;  // by a signal: neither the program nor the world has ended it
      expect_status(status, end);
    } catch (const simulation::Killed&) {
      end = End::kKilled;
    } catch (const simulation::Hangs&) {
      ADD_FAILURE() << "the run hangs";
    }
    spend_time = nullptr;
    EXPECT_TRUE(!quiet_ || end == End::kEnded);
    trace = mix(trace, world.course());
    ++tally.starts;
    tally.faults += world.struck();
    tally.lost += lost_.size();
    tally.resumed += resumed_at > 0 ? 1 : 0;
    if (!lost_.empty() && end == End::kEnded) ++tally.survived;
    return end;
  }

 private:
  [[nodiscard]] std::uint32_t node_of(Place place) const { return place % settings_.nodes; }
  [[nodiscard]] Place some_worker() { return static_cast<Place>(1 + dice_.below(settings_.ranks - 1)); }
  [[nodiscard]] Seconds when(double most) {
    return Seconds(most * static_cast<double>(dice_.below(1000)) / 1000);
  }

  void plan_faults(World& world) {
    constexpr double kSpan = 0.1;  // seconds that the calls take, or so
    if (dice_.one_in(3)) world.dies(0, when(kSpan));
    if (dice_.one_in(3)) world.stands_still(0, when(kSpan), Seconds(when(0.03)));
    if (dice_.one_in(3)) {
      using enum engine::StopRequest;
      constexpr std::array kWishes = {kCheckpoint, kCheckpoint, kLeave, kLeaveSoon};
      for (std::uint64_t n = 1 + dice_.below(2); n > 0; --n)
        world.signal(static_cast<Place>(dice_.below(settings_.ranks)), when(kSpan),
                     kWishes[dice_.below(kWishes.size())]);
    }
    for (std::uint64_t n = dice_.below(3); n > 0; --n)
      world.stands_still(some_worker(), when(kSpan), Seconds(0.001) + when(options_.recover ? 0.2 : 0.05));
    if (options_.recover) plan_deaths(world, kSpan);
  }

  // Of the disk, from when the program has resumed: what cannot be read then would be as if it had never been written.
  void plan_trouble() {
    if (!dice_.one_in(3)) return;
    using enum checkpoint::Trouble;
    constexpr std::array kTroubles = {no_space, input_output, done_but_fails, short_transfer, out_of_memory};
    storage_.meet({kTroubles[dice_.below(kTroubles.size())], dice_.below(200), dice_.one_in(4)});
  }

  // Mostly one worker, at times more, at times a whole node; by the clock, or right after a message that others count on.
  void plan_deaths(World& world, double span) {
    if (settings_.nodes > 1 && dice_.one_in(4)) {
      const std::uint64_t node = dice_.below(settings_.nodes);
      const Seconds at = when(span);
      for (Place p = 1; p < settings_.ranks; ++p)
        if (node_of(p) == node) world.dies(p, at);
      return;
    }
    if (dice_.one_in(2)) {
      using enum engine::Kind;
      constexpr std::array kKinds = {kGave,   kStates, kStates,    kCopies, kBackedUp, kCensus,  kReport,
                                     kReport, kFailed, kTasksDone, kSaved,  kLoaded,   kFetched, kStopped};
      for (std::uint64_t n = 1 + dice_.below(2); n > 0; --n)
        on_word_[kKinds[dice_.below(kKinds.size())]] = 1 + dice_.below(8);
      return;
    }
    const std::uint64_t count = dice_.one_in(3) ? dice_.below(settings_.ranks - 1) : 1;
    const bool together = dice_.one_in(3);
    const Seconds first = when(span);
    for (std::uint64_t i = 0; i < count; ++i)
      world.dies(some_worker(), together ? first + when(5e-3) : first + static_cast<double>(i) * when(span));
  }

  void watch(World& world) {
    world.sent = [&](Place from, Place, engine::Kind kind) {
      if (kind == engine::Kind::kBackupDone) since_backup_.clear();
      if (from == 0) return;
      const auto found = on_word_.find(kind);
      if (found == on_word_.end() || --found->second > 0) return;
      on_word_.erase(found);
      world.dies(from, Seconds(0));
    };
    world.forgotten = [&](Place place) {
      lost_.insert(place);
      since_backup_.insert(place);
    };
  }

  void expect_many_lost(const WorkerLost& error) const {
    EXPECT_TRUE(options_.recover) << error.what();
    std::set<std::uint32_t> nodes, nodes_before;
    for (const Place place : since_backup_) nodes.insert(node_of(place));
    for (Place p = 1; p < settings_.ranks; ++p)
      if (!lost_.contains(p) || since_backup_.contains(p)) nodes_before.insert(node_of(p));
    if (options_.master_works) nodes_before.insert(node_of(0));
    const bool all = lost_.size() + 1 == settings_.ranks && !options_.master_works;
    EXPECT_TRUE(all || since_backup_.size() > 1) << "one lost worker is survived: " << error.what();
    EXPECT_TRUE(all || nodes.size() > 1 || nodes_before.size() < 2)
        << "one lost node is survived: " << error.what();
  }

  static void expect_status(int status, End end) {
    if (end == End::kEnded || end == End::kUnreadable) {
      EXPECT_EQ(status, 0);
    } else if (end == End::kLost) {
      EXPECT_EQ(status, engine::kRequeueStatus);
    } else {
      EXPECT_TRUE(status == engine::kRequeueStatus || status == engine::kNothingSavedStatus) << status;
    }
  }

  Dice dice_;
  const bool quiet_;
  engine::Options options_;
  simulation::WorldSettings settings_;
  checkpoint::FaultyStorage storage_;
  std::map<engine::Kind, std::uint64_t> on_word_;
  std::set<Place> lost_, since_backup_;
};

// All starts of one program. Returns a hash of all that has happened.
std::uint64_t run_seed(std::uint64_t seed, Tally& tally) {
  constexpr std::uint64_t kStarts = 6;
  Dice dice(seed);
  Course course{mix(seed, 7), 4 + dice.below(12), {}, 0};
  std::mt19937_64 random(seed);
  auto storage = std::make_unique<checkpoint::MemoryStorage>();
  std::uint64_t trace = 0;
  ++tally.runs;
  for (std::uint64_t number = 1; number <= kStarts && !testing::Test::HasFailure(); ++number) {
    SCOPED_TRACE("start " + std::to_string(number));
    const auto end = Start(seed, number, number == kStarts, *storage).run(course, tally, trace);
    if (end == Start::End::kEnded) {
      ++tally.ended;
      break;
    }
    tally.killed += end == Start::End::kKilled ? 1 : 0;
    tally.left += end == Start::End::kLeft ? 1 : 0;
    tally.said_lost += end == Start::End::kLost ? 1 : 0;
    tally.refused += end == Start::End::kUnreadable ? 1 : 0;
    using enum checkpoint::Survival;
    if (end == Start::End::kKilled)
      storage = storage->after_crash(std::array{everything, flushed, some}[dice.below(3)], random);
  }
  return trace;
}

class EngineChaos : public testing::Test {
 protected:
  EngineChaos() : before_(std::cerr.rdbuf(told_.rdbuf())) {}
  ~EngineChaos() override {
    std::cerr.rdbuf(before_);
    if (HasFailure()) std::cerr << told_.str();
  }
  // Only the last seed's lines are told if it fails.
  void forget_lines() { told_.str(""); }

 private:
  std::ostringstream told_;
  std::streambuf* const before_;
};

TEST_F(EngineChaos, EveryStartEqualsThePureModelOrSaysWhyItEnds) {
  const std::uint64_t first = environment("RONDO_TEST_SEED", 1);
  const std::uint64_t seeds = environment("RONDO_TEST_SEEDS", 600);
  Tally tally;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t seed = first; seed < first + seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed) + " RONDO_TEST_SEEDS=1");
    forget_lines();
    run_seed(seed, tally);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::cout << tally.runs << " programs, " << tally.starts << " starts (" << tally.resumed
            << " from a checkpoint), " << tally.faults << " faults, " << tally.lost
            << " workers lost; starts that were killed " << tally.killed << ", left for a signal "
            << tally.left << ", said WorkerLost " << tally.said_lost
            << ", could not read their own checkpoint " << tally.refused << ", ended with a loss "
            << tally.survived << "; programs that ended " << tally.ended << "; "
            << static_cast<std::uint64_t>(60 * static_cast<double>(tally.runs) / took.count())
            << " a minute\n";
  if (seeds >= 100 && !HasFailure()) {
    EXPECT_GT(tally.survived, tally.runs / 20);
    EXPECT_GT(tally.resumed, tally.runs / 10);
    EXPECT_GT(tally.killed, tally.runs / 20);
    EXPECT_GT(tally.left, 0U);
    EXPECT_GT(tally.said_lost, 0U);
    EXPECT_EQ(tally.ended, tally.runs);
  }
}

// Programs that have found faults: memory that the disk wants and does not get, in the folder of a checkpoint, and while one is looked for.
TEST_F(EngineChaos, ProgramsThatFoundFaults) {
  Tally tally;
  for (const std::uint64_t seed : {1024, 2660}) {
    SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed) + " RONDO_TEST_SEEDS=1");
    run_seed(seed, tally);
  }
}

TEST_F(EngineChaos, ASeedRepeatsItselfToTheLastBit) {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    EXPECT_EQ(run_seed(seed, tally), run_seed(seed, tally)) << "seed " << seed;
  EXPECT_NE(run_seed(1, tally), run_seed(2, tally));
}

}  // namespace
}  // namespace rondo::test
