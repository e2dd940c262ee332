// With --rondo-check states go from worker to worker, after stays of different lengths.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {
namespace {

// One call after the other, in which every worker does what it was given at once.
class Rotation : public testing::Test {
 protected:
  void begin(std::uint32_t workers, std::uint64_t states) {
    Settings settings;
    settings.workers = workers;
    settings.rotate = true;
    scheduler_.emplace(settings);
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < states; ++i) ids.push_back(StateId{i});
    (void)scheduler_->reset(ids, {});
  }
  // The states that it moves; every one is in a Move from its old owner to its new one.
  std::vector<Slot> call() {
    std::vector<Worker> before;
    for (Slot slot = 0; slot < scheduler_->size(); ++slot) before.push_back(scheduler_->owner(slot));
    std::vector<Slot> moved;
    std::map<Slot, Worker> assigned;
    for (const Command& command : scheduler_->on(Time(1), event::Begin{1, 1000})) {
      if (const auto* move = std::get_if<command::Move>(&command)) {
        for (const Slot slot : move->slots) {
          EXPECT_EQ(before[slot], move->from);
          EXPECT_EQ(scheduler_->owner(slot), move->to);
          moved.push_back(slot);
        }
      }
      if (const auto* assign = std::get_if<command::Assign>(&command))
        for (const Slot slot : assign->slots) assigned[slot] = assign->worker;
    }
    EXPECT_EQ(assigned.size(), scheduler_->size());
    (void)scheduler_->on(Time(1), event::Opened{1});
    for (const auto& [slot, worker] : assigned) {
      EXPECT_EQ(worker, scheduler_->owner(slot));
      const std::vector<Done> done{{slot, 0, 1.0F, scheduler_->hop(slot)}};
      (void)scheduler_->on(Time(1), event::Report{worker, done, Seconds(0), 0, Seconds(1), false});
    }
    return moved;
  }

  std::optional<Scheduler> scheduler_;
};

TEST_F(Rotation, SomeStatesMoveInEveryCallAndOthersStay) {
  begin(3, 12);
  std::size_t stayed_long = 0;
  std::vector<std::size_t> stays(12, 0);
  for (int i = 0; i < 40; ++i) {
    const std::vector<Slot> moved = call();
    EXPECT_GE(moved.size(), 3U);
    EXPECT_LE(moved.size(), 12U);
    for (std::size_t& stay : stays) ++stay;
    for (const Slot slot : moved) {
      stayed_long += stays[slot] >= 7 ? 1 : 0;
      stays[slot] = 0;
    }
  }
  EXPECT_GE(stayed_long, 12U);
}

TEST_F(Rotation, ASingleStateStaysAndMoves) {
  begin(2, 1);
  int moves = 0;
  for (int i = 0; i < 8; ++i) moves += call().size() == 1 ? 1 : 0;
  EXPECT_EQ(moves, 4);
}

TEST_F(Rotation, OneWorkerHasNoOtherPlace) {
  begin(1, 5);
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(call().empty());
}

TEST_F(Rotation, NothingGoesToAWorkerThatIsLost) {
  begin(3, 6);
  (void)call();
  scheduler_->lose(Worker{1});
  std::vector<Worker> owners(6, Worker{0});
  (void)scheduler_->recover(Time(1), owners, {}, false);
  for (int i = 0; i < 16; ++i) {
    (void)call();
    for (Slot slot = 0; slot < 6; ++slot) EXPECT_NE(scheduler_->owner(slot), Worker{1});
  }
}

}  // namespace
}  // namespace rondo::scheduler
