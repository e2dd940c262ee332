// Messages of two workers arrive at the master in any order: a thief that has done what it stole may say so before its victim
// says that it gave.
#include <gtest/gtest.h>

#include <algorithm>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {
namespace {

constexpr Worker kVictim{0};
constexpr Worker kThief{1};

std::size_t count_gives(const std::vector<Command>& commands) {
  return static_cast<std::size_t>(std::count_if(commands.begin(), commands.end(), [](const Command& command) {
    const auto* give = std::get_if<command::Give>(&command);
    return give != nullptr && give->victim == kVictim && give->thief == kThief;
  }));
}

class Overtaking : public testing::Test {
 protected:
  // Eight states of one second on two workers; the thief has done its own four and asks for more.
  void SetUp() override {
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < 8; ++i) ids.push_back(StateId{i});
    (void)scheduler_.reset(ids, std::vector<double>(8, 1.0));
    (void)on(event::Begin{1, 8});
    (void)on(event::Opened{1});
    std::vector<Done> done;
    for (Slot slot = 4; slot < 8; ++slot) done.push_back({slot, 0, 1.0F, 0});
    EXPECT_EQ(count_gives(on(event::Report{kThief, done, Seconds(0), 0, kNever, true})), 1U);
  }

  std::vector<Command> on(const Event& event) { return scheduler_.on(Time(now_ += 0.01), event); }
  std::vector<Command> gave() {
    const std::vector<Given> given{{3, 1}};
    return on(event::Gave{kVictim, kThief, given, Seconds(3), 2, Seconds(0.1)});
  }

  Scheduler scheduler_{[] {
    Settings settings;
    settings.workers = 2;
    return settings;
  }()};
  double now_ = 0;
};

TEST_F(Overtaking, AThiefThatIsAlreadyDoneWithItAllIsStillHungry) {
  const std::vector<Done> done{{3, 0, 1e-6F, 1}};
  (void)on(event::Report{kThief, done, Seconds(0), 0, kNever, true});
  EXPECT_EQ(count_gives(gave()), 1U);
}

TEST_F(Overtaking, AThiefThatHasToRunItFirstIsNot) {
  EXPECT_EQ(count_gives(gave()), 0U);
  const std::vector<Done> done{{3, 0, 1.0F, 1}};
  EXPECT_EQ(count_gives(on(event::Report{kThief, done, Seconds(0), 0, kNever, true})), 1U);
}

}  // namespace
}  // namespace rondo::scheduler
