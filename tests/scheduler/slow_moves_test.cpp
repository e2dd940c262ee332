// What moves have taken is known in the calls that follow, and not for ever; a pause of the job says nothing of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {
namespace {

constexpr Worker kVictim{0};
constexpr Worker kThief{1};
constexpr double kEach = 5e-3;  // seconds of an update

class SlowMoves : public testing::Test {
 protected:
  static constexpr Seconds kSlow{0.2};

  // Eight states of 5 ms on two workers: a steal gains less than a slow move takes.
  void SetUp() override {
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < 8; ++i) ids.push_back(StateId{i});
    (void)scheduler_.reset(ids, std::vector<double>(8, kEach));
    for (Slot slot = 0; slot < 8; ++slot)
      scheduler_.packed(slot, 500e3);  // too big to move for an early start
  }

  // A call in which the thief has done its own four at once, and asks for more. The victim, if it is asked, says after that time
  // that it has nothing to give. Whether it was. Its states have taken so long each.
  bool call(Seconds answer, double victims = kEach) {
    (void)on(event::Begin{1, 8});
    (void)on(event::Opened{1});
    asked_.reset();
    for (const Command& command : on(event::Report{kThief, done(4, kEach), Seconds(0), 0, kNever, true}))
      if (const auto* give = std::get_if<command::Give>(&command)) asked_ = give->request;
    now_ += answer;
    if (asked_) (void)on(event::Gave{kVictim, kThief, {}, Seconds(kEach), 0, kNever});
    (void)on(event::Report{kVictim, done(0, victims), Seconds(0), 0, kNever, false});
    return asked_.has_value();
  }
  // How many moves the next call begins with.
  std::size_t moves() {
    const std::vector<Command> commands = on(event::Begin{1, 8});
    return static_cast<std::size_t>(
        std::count_if(commands.begin(), commands.end(),
                      [](const Command& command) { return std::holds_alternative<command::Move>(command); }));
  }

  std::vector<Command> on(const Event& event) { return scheduler_.on(now_, event); }
  // Four, from this slot on.
  const std::vector<Done>& done(Slot first, double seconds) {
    done_.clear();
    for (Slot slot = first; slot < first + 4; ++slot)
      done_.push_back({slot, 0, static_cast<float>(seconds), 0});
    return done_;
  }

  Scheduler scheduler_{[] {
    Settings settings;
    settings.workers = 2;
    return settings;
  }()};
  Time now_{0};
  std::vector<Done> done_;
  std::optional<StealRequest> asked_;
};

TEST_F(SlowMoves, NobodyIsAskedInTheNextCallForLessThanTheyTook) {
  ASSERT_TRUE(call(kSlow));
  EXPECT_FALSE(call(kSlow));
}

// The longest pause is no worse than a slow move.
TEST_F(SlowMoves, AfterFewCallsOneIsTriedAgain) {
  for (const Seconds answer : {kSlow, Seconds(60), Seconds(3600)}) {
    int calls = 0;
    while (calls < 20 && !call(answer)) ++calls;
    ASSERT_LT(calls, 20);
    for (calls = 0; calls < 20 && !call(Seconds(0)); ++calls) {
    }
    EXPECT_LT(calls, 10) << answer.count();
  }
}

TEST_F(SlowMoves, AThiefIsAsBusyAsWhatItAsksForIsOnItsWay) {
  ASSERT_TRUE(call(Seconds(20e-3)));
  ASSERT_TRUE(call(Seconds(0)));
  EXPECT_GT(asked_->left, Seconds(1e-3));
}

TEST_F(SlowMoves, NothingIsMovedBeforeACallForLessThanTheyTook) {
  ASSERT_TRUE(call(kSlow, 2 * kEach));
  EXPECT_EQ(moves(), 0U);
}

TEST_F(SlowMoves, WhatQuickOnesEvenOutIsMovedBeforeACall) {
  ASSERT_TRUE(call(Seconds(0), 2 * kEach));
  EXPECT_GT(moves(), 0U);
}

TEST_F(SlowMoves, QuickOnesAreAskedForInEveryCall) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(call(Seconds(0)));
}

}  // namespace
}  // namespace rondo::scheduler
