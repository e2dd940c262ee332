// The workers as rank 0 reaches them.
#include <gtest/gtest.h>

#include <vector>

#include "rank_zero.hpp"

namespace rondo::engine {
namespace {

using Ranks = std::vector<std::int32_t>;

Options working_master() {
  Options options;
  options.master_works = true;
  return options;
}

TEST(Peers, WorkersAreTheRanksAfterTheMaster) {
  const RankZero zero;
  for (std::uint32_t w = 0; w < 4; ++w) {
    EXPECT_EQ(zero.peers.rank_of(scheduler::Worker{w}), Rank{static_cast<std::int32_t>(w) + 1});
    EXPECT_EQ(zero.peers.worker_of(zero.peers.rank_of(scheduler::Worker{w})), scheduler::Worker{w});
  }
}

TEST(Peers, AMasterThatWorksIsTheFirstWorker) {
  const RankZero zero(working_master());
  EXPECT_EQ(zero.peers.rank_of(scheduler::Worker{0}), kMaster);
  EXPECT_EQ(zero.peers.worker_of(Rank{3}), scheduler::Worker{3});
}

TEST(Peers, NothingIsSentToALostWorker) {
  RankZero zero;
  zero.workers.lost[1] = true;
  zero.peers.send_all(to_bytes(messages::Ping()));
  EXPECT_EQ(zero.transport.take_receivers(Kind::kPing), (Ranks{1, 3, 4}));
  EXPECT_EQ(zero.peers.lost_ranks(), std::vector<Rank>{Rank{2}});
  EXPECT_EQ(zero.peers.alive(), 3U);
}

TEST(Peers, ATreeBeginsWithItsFirstRanksAndWithLossesThereIsNone) {
  Options options;
  options.fanout = 2;
  RankZero zero(options);
  zero.peers.send_tree(to_bytes(messages::Ping()));
  EXPECT_EQ(zero.transport.take_receivers(Kind::kPing), (Ranks{1, 2})) << "these send it on";
  options.recover = true;
  RankZero losing(options);
  losing.peers.send_tree(to_bytes(messages::Ping()));
  EXPECT_EQ(losing.transport.take_receivers(Kind::kPing), (Ranks{1, 2, 3, 4}));
}

TEST(Peers, AnAnswerCountsOnceAndOnlyToTheLastQuestion) {
  RankZero zero;
  zero.peers.await(Kind::kCounted);
  EXPECT_TRUE(zero.peers.count_answer(Rank{1}, Kind::kCounted));
  EXPECT_FALSE(zero.peers.count_answer(Rank{1}, Kind::kCounted));
  EXPECT_FALSE(zero.peers.count_answer(Rank{2}, Kind::kTried)) << "of a question before";
  EXPECT_FALSE(zero.peers.all_answered());
  for (const int rank : {2, 3}) EXPECT_TRUE(zero.peers.count_answer(Rank{rank}, Kind::kCounted));
  EXPECT_FALSE(zero.peers.all_answered());
  zero.workers.lost[3] = true;
  EXPECT_TRUE(zero.peers.all_answered()) << "nobody waits for a lost worker";
  zero.peers.await(Kind::kCounted);
  EXPECT_FALSE(zero.peers.all_answered()) << "it is asked again";
}

TEST(Peers, MessagesAreCountedBothWays) {
  RankZero zero;
  zero.peers.send(scheduler::Worker{2}, to_bytes(messages::Ping()));
  const std::uint64_t bytes = zero.transport.take_sent().front().message.size();
  zero.peers.received(100);
  EXPECT_EQ(zero.peers.traffic().messages, 2U);
  EXPECT_EQ(zero.peers.traffic().bytes, bytes + 100);
}

TEST(Peers, NodesAreCountedByName) {
  RankZero zero;
  EXPECT_EQ(zero.peers.count_nodes(), 1U) << "nobody has said where it is";
  zero.peers.set_node(Rank{1}, "there");
  zero.peers.set_node(Rank{2}, "there");
  EXPECT_EQ(zero.peers.count_nodes(), 2U);
  EXPECT_EQ(zero.peers.node_of(Rank{2}), "there");
}

}  // namespace
}  // namespace rondo::engine
