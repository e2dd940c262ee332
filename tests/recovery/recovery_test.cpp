// The state machine of --rondo-recover, event by event.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "recovery/recovery.hpp"

namespace rondo::recovery {
namespace {

using Phase = Recovery::Phase;

constexpr double kDeadline = 8;
const std::vector<StateId> kIds = {StateId{3}, StateId{5}, StateId{8}};

// What was decided, in short: "ping 1; forget 1 2; tell 1".
std::string text(const Commands& commands) {
  struct Writer {
    std::string operator()(const command::Ping& each) { return "ping" + name(each.worker); }
    std::string operator()(const command::Forget& each) {
      std::string all = "forget";
      for (const Worker worker : each.workers) all += name(worker);
      return all;
    }
    std::string operator()(const command::TellLoss& each) { return "tell " + std::to_string(each.number); }
    std::string operator()(const command::BackUp& each) { return "back up " + std::to_string(each.number); }
    std::string operator()(const command::BackupDone& each) { return "done " + std::to_string(each.number); }
    std::string operator()(const command::Resume& each) {
      std::string all = "resume";
      for (const Worker worker : each.plan.owners) all += name(worker);
      return all + " from " + std::to_string(each.backup);
    }
    std::string operator()(const command::GiveUp& each) {
      std::string all = "give up";
      for (const Worker worker : each.lost) all += name(worker);
      return all + (each.states ? " states " + std::to_string(*each.states) : " all");
    }
    static std::string name(Worker worker) { return " " + std::to_string(index(worker)); }
  };
  std::string all;
  for (const Command& each : commands) all += (all.empty() ? "" : "; ") + std::visit(Writer(), each);
  return all;
}

// A run of four workers on four nodes; worker w holds state w, and worker 3 none. Its clock goes in quarters of the deadline.
class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest()
      : workers_{std::vector<bool>(4, false), {0, 1, 2, 3}}, machine_({10, kDeadline, false}, workers_, 0) {}

  [[nodiscard]] Recovery::Places places(std::uint64_t round = 0) const { return {kIds, owners_, round}; }

  // All workers are welcome, and all states placed and copied.
  void place_all() {
    machine_.welcomed();
    machine_.begin_placing();
    machine_.dropped({});
    EXPECT_EQ(text(machine_.placed(places())), "back up 1");
    EXPECT_EQ(text(machine_.backed_up(1, 3)), "done 1");
    machine_.end_placing();
    EXPECT_EQ(machine_.phase(), Phase::kWhole);
  }

  // All others answer, and these are silent until they are lost. Returns what was decided at that moment.
  std::string silence(const std::vector<std::uint32_t>& silent) {
    machine_.begin_wait(now_);
    std::string last;
    for (int i = 0; i < 16; ++i) {
      for (std::uint32_t w = 0; w < 4; ++w)
        if (std::find(silent.begin(), silent.end(), w) == silent.end()) machine_.heard(Worker{w});
      now_ += kDeadline / 8;
      last = text(machine_.tick(now_, std::nullopt));
      if (workers_.lost[silent.front()]) return last;
    }
    return last;
  }

  void count(std::uint32_t worker, std::uint64_t loss, const std::vector<Held>& held) {
    machine_.count(Worker{worker}, loss, held);
  }
  std::string settle() { return text(machine_.settle(kIds, nullptr)); }

  Workers workers_;
  std::vector<Worker> owners_ = {Worker{0}, Worker{1}, Worker{2}};
  Recovery machine_;
  double now_ = 100;
};

TEST_F(RecoveryTest, AWorkerThatIsLostBeforeItBeginsTakesNothingWithIt) {
  EXPECT_EQ(silence({2}), "forget 2");
  EXPECT_EQ(machine_.phase(), Phase::kGreeting);
}

TEST_F(RecoveryTest, NobodyIsLostInTheFirstSecondsAsWorkersAreStarting) {
  now_ = 0;
  machine_.begin_wait(0);
  for (; now_ < 10; now_ += 0.5) EXPECT_EQ(text(machine_.tick(now_, std::nullopt)), "");
}

TEST_F(RecoveryTest, TheLastWorkerIsNamedWhenAllAreLost) {
  EXPECT_EQ(silence({0, 1, 2, 3}), "forget 0 1 2 3; give up 0 1 2 3 all");
}

TEST_F(RecoveryTest, ASilentWorkerIsAskedBeforeItIsLost) {
  place_all();
  machine_.begin_wait(now_);
  for (std::uint32_t w : {0U, 2U, 3U}) machine_.heard(Worker{w});
  std::vector<std::string> decided;
  for (int i = 0; i < 16 && !workers_.lost[1]; ++i) {
    for (std::uint32_t w : {0U, 2U, 3U}) machine_.heard(Worker{w});
    now_ += kDeadline / 8;
    if (const std::string now = text(machine_.tick(now_, std::nullopt)); !now.empty()) decided.push_back(now);
  }
  EXPECT_EQ(decided, (std::vector<std::string>{"ping 1", "forget 1; tell 1"}));
  EXPECT_TRUE(machine_.is_counting());
}

TEST_F(RecoveryTest, TheWorkerOnRankZeroIsNeverLost) {
  place_all();
  machine_.begin_wait(now_);
  for (int i = 0; i < 40; ++i) {
    for (std::uint32_t w : {1U, 2U, 3U}) machine_.heard(Worker{w});
    now_ += kDeadline / 8;
    EXPECT_EQ(text(machine_.tick(now_, Worker{0})), "");
  }
}

TEST_F(RecoveryTest, GoesOnWhenAllThatAreLeftHaveSaidWhatTheyHold) {
  place_all();
  EXPECT_EQ(silence({1}), "forget 1; tell 1");
  count(0, 1, {{StateId{3}, 0, 0}});
  count(2, 1, {{StateId{8}, 0, 0}});
  EXPECT_EQ(settle(), "") << "worker 3 has not answered";
  count(3, 1, {});
  const std::string decided = settle();
  EXPECT_TRUE(decided == "resume 0 2 2 from 1" || decided == "resume 0 3 2 from 1" ||
              decided == "resume 0 0 2 from 1")
      << decided << ": state 5 is where its copy is, the others stay";
  EXPECT_EQ(machine_.phase(), Phase::kWhole);
}

TEST_F(RecoveryTest, AnotherLossBeginsTheCountAgain) {
  place_all();
  EXPECT_EQ(silence({1}), "forget 1; tell 1");
  count(0, 1, {{StateId{3}, 0, 0}});
  count(3, 1, {});
  EXPECT_EQ(silence({2}), "forget 2; tell 2");
  count(0, 1, {{StateId{3}, 0, 0}});  // of the loss before
  count(3, 2, {});
  EXPECT_EQ(settle(), "");
  count(0, 2, {{StateId{3}, 0, 0}});
  EXPECT_NE(settle(), "");
}

TEST_F(RecoveryTest, GivesUpWhenAStateAndBothCopiesAreGone) {
  place_all();
  const std::vector<Worker> keeps = keepers(Worker{1}, workers_);
  const std::uint32_t keeper = index(keeps.front());
  EXPECT_EQ(silence({1, keeper}), "forget " + std::to_string(std::min(1U, keeper)) + " " +
                                      std::to_string(std::max(1U, keeper)) + "; tell 1");
  for (std::uint32_t w = 0; w < 4; ++w)
    if (w != 1 && w != keeper) count(w, 1, w < 3 ? std::vector<Held>{{kIds[w], 0, 0}} : std::vector<Held>());
  EXPECT_EQ(settle().substr(0, 7), "give up");
  machine_.dropped({});
  EXPECT_EQ(machine_.phase(), Phase::kWhole);
}

TEST_F(RecoveryTest, ALossWhileStatesArePlacedPlacesThemAgain) {
  machine_.welcomed();
  machine_.begin_placing();
  machine_.dropped({});
  EXPECT_EQ(silence({2}), "forget 2; tell 1");
  EXPECT_TRUE(machine_.is_interrupted());
  machine_.begin_placing();
  machine_.dropped({});
  EXPECT_FALSE(machine_.is_interrupted());
  machine_.end_placing();
  EXPECT_EQ(machine_.phase(), Phase::kWhole);
}

TEST_F(RecoveryTest, ABackupCountsWhenAllCopiesHaveArrived) {
  machine_.welcomed();
  EXPECT_EQ(text(machine_.placed(places())), "back up 1");
  EXPECT_EQ(text(machine_.backed_up(1, 2)), "");
  EXPECT_TRUE(machine_.is_backing_up());
  EXPECT_EQ(text(machine_.backed_up(7, 1)), "") << "of another backup";
  EXPECT_EQ(text(machine_.backed_up(1, 1)), "done 1");
  EXPECT_FALSE(machine_.is_backing_up());
}

TEST_F(RecoveryTest, StatesAreCopiedAgainAfterTenRoundsAndNotWhileACopyIsUnderWay) {
  place_all();
  for (std::uint64_t round = 0; round < 10; ++round) {
    EXPECT_EQ(text(machine_.call_began(places(round + 1), {round, 1, {}})), "") << round;
    machine_.call_ended();
  }
  EXPECT_EQ(text(machine_.call_began(places(11), {10, 1, {}})), "back up 2");
  machine_.call_ended();
  EXPECT_EQ(text(machine_.call_began(places(30), {29, 1, {}})), "") << "the second one is under way";
  machine_.call_ended();
}

TEST_F(RecoveryTest, ALossAtTheEndOfTheRunIsToldAndNothingElse) {
  place_all();
  machine_.end();
  EXPECT_EQ(silence({0}), "forget 0; tell 1");
  EXPECT_EQ(machine_.phase(), Phase::kOver);
}

// A state whose update has thrown is as that update left it, unless it was put back.
TEST_F(RecoveryTest, AFailedUpdateIsDoneAgainUnlessItsStateWasPutBack) {
  for (const bool rollback : {false, true}) {
    Workers workers{std::vector<bool>(2, false), {0, 1}};
    Recovery machine({10, kDeadline, rollback}, workers, 0);
    machine.welcomed();
    const std::vector<StateId> ids = {StateId{3}};
    const std::vector<Worker> owners = {Worker{0}};
    ASSERT_EQ(text(machine.placed({ids, owners, 0})), "back up 1");
    ASSERT_EQ(text(machine.backed_up(1, 1)), "done 1");
    ASSERT_EQ(text(machine.call_began({ids, owners, 1}, {0, 1, {}})), "");
    machine.input(Buffer());
    double now = 100;
    machine.begin_wait(now);
    while (!workers.lost[0]) {
      machine.heard(Worker{1});
      (void)machine.tick(now += 1, std::nullopt);
    }
    machine.count(Worker{1}, 1, {});
    const Recovery::CallState call{1, {StateId{3}}};
    const Commands commands = machine.settle(ids, &call);
    ASSERT_EQ(text(commands), "resume 1 from 1");
    const auto& plan = std::get<command::Resume>(commands.front()).plan;
    EXPECT_EQ(plan.missing[1].at(0).progress.threw, !rollback);
  }
}

}  // namespace
}  // namespace rondo::recovery
