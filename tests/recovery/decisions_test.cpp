// What is decided when workers are lost, one decision at a time.
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <vector>

#include "recovery/backup.hpp"
#include "recovery/census.hpp"
#include "recovery/copies.hpp"
#include "recovery/failure_detector.hpp"
#include "recovery/outputs.hpp"

namespace rondo::recovery {
namespace {

Workers on_nodes(std::vector<std::uint32_t> nodes) {
  return {std::vector<bool>(nodes.size(), false), std::move(nodes)};
}
const std::vector<StateId> kIds = {StateId{3}, StateId{5}, StateId{8}};

// ---- copies

TEST(Keepers, AreOnOtherNodesWhereverThereIsOne) {
  const Workers workers = on_nodes({0, 0, 1, 1, 2, 2, 2});
  for (std::uint32_t w = 0; w < 7; ++w) {
    const std::vector<Worker> all = keepers(Worker{w}, workers);
    EXPECT_GE(all.size(), 4U);
    for (const Worker keeper : all) EXPECT_NE(workers.nodes[index(keeper)], workers.nodes[w]);
  }
}

TEST(Keepers, AreOnTheSameNodeWhenTheOthersAreLost) {
  Workers workers = on_nodes({0, 0, 1});
  workers.lost[2] = true;
  EXPECT_EQ(keepers(Worker{0}, workers), std::vector<Worker>{Worker{1}});
  workers.lost[1] = true;
  EXPECT_TRUE(keepers(Worker{0}, workers).empty());
}

TEST(Keepers, ShareTheWorkOfARecoveryAmongThemAndAllOwners) {
  const Workers workers = on_nodes({0, 0, 0, 0, 1, 1, 1, 1});
  std::set<std::uint32_t> first;
  for (std::uint32_t w = 0; w < 4; ++w) first.insert(index(keepers(Worker{w}, workers).front()));
  EXPECT_EQ(first.size(), 4U);
}

TEST(Backup, CountsTheCopiesThatHaveToArrive) {
  const std::vector<Worker> owners = {Worker{0}, Worker{1}, Worker{1}};
  const Backup pair = plan_backup(1, 0, kIds, owners, on_nodes({0, 0}), {});
  EXPECT_EQ(pair.missing, 3U);
  EXPECT_EQ(pair.others, (std::vector<Worker>{Worker{1}, Worker{0}, Worker{0}}));
  const std::vector<Worker> one(3, Worker{0});
  const Backup alone = plan_backup(1, 0, kIds, one, on_nodes({0}), {});
  EXPECT_EQ(alone.missing, 0U);
  EXPECT_EQ(alone.others, one);
}

TEST(Backup, ItsCopiesAreFoundWhereSomebodyLivesAndHasLessToDo) {
  const std::vector<Worker> owners = {Worker{0}, Worker{1}, Worker{1}};
  Workers workers = on_nodes({0, 0});
  const Backup backup = plan_backup(1, 0, kIds, owners, workers, {});
  const std::vector<std::size_t> busy = {2, 1};
  EXPECT_EQ(holder_of_copy(backup, StateId{3}, workers, busy), Worker{1});
  EXPECT_EQ(holder_of_copy(backup, StateId{8}, workers, busy), Worker{1});
  workers.lost[1] = true;
  EXPECT_EQ(holder_of_copy(backup, StateId{8}, workers, busy), Worker{0});
  workers.lost[0] = true;
  EXPECT_EQ(holder_of_copy(backup, StateId{8}, workers, busy), std::nullopt);
}

TEST(Copies, OfALaterBackupAreKeptThoughTheOneBeforeStillCounts) {
  Copies<int> copies;
  copies.put(1, StateId{1}, 10);
  copies.keep(1, 1);
  copies.put(2, StateId{1}, 20);  // is given up
  copies.put(3, StateId{1}, 30);  // has come before the word of that
  EXPECT_EQ(copies.at(StateId{1}), 10);
  copies.keep(1, 3);
  EXPECT_EQ(copies.at(StateId{1}), 10);
  copies.keep(3, 3);
  EXPECT_EQ(copies.at(StateId{1}), 30);
  copies.keep(2, 3);
  EXPECT_THROW((void)copies.at(StateId{1}), std::out_of_range);
}

// ---- outputs

TEST(Outputs, AreTakenOnceInWhateverOrderTheyCome) {
  Outputs outputs;
  outputs.begin(2);
  EXPECT_TRUE(outputs.is_first(0, 1));
  EXPECT_FALSE(outputs.is_first(0, 1));
  EXPECT_TRUE(outputs.is_first(0, 2));
  EXPECT_EQ(outputs.told(0), 0U);
  EXPECT_TRUE(outputs.is_first(0, 0));
  EXPECT_EQ(outputs.told(0), 3U);
  for (std::uint32_t round = 0; round < 3; ++round) EXPECT_FALSE(outputs.is_first(0, round));
  EXPECT_TRUE(outputs.is_first(0, 3));
  EXPECT_EQ(outputs.told(1), 0U);
  EXPECT_EQ(outputs.begun_at(0), 0U);
  outputs.resume();
  EXPECT_EQ(outputs.begun_at(0), 4U);
  EXPECT_EQ(outputs.begun_at(1), 0U);
}

// ---- who is silent

TEST(FailureDetector, OnlyWhoWasAskedAndHadTimeToAnswerIsLost) {
  FailureDetector silence(2, 8);
  const std::vector<bool> none(2, false);
  silence.begin(100);
  EXPECT_TRUE(silence.watch(101, none).ask.empty());
  EXPECT_EQ(silence.watch(102, none).ask, (std::vector<Worker>{Worker{0}, Worker{1}}));
  EXPECT_TRUE(silence.watch(103, none).ask.empty()) << "once is enough";
  silence.heard(Worker{1});
  for (double now = 104; now < 108; ++now) EXPECT_TRUE(silence.watch(now, none).lost.empty());
  EXPECT_EQ(silence.watch(108, none).lost, std::vector<Worker>{Worker{0}});
}

TEST(FailureDetector, WhatRankZeroDoesBetweenItsWaitsDoesNotCount) {
  FailureDetector silence(1, 8);
  const std::vector<bool> none(1, false);
  silence.begin(0);
  EXPECT_TRUE(silence.watch(1, none).ask.empty());
  silence.begin(1000);  // the program has computed for long
  EXPECT_TRUE(silence.watch(1000, none).ask.empty());
  // it was stopped in the middle of a wait: of that step a quarter of the deadline counts
  EXPECT_EQ(silence.watch(2000, none).ask.size(), 1U);
  EXPECT_TRUE(silence.watch(3000, none).lost.empty());
  EXPECT_TRUE(silence.watch(4000, none).lost.empty());
  EXPECT_EQ(silence.watch(5000, none).lost.size(), 1U);
}

TEST(FailureDetector, TheLostAreNotWatched) {
  FailureDetector silence(1, 8);
  silence.begin(0);
  for (double now = 1; now < 100; ++now) {
    const auto [ask, lost] = silence.watch(now, {true});
    EXPECT_TRUE(ask.empty() && lost.empty());
  }
}

// ---- where every state goes on

class FindStates : public testing::Test {
 protected:
  static constexpr std::uint64_t kEpoch = 7;

  FindStates() {
    backup_ = plan_backup(1, 0, kIds, std::vector<Worker>(3, Worker{0}), workers_, {});
    outputs_.begin(3);
  }
  // The first state of three is held by worker 1, the others by nobody; worker 0 is lost.
  RecoveryPlan find(const Held& held, std::vector<StateId> threw = {}) {
    workers_.lost[0] = true;
    Census census;
    census.begin(std::vector<Worker>{Worker{0}}, 2);
    census.count(Worker{1}, std::vector<Held>{held});
    EXPECT_TRUE(census.is_complete(workers_));
    const Running running{outputs_, kEpoch, std::move(threw)};
    return find_states(kIds, census, workers_, &backup_, replay_log_, &running);
  }
  [[nodiscard]] static bool keeps_first(const RecoveryPlan& found) {
    return found.kept[1] == std::vector<StateId>{StateId{3}};
  }

  Workers workers_ = on_nodes({0, 0});
  Backup backup_;
  Outputs outputs_;
  ReplayLog replay_log_;
};

TEST_F(FindStates, OneThatStandsWhereItsOutputsDoStays) {
  (void)outputs_.is_first(0, 0);
  const RecoveryPlan found = find({StateId{3}, 1, kEpoch});
  EXPECT_TRUE(keeps_first(found));
  EXPECT_EQ(found.missing[1].size(), 2U);
  EXPECT_EQ(found.rounds, (std::vector<std::uint32_t>{1, 0, 0}));
  EXPECT_EQ(found.owners, std::vector<Worker>(3, Worker{1}));
  EXPECT_EQ(found.gone, 0U);
}

TEST_F(FindStates, OneThatIsAheadOfItsOutputsIsMadeAnewUpToThem) {
  (void)outputs_.is_first(0, 0);
  const RecoveryPlan found = find({StateId{3}, 2, kEpoch});
  ASSERT_EQ(found.missing[1].size(), 3U);
  EXPECT_EQ(found.missing[1].front().progress.rounds, 1U);
}

TEST_F(FindStates, OneThatHasDoneNothingSinceTheCallBeganAnewStandsWhereItStoodThen) {
  (void)outputs_.is_first(0, 0);
  outputs_.resume();
  EXPECT_TRUE(keeps_first(find({StateId{3}, 0, 0}))) << "it was made anew";
  EXPECT_TRUE(keeps_first(find({StateId{3}, 5, kEpoch - 1})))
      << "what it did under an earlier epoch is no matter";
}

TEST_F(FindStates, AnUpdateThatThrewIsKeptInMind) {
  const RecoveryPlan found = find({StateId{3}, 0, kEpoch}, {StateId{3}, StateId{8}});
  EXPECT_TRUE(found.bases.at(StateId{3}).threw);
  EXPECT_FALSE(found.bases.at(StateId{5}).threw);
  ASSERT_EQ(found.missing[1].size(), 2U);
  EXPECT_FALSE(found.missing[1][0].progress.threw);
  EXPECT_TRUE(found.missing[1][1].progress.threw);
}

TEST_F(FindStates, WithoutAHolderAndACopyItIsGone) {
  backup_.others = backup_.owners;
  EXPECT_EQ(find({StateId{3}, 0, 0}).gone, 2U);
}

TEST(Census, CountsAllAgainAfterOneMoreLoss) {
  Workers workers = on_nodes({0, 0, 0});
  workers.lost[0] = true;
  Census census;
  census.begin(std::vector<Worker>{Worker{0}}, 3);
  census.count(Worker{1}, std::vector<Held>{{StateId{3}, 0, 0}});
  EXPECT_FALSE(census.is_complete(workers));
  workers.lost[1] = true;
  census.begin(std::vector<Worker>{Worker{1}}, 3);
  EXPECT_FALSE(census.find(StateId{3})) << "it was told by one that is lost now";
  EXPECT_FALSE(census.is_complete(workers));
  census.count(Worker{2}, std::vector<Held>{{StateId{5}, 0, 0}});
  EXPECT_TRUE(census.is_complete(workers));
  EXPECT_EQ(census.lost(), (std::vector<Worker>{Worker{0}, Worker{1}}));
}

}  // namespace
}  // namespace rondo::recovery
