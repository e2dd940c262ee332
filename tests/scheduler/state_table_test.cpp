// The table of states: one owner for each, and what the owners hold is the sum of that.
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "scheduler/state_table.hpp"

namespace rondo::scheduler {
namespace {

constexpr Worker kFirst{0};
constexpr Worker kSecond{1};

// Four states of 100 bytes at the first of three workers.
class Table : public testing::Test {
 protected:
  void SetUp() override {
    std::vector<State> states(4);
    for (Slot slot = 0; slot < 4; ++slot) states[slot].id = StateId{slot};
    table_.replace(states);
    for (Slot slot = 0; slot < 4; ++slot) table_.packed(slot, 100);
  }
  StateTable table_{3};
};

TEST_F(Table, TheBytesOfAStateGoWithItsOwner) {
  table_.own(1, kSecond, 1);
  EXPECT_EQ(table_[1].owner, kSecond);
  EXPECT_EQ(table_.bytes_held(), (std::vector<double>{300, 100, 0}));
}

TEST_F(Table, AnotherSizeReplacesTheFormerOne) {
  table_.packed(0, 40);
  EXPECT_EQ(table_.bytes_held()[0], 340);
}

TEST_F(Table, AnOlderReportOfAnOwnerChangesNothing) {
  table_.own(0, kSecond, 2);
  table_.own(0, kFirst, 1);
  EXPECT_EQ(table_[0].owner, kSecond);
  EXPECT_EQ(table_[0].hop, 2u);
}

TEST_F(Table, AReportFromTheSameOwnerCountsItsHop) {
  table_.own(0, kFirst, 3);
  table_.own(0, kSecond, 2);
  EXPECT_EQ(table_[0].owner, kFirst);
}

TEST_F(Table, AnUnknownCostIsExpectedToBeTheMeanOfTheKnownOnes) {
  EXPECT_FALSE(table_.begin_call());
  table_.set_cost(0, Cost(Seconds(2)));
  table_.set_cost(1, Cost(Seconds(4)));
  EXPECT_TRUE(table_.begin_call());
  EXPECT_DOUBLE_EQ(table_.expected(0), 2);
  EXPECT_DOUBLE_EQ(table_.expected(3), 3);
}

TEST_F(Table, ACallBeginsWithNoRoundDone) {
  table_.did_round(2, Seconds(5));
  EXPECT_EQ(table_[2].rounds_done, 1u);
  EXPECT_DOUBLE_EQ(table_.expected(2), 5);
  (void)table_.begin_call();
  EXPECT_EQ(table_[2].rounds_done, 0u);
  EXPECT_DOUBLE_EQ(table_.expected(2), 5);
}

TEST_F(Table, OtherStatesReplaceTheBytesToo) {
  std::vector<State> states(1);
  states[0].owner = kSecond;
  states[0].bytes = 7;
  table_.replace(states);
  EXPECT_EQ(table_.bytes_held(), (std::vector<double>{0, 7, 0}));
}

TEST_F(Table, ARecoveryNamesTheOwnersAndCountsHopsFromTheBeginning) {
  table_.own(0, kSecond, 5);
  table_.lose(kSecond);
  EXPECT_EQ(table_.alive(), (std::vector<std::uint32_t>{0, 2}));
  table_.recover(std::vector<Worker>{kFirst, Worker{2}, kFirst, kFirst});
  EXPECT_EQ(table_[0].hop, 0u);
  EXPECT_EQ(table_.bytes_held(), (std::vector<double>{300, 0, 100}));
}

TEST_F(Table, NoStateIsRecoveredAtALostWorkerAndTheLastOneIsNotLost) {
  table_.lose(kSecond);
  EXPECT_THROW(table_.recover(std::vector<Worker>(4, kSecond)), std::logic_error);
  table_.lose(kFirst);
  EXPECT_THROW(table_.lose(Worker{2}), std::logic_error);
}

}  // namespace
}  // namespace rondo::scheduler
