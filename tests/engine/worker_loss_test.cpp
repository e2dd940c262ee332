// A worker alone that hears of the loss of others: what it still has, what it forgets, and what it does again.
#include "recovery/census.hpp"
#include "recovery/replay_log.hpp"
#include "worker_by_hand.hpp"

namespace rondo::engine {
namespace {

class Bereft : public WorkerByHand {
 protected:
  static WorkerSettings settings() {
    WorkerSettings settings;
    settings.recover = true;
    return settings;
  }
  Bereft() : WorkerByHand(settings()) {}

  void lose(Rank rank) { give(kMaster, to_bytes(messages::Lost{++losses_, {rank}})); }
  void resume(std::uint64_t generation, const std::vector<StateId>& kept) {
    give(kMaster, to_bytes(messages::Resume{generation, 1, 2, kept}));
  }
  // What the worker tells about its states after the last loss.
  std::vector<recovery::Held> held() {
    while (true) {
      worker_.poll();
      if (!transport_.sent.empty() && kind_of(transport_.sent.back().message) == Kind::kCensus) {
        const auto census = from_bytes<messages::Census>(transport_.sent.back().message);
        if (census.loss == losses_) return census.held;
      }
      transport_.wait(worker_.patience());
    }
  }
  std::vector<StateId> census() {
    std::vector<StateId> ids;
    for (const recovery::Held& each : held()) ids.push_back(each.state);
    return ids;
  }
  void back_up() { give(kMaster, to_bytes(messages::BackUp{1, {{kState, kOther}}})); }
  // The copy, taken through two rounds with the inputs "b" and "c".
  void replay() {
    Buffer out = to_bytes(messages::Replay{{kState}, {}, {}});
    append(out, messages::Replay::Step{messages::Replay::Rounds{
                    0, 0, 0, {bytes("b"), bytes("c")}, {}, {{kState, 0, 2, false}}}});
    give(kMaster, std::move(out));
  }

  std::uint64_t losses_ = 0;
};
using States = std::vector<StateId>;

// A job that waits for the state's return has to go on waiting while the state is copied and sent away.
TEST_F(Bereft, AStateThatPassesThroughIsCopiedAndUpdatedOnlyAfterItsReturn) {
  give(kMaster, to_bytes(messages::BackUp{1, {{kState, Rank{1}}}}));
  transfer_to(kOther);
  assign(1, "b");
  arrive_from(Rank{1}, "a");
  EXPECT_EQ(sent_to(kOther), Texts{"a"});
  const auto copies = [](const Envelope& each) { return kind_of(each.message) == Kind::kCopies; };
  EXPECT_EQ(std::count_if(transport_.sent.begin(), transport_.sent.end(), copies), 1);
  constexpr StateId kNext{8};
  place("c", kNext);
  assign(1, "d", kNext);
  EXPECT_EQ(outputs(1), Texts{"cd"});
  arrive_from(kOther, "a");
  EXPECT_EQ(outputs(2), (Texts{"cd", "ab"}));
}

TEST_F(Bereft, WhatTheMasterDoesNotWantIsGone) {
  place("a");
  lose(Rank{1});
  EXPECT_EQ(census(), States{kState});
  resume(1, {});
  lose(kOther);
  EXPECT_EQ(census(), States{});
}

TEST_F(Bereft, WhatIsKeptIsStillThere) {
  place("a");
  lose(Rank{1});
  EXPECT_EQ(census(), States{kState});
  resume(1, {kState});
  transfer_to(kOther);
  EXPECT_EQ(sent_to(kOther), Texts{"a"});
}

TEST_F(Bereft, WhatWasAskedOfAStateBeforeTheLossIsForgotten) {
  place("a");
  transport_.bytes_unsent = std::size_t{1} << 40;
  transfer_to(kOther);
  transfer_to(Rank{1});
  lose(Rank{5});
  EXPECT_EQ(census(), States{kState});
  resume(1, {kState});
  transport_.bytes_unsent = 0;
  EXPECT_EQ(sent_to(kOther), Texts{});
  transfer_to(kOther);
  EXPECT_EQ(sent_to(kOther), Texts{"a"});
  arrive_from(kOther, "b", 1);
  EXPECT_EQ(sent_to(Rank{1}), Texts{});
}

// Rounds that a state has done elsewhere count as well: their outputs may be lost with who did them.
TEST_F(Bereft, AStateThatCameWithItsJobStandsWhereTheJobDoes) {
  messages::Assign assign{};
  assign.call.epoch = 1;
  assign.call.rounds = 5;
  give(kMaster, to_bytes(assign));
  Buffer out = to_bytes(messages::States());
  append(out, messages::States::Item{
                  messages::Parcel{kState, 1, 1, scheduler::Job{kState, 0, 2, 0, 0, 1}}, {}, bytes("a")});
  give(kOther, std::move(out));
  lose(Rank{1});
  const std::vector<recovery::Held> all = held();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all.front().rounds, 2U);
  EXPECT_EQ(all.front().epoch, 1U);
}

TEST_F(Bereft, StatesThatWereSentBeforeTheMasterDecidedAreDropped) {
  lose(Rank{1});
  EXPECT_EQ(census(), States{});
  resume(1, {});
  arrive_from(kOther, "a", 0);
  lose(Rank{1});
  EXPECT_EQ(census(), States{});
}

TEST_F(Bereft, StatesOfWorkersThatHaveHeardOfTheDecisionEarlierWait) {
  lose(Rank{1});
  EXPECT_EQ(census(), States{});
  arrive_from(kOther, "a", 1);
  resume(1, {});
  lose(Rank{1});
  EXPECT_EQ(census(), States{kState});
}

TEST_F(Bereft, FromTheLostNothingIsTaken) {
  lose(kOther);
  arrive_from(kOther, "a");
  EXPECT_EQ(census(), States{});
}

TEST_F(Bereft, ACopyBringsItsStateBackAndIsUpdatedAsItWas) {
  place("a");
  back_up();
  assign(1, "x");
  EXPECT_EQ(outputs(1), Texts{"ax"});
  lose(Rank{1});
  EXPECT_EQ(census(), States{kState});
  resume(1, {});
  replay();
  assign(2, "d");  // waits for it
  EXPECT_EQ(outputs(2), (Texts{"ax", "abcd"}));
}

TEST_F(Bereft, WhatWasToBeMadeAnewIsGivenUpAtTheNextLoss) {
  constexpr StateId kAnother{9};
  place("a");
  back_up();
  lose(Rank{1});
  EXPECT_EQ(census(), States{kState});
  resume(1, {});
  replay();
  lose(Rank{1});
  EXPECT_EQ(census(), States{});
  resume(2, {});
  place("z", kAnother);
  assign(1, "y", kAnother);  // the thread that computes has had its turn then
  EXPECT_EQ(outputs(1), Texts{"zy"});
  lose(Rank{1});
  EXPECT_EQ(census(), States{kAnother});
}

}  // namespace
}  // namespace rondo::engine
