// With --rondo-batch: how many batches are at a worker at a time.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace rondo::scheduler
