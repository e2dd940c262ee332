// What moves have taken is known in the calls that follow, and not for ever.
#include <gtest/gtest.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {
namespace {

constexpr Worker kVictim{0};
constexpr Worker kThief{1};

class SlowMoves : public testing::Test {
 protected:
  // Eight states of 0.1 s on two workers.
  void SetUp() override {
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < 8; ++i) ids.push_back(StateId{i});
    (void)scheduler_.reset(ids, std::vector<double>(8, 0.1));
  }

  // A call in which the thief has done its own four at once, and asks for more. The victim, if it is asked, says after that time
  // that it has nothing to give. Whether it was.
  bool call(Seconds answer) {
    (void)on(event::Begin{1, 8});
    (void)on(event::Opened{1});
    const std::vector<Command> commands = on(event::Report{kThief, done(4), Seconds(0), 0, kNever, true});
    const bool asked = std::any_of(commands.begin(), commands.end(), [](const Command& command) {
      return std::holds_alternative<command::Give>(command);
    });
    now_ += answer;
    if (asked) (void)on(event::Gave{kVictim, kThief, {}, Seconds(0.1), 0, kNever});
    (void)on(event::Report{kVictim, done(0), Seconds(0), 0, kNever, false});
    return asked;
  }

  std::vector<Command> on(const Event& event) { return scheduler_.on(now_, event); }
  // Four, from this slot on.
  const std::vector<Done>& done(Slot first) {
    done_.clear();
    for (Slot slot = first; slot < first + 4; ++slot) done_.push_back({slot, 0, 0.1F, 0});
    return done_;
  }

  Scheduler scheduler_{[] {
    Settings settings;
    settings.workers = 2;
    return settings;
  }()};
  Time now_{0};
  std::vector<Done> done_;
};

TEST_F(SlowMoves, NobodyIsAskedInTheNextCallForLessThanTheyTook) {
  constexpr Seconds kSlow{4};
  ASSERT_TRUE(call(kSlow));
  EXPECT_FALSE(call(kSlow));
}

TEST_F(SlowMoves, AfterSomeCallsOneIsTriedAgain) {
  ASSERT_TRUE(call(Seconds(4)));
  int calls = 1;
  while (calls < 20 && !call(Seconds(0))) ++calls;
  EXPECT_LT(calls, 20);
}

TEST_F(SlowMoves, QuickOnesAreAskedForInEveryCall) {
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(call(Seconds(0)));
}

}  // namespace
}  // namespace rondo::scheduler
