// A stall, in time that the test moves.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "engine/master/stall_watch.hpp"
#include "rank_zero.hpp"

namespace rondo::engine {
namespace {

using Ranks = std::vector<std::int32_t>;

class StallWatchTest : public testing::Test, public StallWatch::Subject {
 protected:
  explicit StallWatchTest() : zero_(options()) { watch_.begin_wait(zero_.transport.time); }

  static Options options() {
    Options options;
    options.stall = Options::Seconds(100);
    options.stall_abort = Options::Seconds(250);
    return options;
  }

  [[nodiscard]] bool is_idle() const override { return is_idle_; }
  [[nodiscard]] std::string activity() const override { return "round 7"; }
  [[nodiscard]] std::vector<Awaited> awaited() const override { return {{}, {2, StateId{5}}, {}, {}}; }

  // Lets time pass in the steps in which rank 0 waits.
  void pass(double seconds) {
    for (double left = seconds; left > 0;) {
      const double step = std::min({left, patience_, 1.0});
      zero_.transport.time += step;
      left -= step;
      patience_ = std::max(watch_.watch(zero_.transport.time), 1e-3);
    }
  }
  void answer(std::int32_t rank, const messages::Condition& condition = {}) {
    watch_.take(Rank{rank}, messages::Status{condition});
  }
  void answer_all() {
    for (const std::int32_t rank : zero_.transport.take_receivers(Kind::kPing)) answer(rank);
  }

  RankZero zero_;
  bool is_idle_ = false;
  StallWatch watch_{zero_.peers, zero_.loop, *this, zero_.log, zero_.options};
  double patience_ = 1;
};

TEST_F(StallWatchTest, AllWorkersAreAskedAfterTheIntervalAndNotBefore) {
  pass(99);
  EXPECT_EQ(zero_.transport.take_receivers(Kind::kPing), Ranks());
  pass(2);
  EXPECT_EQ(zero_.transport.take_receivers(Kind::kPing), (Ranks{1, 2, 3, 4}));
  EXPECT_EQ(zero_.log.take(), "") << "they have not answered";
}

TEST_F(StallWatchTest, TellsWhatEachOfThemDoesAndWhoIsWaitedFor) {
  pass(100.5);
  messages::Condition updating;
  updating.running = StateId{5};
  updating.running_for = 90;
  answer(1);
  answer(2, updating);
  answer(3);
  answer(4);
  pass(0.1);
  EXPECT_EQ(
      zero_.log.take(),
      "rondo: no progress for 100 s; rank 0 waits for round 7\n"
      "rondo:   rank 1: has nothing to do\n"
      "rondo:   rank 2: state 5 has been in update for 90 s, 0 more are ready; rank 0 waits for 2 of its "
      "states, the first is 5\n"
      "rondo:   rank 3: has nothing to do\n"
      "rondo:   rank 4: has nothing to do\n");
}

TEST_F(StallWatchTest, AWorkerThatDoesNotAnswerIsNotWaitedForLong) {
  watch_.heard(scheduler::Worker{3}, zero_.transport.time);
  pass(100.5);
  for (const int rank : {1, 2, 3}) answer(rank);
  pass(1);
  EXPECT_EQ(zero_.log.take(), "");
  pass(1.5);
  EXPECT_NE(zero_.log.take().find("rank 4: does not answer, silent for 102 s"), std::string::npos);
}

TEST_F(StallWatchTest, NobodyWaitsForTheAnswerOfALostWorker) {
  zero_.workers.lost[3] = true;
  pass(100.5);
  answer_all();
  pass(0.1);
  const std::string text = zero_.log.take();
  EXPECT_NE(text.find("rank 3:"), std::string::npos);
  EXPECT_EQ(text.find("rank 4:"), std::string::npos);
}

TEST_F(StallWatchTest, NothingIsToldIfItGoesOnWhileTheyAreAsked) {
  pass(100.5);
  watch_.progressed(zero_.transport.time);
  answer_all();
  pass(0.5);
  EXPECT_EQ(zero_.log.take(), "");
  pass(98);
  EXPECT_EQ(zero_.transport.take_receivers(Kind::kPing), Ranks()) << "the interval begins again";
}

TEST_F(StallWatchTest, IsToldAgainAfterAnotherInterval) {
  pass(100.5);
  answer_all();
  pass(1);
  EXPECT_NE(zero_.log.take(), "");
  pass(90);
  EXPECT_EQ(zero_.transport.take_receivers(Kind::kPing), Ranks());
  pass(11);
  EXPECT_EQ(zero_.transport.take_receivers(Kind::kPing).size(), 4U);
}

TEST_F(StallWatchTest, EndsTheRunAfterItsLimit) {
  pass(100.5);
  answer_all();
  pass(100);
  answer_all();
  pass(40);
  zero_.log.take();
  try {
    pass(15);
    ADD_FAILURE() << "it has not left";
  } catch (const LeftAtOnce& left) {
    EXPECT_EQ(left.status, EXIT_FAILURE) << "there is no checkpoint to go on from";
  }
  EXPECT_NE(zero_.log.take().find("rondo: no progress for 250 s; leaving with status 1\n"),
            std::string::npos);
}

// A job that was suspended for an hour has missed nothing.
TEST_F(StallWatchTest, TheTimeOfASuspensionDoesNotCount) {
  pass(60);
  zero_.transport.time += 3600;
  EXPECT_NO_THROW(pass(30));
  EXPECT_EQ(zero_.transport.take_receivers(Kind::kPing), Ranks());
  EXPECT_EQ(zero_.log.take(), "");
}

TEST_F(StallWatchTest, ASuspensionWhileTheyAreAskedIsNoSilenceOfTheirs) {
  pass(100.5);
  zero_.transport.time += 3600;
  EXPECT_NO_THROW(pass(0.5));
  EXPECT_EQ(zero_.log.take(), "");
}

TEST_F(StallWatchTest, ThereIsNoneWhileTheProgramAsksForNothing) {
  is_idle_ = true;
  EXPECT_NO_THROW(pass(1000));
  EXPECT_EQ(zero_.transport.take_receivers(Kind::kPing), Ranks());
}

}  // namespace
}  // namespace rondo::engine
