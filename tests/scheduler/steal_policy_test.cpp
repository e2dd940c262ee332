// From whom a hungry worker steals: what the policy of Rondo says, and calls that are complete with any other policy.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <stdexcept>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"
#include "scheduler/work_queue.hpp"

namespace rondo::scheduler {
namespace {

// Workers with these loads; the policy of Rondo looks at them at the time 10, with a latency of 1 s.
class FromLatest : public testing::Test {
 protected:
  static constexpr Time kNow{10};

  void load(std::uint32_t worker, double left, std::size_t ready) {
    loads_[worker].finish = kNow + Seconds(left);
    loads_[worker].ready = ready;
    if (ready > 0 || !loads_[worker].waiting.empty())
      givers_.emplace(-(loads_[worker].finish.count() + loads_[worker].waiting_work), worker);
  }
  [[nodiscard]] StealChoice choose(std::uint32_t thief, double left = 0) const {
    return steal_from_latest({kNow, Seconds(1), loads_, givers_}, {Worker{thief}, Seconds(left), 500});
  }
  [[nodiscard]] Steal steal(std::uint32_t thief, double left = 0) const {
    const StealChoice choice = choose(thief, left);
    EXPECT_TRUE(std::holds_alternative<Steal>(choice));
    return std::holds_alternative<Steal>(choice) ? std::get<Steal>(choice) : Steal{};
  }
  void expect_none(const StealChoice& choice, NoSteal none) const {
    ASSERT_TRUE(std::holds_alternative<NoSteal>(choice));
    EXPECT_EQ(std::get<NoSteal>(choice), none);
  }

  std::vector<WorkerLoad> loads_ = std::vector<WorkerLoad>(4);
  Ranking givers_;
};

TEST_F(FromLatest, TheVictimIsTheWorkerWithTheLatestEnd) {
  load(1, 20, 3);
  load(2, 30, 1);
  load(3, 25, 9);
  const Steal found = steal(0, 4);
  EXPECT_EQ(found.victim, Worker{2});
  EXPECT_EQ(found.from, StealFrom::kAssigned);
  EXPECT_EQ(found.relief, Seconds(13));
  EXPECT_EQ(found.request.left, Seconds(4));
  EXPECT_EQ(found.request.bytes_max, 500);
}

TEST_F(FromLatest, AThiefWithNothingLeftIsTakenToWaitForTheLatency) {
  load(1, 20, 3);
  EXPECT_EQ(steal(0).request.left, Seconds(1));
}

TEST_F(FromLatest, AThiefIsNotItsOwnVictim) {
  load(1, 20, 3);
  load(2, 30, 1);
  EXPECT_EQ(steal(2, 10).victim, Worker{1});
}

TEST_F(FromLatest, StatesThatAreNotAssignedGoFirst) {
  loads_[1].waiting = {5, 6};
  loads_[1].waiting_work = 8;
  loads_[1].waiting_offer = {2, Seconds(4)};
  load(1, 3, 1);
  const Steal found = steal(0);
  EXPECT_EQ(found.from, StealFrom::kWaiting);
  EXPECT_EQ(found.request.left, Seconds(0));
}

TEST_F(FromLatest, LittleWorkThatWaitsGoesOnlyWhileTheVictimIsBusy) {
  loads_[1].waiting = {5, 6};
  loads_[1].waiting_work = 8;  // no state of which is worth its move
  load(1, 1, 0);
  expect_none(choose(0), NoSteal::kForThisThief);
  givers_.clear();
  load(1, 3, 0);
  EXPECT_EQ(steal(0).from, StealFrom::kWaiting);
}

TEST_F(FromLatest, ADifferenceOfTwoLatenciesIsTooLittleForAllThieves) {
  load(1, 5, 3);
  expect_none(choose(0, 3), NoSteal::kForAnyThief);
  EXPECT_EQ(steal(0, 2.9).victim, Worker{1});
}

TEST_F(FromLatest, NobodyHasAnything) { expect_none(choose(0), NoSteal::kForAnyThief); }

TEST_F(FromLatest, WhatTheThiefItselfHasMayBeForAnother) {
  load(1, 30, 2);
  load(2, 1, 2);
  expect_none(choose(1, 0), NoSteal::kForThisThief);
}

// Takes from the worker with most states, whatever they cost.
StealChoice steal_from_fullest(const StealView& view, const Thief& thief) {
  std::optional<std::uint32_t> fullest;
  const auto states = [&](std::uint32_t w) { return view.loads[w].ready + view.loads[w].waiting.size(); };
  for (const auto& [key, w] : view.givers)
    if (Worker{w} != thief.worker && (!fullest || states(w) > states(*fullest))) fullest = w;
  if (!fullest) return NoSteal::kForThisThief;
  const bool waiting = !view.loads[*fullest].waiting.empty();
  return Steal{
      Worker{*fullest}, waiting ? StealFrom::kWaiting : StealFrom::kAssigned, {thief.left, thief.bytes_max}};
}
StealChoice steal_from_shortest(const StealView& view, const Thief& thief) {
  for (auto giver = view.givers.rbegin(); giver != view.givers.rend(); ++giver)
    if (Worker{giver->second} != thief.worker && view.loads[giver->second].ready > 0)
      return Steal{Worker{giver->second}, StealFrom::kAssigned, {thief.left, thief.bytes_max}, Seconds(1)};
  return NoSteal::kForThisThief;
}
StealChoice steal_never(const StealView&, const Thief&) { return NoSteal::kForAnyThief; }
StealChoice steal_from_itself(const StealView&, const Thief& thief) {
  return Steal{thief.worker, StealFrom::kAssigned, {thief.left, thief.bytes_max}};
}
StealChoice steal_from_nobody(const StealView& view, const Thief& thief) {
  return Steal{Worker{static_cast<std::uint32_t>(view.loads.size())},
               StealFrom::kWaiting,
               {thief.left, thief.bytes_max}};
}

StealChoice steal_what_is_assigned_already(const StealView& view, const Thief& thief) {
  for (const auto& [key, w] : view.givers)
    if (Worker{w} != thief.worker && view.loads[w].waiting.empty())
      return Steal{Worker{w}, StealFrom::kWaiting, {thief.left, thief.bytes_max}};
  return NoSteal::kForThisThief;
}

// Workers with their real queues, in virtual time; messages take none.
class Crew {
 public:
  struct Plan {
    StealPolicy* policy;
    std::uint64_t seed;
    std::size_t batch;
    std::uint32_t rounds;
  };
  explicit Crew(const Plan& plan) : plan_(plan), scheduler_(settings(plan)), workers_(kWorkers) {
    std::mt19937_64 random(plan.seed);
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < kStates; ++i) {
      ids.push_back(StateId{i});
      seconds_.push_back(std::exponential_distribution<>(20)(random));
    }
    (void)scheduler_.reset(ids, {});
    for (Slot slot = 0; slot < kStates; ++slot) scheduler_.packed(slot, 1000);
  }

  /// Runs a call, and says how long it took.
  Seconds call() {
    const Time begin = now_;
    ended_ = false;
    complete_ = 0;
    done_.assign(kStates, 0);
    for (Each& worker : workers_) {
      worker = Each();
      worker.queue.begin(plan_.rounds);
      worker.queue.open(plan_.rounds);
    }
    on(event::Begin{plan_.rounds, kStates});
    on(event::Opened{plan_.rounds});
    while (!ended_ && !testing::Test::HasFailure()) step();
    EXPECT_EQ(complete_, plan_.rounds);
    EXPECT_EQ(done_, std::vector<std::uint32_t>(kStates, plan_.rounds));
    for (Slot slot = 0; slot < kStates; ++slot) EXPECT_EQ(scheduler_.rounds_done(slot), plan_.rounds);
    return now_ - begin;
  }
  /// Updates that a thief has done for another worker.
  [[nodiscard]] std::size_t stolen() const { return stolen_; }

 private:
  static constexpr std::uint32_t kWorkers = 5;
  static constexpr Slot kStates = 60;
  struct Each {
    WorkQueue queue;
    Time ends = kNever;  // of the running update
  };

  static Settings settings(const Plan& plan) {
    Settings settings;
    settings.workers = kWorkers;
    settings.batch = plan.batch;
    settings.steal = plan.policy;
    return settings;
  }

  // All that can begin do so; then the first update ends.
  void step() {
    for (Each& worker : workers_) {
      if (worker.queue.running()) continue;
      if (const Job* job = worker.queue.start(now_)) worker.ends = now_ + Seconds(seconds_[job->slot]);
    }
    const auto next = std::min_element(workers_.begin(), workers_.end(),
                                       [](const Each& a, const Each& b) { return a.ends < b.ends; });
    ASSERT_LT(next->ends, kNever) << "nobody has work, and the call has not ended";
    now_ = std::exchange(next->ends, kNever);
    const Job job = *next->queue.running();
    ASSERT_EQ(done_[job.slot]++, job.round) << "a round twice or out of order";
    next->queue.finished(now_, Seconds(seconds_[job.slot]));
    const std::vector<Done> done{{job.slot, job.round, static_cast<float>(seconds_[job.slot]), job.hop}};
    const Offer offer = next->queue.offer(now_, MoveCost());
    on(event::Report{Worker{static_cast<std::uint32_t>(next - workers_.begin())}, done,
                     next->queue.left(now_), offer.count, offer.smallest, next->queue.ready() == 0});
  }

  void on(const Event& event) {
    for (const Command& each : scheduler_.on(now_, event)) std::visit([&](const auto& c) { obey(c); }, each);
  }
  void obey(const command::Assign& assign) {
    for (const Slot slot : assign.slots) {
      EXPECT_EQ(scheduler_.owner(slot), assign.worker);
      const Cost& cost = scheduler_.cost(slot);
      const auto predicted = static_cast<float>(cost.predicted().count());
      workers_[index(assign.worker)].queue.add({scheduler_.id(slot), slot, scheduler_.rounds_done(slot),
                                                cost.known() ? predicted : 0, 1000, scheduler_.hop(slot)},
                                               true);
    }
  }
  void obey(const command::Move& move) { stolen_ += move.slots.size(); }
  void obey(const command::Give& give) {
    ASSERT_NE(give.victim, give.thief);
    WorkQueue& victim = workers_[index(give.victim)].queue;
    std::vector<Given> given;
    for (const Job& job : victim.give(now_, give.request, MoveCost())) {
      workers_[index(give.thief)].queue.add(job, true);
      given.push_back({job.slot, job.hop});
    }
    stolen_ += given.size();
    const Offer offer = victim.offer(now_, MoveCost());
    on(event::Gave{give.victim, give.thief, given, victim.left(now_), offer.count, offer.smallest});
  }
  void obey(const command::Complete& complete) { EXPECT_EQ(complete.round, complete_++); }
  void obey(const command::Stop&) { ADD_FAILURE() << "nobody has cancelled the call"; }
  void obey(const command::End&) { ended_ = true; }

  const Plan plan_;
  Scheduler scheduler_;
  std::vector<Each> workers_;
  std::vector<double> seconds_;  // of an update, by slot
  std::vector<std::uint32_t> done_;
  std::uint32_t complete_ = 0;
  std::size_t stolen_ = 0;
  bool ended_ = false;
  Time now_{1};
};

class AnyPolicy : public testing::TestWithParam<StealPolicy*> {};

TEST_P(AnyPolicy, MakesCompleteCalls) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    for (const std::size_t batch : {std::size_t{0}, std::size_t{3}}) {
      for (const std::uint32_t rounds : {1U, 4U}) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", batch " + std::to_string(batch) + ", rounds " +
                     std::to_string(rounds));
        Crew crew({GetParam(), seed, batch, rounds});
        (void)crew.call();
        (void)crew.call();
        if (HasFailure()) return;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, AnyPolicy,
                         testing::Values(steal_from_latest, steal_from_fullest, steal_from_shortest,
                                         steal_never));

TEST(StealPolicy, TheOneOfTheSettingsIsUsed) {
  Crew never({steal_never, 1, 0, 1}), fullest({steal_from_fullest, 1, 0, 1}),
      latest({steal_from_latest, 1, 0, 1});
  const Seconds without = never.call();
  EXPECT_LT(fullest.call(), without);
  EXPECT_LT(latest.call(), without);
  EXPECT_EQ(never.stolen(), 0u);
  EXPECT_GT(fullest.stolen(), 0u);
  EXPECT_EQ(Settings().steal, steal_from_latest);
}

TEST(StealPolicy, AVictimWithoutStatesToGiveIsRefusedByName) {
  EXPECT_THROW(Crew({steal_from_itself, 1, 0, 1}).call(), std::logic_error);
  EXPECT_THROW(Crew({steal_from_nobody, 1, 0, 1}).call(), std::logic_error);
  EXPECT_THROW(Crew({steal_what_is_assigned_already, 1, 0, 1}).call(), std::logic_error);
}

// Worker 0 of three has 30 states; the others have none, and ask.
class TwoThieves : public testing::Test {
 protected:
  std::vector<Command> begin(StealPolicy* policy) {
    Settings settings;
    settings.workers = 3;
    settings.steal = policy;
    scheduler_.emplace(settings);
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < 30; ++i) ids.push_back(StateId{i});
    (void)scheduler_->reset(ids, {});
    (void)scheduler_->recover(Time(0), std::vector<Worker>(30, Worker{0}), {}, false);
    asked_ = 0;
    (void)scheduler_->on(Time(1), event::Begin{1, 30});
    return scheduler_->on(Time(1), event::Opened{1});
  }
  std::vector<Command> report(Time now) {
    return scheduler_->on(now, event::Report{Worker{0}, {}, Seconds(30), 30, Seconds(1), false});
  }
  static StealChoice none_for_any(const StealView&, const Thief&) {
    ++asked_;
    return NoSteal::kForAnyThief;
  }
  static StealChoice none_for_this(const StealView&, const Thief&) {
    ++asked_;
    return NoSteal::kForThisThief;
  }

  static inline int asked_ = 0;
  std::optional<Scheduler> scheduler_;
};

TEST_F(TwoThieves, AThiefIsNotServedAgainBeforeItsVictimHasAnswered) {
  (void)begin(steal_from_latest);
  EXPECT_EQ(report(Time(1)).size(), 2u);
  EXPECT_EQ(report(Time(2)).size(), 0u);
  // not even when it reports itself
  EXPECT_EQ(scheduler_->on(Time(2), event::Report{Worker{1}, {}, Seconds(0), 0, kNever, true}).size(), 0u);
}

TEST_F(TwoThieves, AfterNoStealForAnyThiefNoOtherIsLookedAt) {
  (void)begin(none_for_any);
  (void)report(Time(1));
  EXPECT_EQ(asked_, 1);
  (void)begin(none_for_this);
  (void)report(Time(1));
  EXPECT_EQ(asked_, 2);
}

}  // namespace
}  // namespace rondo::scheduler
