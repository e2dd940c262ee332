// With --rondo-batch: how many batches are at a worker at a time.
#include <gtest/gtest.h>

#include <utility>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {
namespace {

// Of 12 states in batches of two.
class Batches : public testing::Test {
 protected:
  std::size_t assigned_at_begin(std::vector<double> seconds) {
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < 12; ++i) ids.push_back(StateId{i});
    (void)scheduler_.reset(ids, seconds);
    return assigned(event::Begin{1, 12});
  }
  std::size_t assigned(const Event& event) {
    std::size_t count = 0;
    for (const Command& command : scheduler_.on(Time(1), event)) {
      const auto* assign = std::get_if<command::Assign>(&command);
      if (assign == nullptr) continue;
      EXPECT_EQ(assign->slots.size(), 2u);
      ++count;
    }
    return count;
  }

  Scheduler scheduler_{[] {
    Settings settings;
    settings.workers = 1;
    settings.batch = 2;
    return settings;
  }()};
};

TEST_F(Batches, TwoAreThereAndOneComesForEachThatIsDone) {
  EXPECT_EQ(assigned_at_begin(std::vector<double>(12, 1.0)), 2u);
  (void)assigned(event::Opened{1});
  const std::vector<Done> done{{0, 0, 1.0F, 0}, {1, 0, 1.0F, 0}};
  EXPECT_EQ(assigned(event::Report{Worker{0}, done, Seconds(2), 2, Seconds(1), false}), 1u);
}

TEST_F(Batches, SoAreTwoOfUnknownCost) { EXPECT_EQ(assigned_at_begin({}), 2u); }

TEST_F(Batches, MoreAreSentAheadWhereAllOfThemEndBeforeAnotherCouldCome) {
  const double latency = scheduler_.settings().move.latency.count();
  EXPECT_EQ(assigned_at_begin(std::vector<double>(12, latency / 100)), 6u);
  // each about half a way there: after four, the fifth would begin later than one could have come
  EXPECT_EQ(assigned_at_begin(std::vector<double>(12, latency * 0.51 / 2)), 4u);
}

// Of two workers one is inside a long update. The others of its states are hardly any work, but would wait for it.
TEST(BatchesOfTwoWorkers, WhatWaitsForALongUpdateGoesElsewhere) {
  for (const double longest : {1.0, 1e-7}) {
    Settings settings;
    settings.workers = 2;
    settings.batch = 2;
    Scheduler scheduler(settings);
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < 2000; ++i) ids.push_back(StateId{i});
    (void)scheduler.reset(ids, {});
    for (Slot slot = 0; slot < 2000; ++slot) scheduler.hint(slot, Seconds(slot == 0 ? longest : 1e-7));
    std::vector<Done> done;
    const auto see = [&](const std::vector<Command>& commands) {
      std::size_t moved = 0;
      for (const Command& command : commands) {
        if (const auto* assign = std::get_if<command::Assign>(&command);
            assign != nullptr && assign->worker == Worker{1})
          for (const Slot slot : assign->slots) done.push_back({slot, 0, 1e-7F, 0});
        if (const auto* move = std::get_if<command::Move>(&command)) {
          EXPECT_EQ(move->from, Worker{0});
          moved += move->slots.size();
        }
      }
      return moved;
    };
    EXPECT_EQ(see(scheduler.on(Time(0), event::Begin{1, 2000})), 0U);
    (void)scheduler.on(Time(0), event::Opened{1});
    std::size_t moved = 0;
    while (!done.empty() && moved == 0) {
      const std::vector<Done> last = std::exchange(done, {});
      moved = see(scheduler.on(Time(1e-6), event::Report{Worker{1}, last, Seconds(0), 0, kNever, true}));
    }
    if (longest == 1.0) {
      EXPECT_EQ(moved, 996U);  // all but two batches
    } else {
      EXPECT_EQ(moved, 0U);
    }
  }
}

}  // namespace
}  // namespace rondo::scheduler
