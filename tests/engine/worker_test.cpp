// A worker alone, its messages given by hand: orders of arrival that no run can be made to show at will.
#include "worker_by_hand.hpp"

namespace rondo::engine {
namespace {

// A placement sent the state here and on to another worker, and a batch brings it back, all before it has come at all.
TEST_F(WorkerByHand, AStateThatPassesThroughIsUpdatedOnlyAfterItsReturn) {
  transfer_to(kOther);
  assign(1, "b");
  arrive_from(Rank{1}, "a");
  EXPECT_EQ(sent_to(kOther), Texts{"a"});
  arrive_from(kOther, "a");
  EXPECT_EQ(outputs(1), Texts{"ab"});
}

TEST_F(WorkerByHand, AStateThatWaitsToLeaveIsUpdatedOnlyAfterItsReturn) {
  place("a");
  transport_.bytes_unsent = std::size_t{1} << 40;
  transfer_to(kOther);
  assign(1, "b");
  EXPECT_EQ(sent_to(kOther), Texts{});
  transport_.bytes_unsent = 0;
  EXPECT_EQ(sent_to(kOther), Texts{"a"});
  arrive_from(kOther, "a");
  EXPECT_EQ(outputs(1), Texts{"ab"});
}

TEST_F(WorkerByHand, AStateThatWaitsToLeaveMayBeToldToLeaveAgain) {
  place("a");
  transport_.bytes_unsent = std::size_t{1} << 40;
  transfer_to(kOther);
  transfer_to(Rank{1});
  EXPECT_EQ(sent_to(kOther), Texts{});
  transport_.bytes_unsent = 0;
  EXPECT_EQ(sent_to(kOther), Texts{"a"});
  EXPECT_EQ(sent_to(Rank{1}), Texts{});
  arrive_from(kOther, "c");
  EXPECT_EQ(sent_to(Rank{1}), Texts{"c"});
}

TEST_F(WorkerByHand, AnInputWaitsForAStateThatIsOnItsWay) {
  assign(1, "b");
  arrive_from(kOther, "a");
  EXPECT_EQ(outputs(1), Texts{"ab"});
  assign(2, "c");
  EXPECT_EQ(outputs(2), (Texts{"ab", "abc"}));
}

// ---- the end: others may have left

TEST_F(WorkerByHand, AStateThatComesAfterTheEndIsNotSentOn) {
  transfer_to(kOther);
  give(kMaster, to_bytes(messages::Close()));
  worker_.poll();
  EXPECT_EQ(transport_.sent.size(), 1U);  // kClosed
  arrive_from(Rank{1}, "a");
  EXPECT_EQ(sent_to(kOther), Texts{});
}

TEST_F(WorkerByHand, AStateThatWaitsToLeaveAtTheEndStays) {
  place("a");
  transport_.bytes_unsent = std::size_t{1} << 40;
  transfer_to(kOther);
  give(kMaster, to_bytes(messages::Close()));
  worker_.poll();
  EXPECT_TRUE(transport_.sent.empty());  // something is still on its way
  transport_.bytes_unsent = 0;
  EXPECT_EQ(sent_to(kOther), Texts{});
  EXPECT_EQ(transport_.sent.size(), 1U);
}

class Branch : public WorkerByHand {
 protected:
  Branch()
      : WorkerByHand([] {
          WorkerSettings settings{};
          settings.tree_fanout = 1;
          return settings;
        }()) {}
  void share() { give(Rank{1}, to_bytes(messages::Context{1, {}})); }
};

TEST_F(Branch, AContextGoesDownTheTreeUntilTheEnd) {
  share();
  EXPECT_EQ(transport_.sent.size(), 1U);
  EXPECT_EQ(transport_.sent.front().from, kOther);
  give(kMaster, to_bytes(messages::Close()));
  share();
  EXPECT_EQ(transport_.sent.size(), 1U);
}

}  // namespace
}  // namespace rondo::engine
