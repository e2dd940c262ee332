// The placement as functions over a table of states.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "scheduler/placement.hpp"

namespace rondo::scheduler {
namespace {

// States of these costs in seconds, all at the first of two workers.
StateTable table(const std::vector<double>& seconds) {
  StateTable table(2);
  std::vector<State> states(seconds.size());
  for (Slot slot = 0; slot < states.size(); ++slot) {
    states[slot].id = StateId{slot};
    states[slot].bytes = 100;
    states[slot].cost = Cost(Seconds(seconds[slot]));
  }
  table.replace(states);
  return table;
}
Settings two_workers() {
  Settings settings;
  settings.workers = 2;
  return settings;
}

TEST(TablePlacement, ARefinementCountsTheHopsOfWhatItMoves) {
  StateTable states = table({1, 1, 1, 1});
  const std::vector<command::Move> moves = refine(states, two_workers(), Seconds(1e-3));
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].slots.size(), 2u);
  for (const Slot slot : moves[0].slots) {
    EXPECT_EQ(states[slot].owner, Worker{1});
    EXPECT_EQ(states[slot].hop, 1u);
  }
  EXPECT_EQ(states.bytes_held(), (std::vector<double>{200, 200}));
}

TEST(TablePlacement, LongStatesAreSpreadAndTheTableStaysAsItIs) {
  const StateTable states = table({1, 1, 1, 1});
  const std::vector<std::uint32_t> place = spread_long(states, two_workers());
  EXPECT_GT(std::count(place.begin(), place.end(), 1U), 0);
  EXPECT_EQ(states[0].owner, Worker{0});
  EXPECT_EQ(states[3].owner, Worker{0});
}

TEST(TablePlacement, NothingIsSpreadOrRotatedToAWorkerWithoutMemory) {
  StateTable states = table({1, 1, 1, 1});
  Settings settings = two_workers();
  settings.bytes_max = 50;
  EXPECT_EQ(spread_long(states, settings), (std::vector<std::uint32_t>(4, 0)));
  for (std::uint64_t calls = 1; calls <= 8; ++calls) EXPECT_TRUE(rotate(states, settings, calls).empty());
  settings.bytes_max = 1000;
  EXPECT_FALSE(rotate(states, settings, 8).empty());
}

TEST(TablePlacement, ChildrenBeginWithoutHopsAndWithTheCostOfTheirParent) {
  StateTable states = table({2, 3});
  states.own(0, Worker{1}, 4);
  const std::vector<Copy> copies =
      resample(states, two_workers(), std::vector<std::uint32_t>{2, 0}, StateId{10});
  std::uint32_t count = 0;
  for (const Copy& copy : copies) count += copy.count;
  EXPECT_EQ(count, 2u);
  ASSERT_EQ(states.size(), 2u);
  for (Slot slot = 0; slot < 2; ++slot) {
    EXPECT_EQ(states[slot].id, StateId{10 + slot});
    EXPECT_EQ(states[slot].hop, 0u);
    EXPECT_DOUBLE_EQ(states.expected(slot), 2);
  }
  EXPECT_EQ(states.bytes_held(), (std::vector<double>{100, 100}));
}

}  // namespace
}  // namespace rondo::scheduler
