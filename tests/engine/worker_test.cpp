// A worker alone, its messages given by hand: orders of arrival that no run can be made to show at will.
#include "engine/worker.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "by_hand.hpp"
#include "checkpoint/posix_storage.hpp"
#include "recovery/census.hpp"
#include "recovery/history.hpp"

namespace rondo::engine {
namespace {

// A state is a text; an update appends its input and tells the whole.
class Append final : public detail::Kernel {
 public:
  detail::Object make_state() const override { return object(""); }
  detail::Object unpack_state(Bytes packed) const override { return object(text(packed)); }
  detail::Object copy_state(const void* state) const override { return object(of(state)); }
  std::size_t packed_size(const void* state) const override { return of(state).size(); }
  void pack_state(const void* state, Buffer& out) const override { out.append(bytes(of(state))); }
  detail::Object unpack_input(Bytes packed) const override { return object(text(packed)); }
  void set_context(Bytes) override {}
  void update(void* state, const void* shared, Bytes own, const detail::CallInfo&, Buffer& output) override {
    auto& mine = *static_cast<std::string*>(state);
    mine += shared != nullptr ? of(shared) : text(own);
    output.append(bytes(mine));
  }

 private:
  static const std::string& of(const void* state) { return *static_cast<const std::string*>(state); }
  static detail::Object object(std::string value) {
    return {new std::string(std::move(value)), [](void* old) { delete static_cast<std::string*>(old); }};
  }
};

class WorkerByHand : public testing::Test {
 protected:
  void place(const std::string& state, StateId id = kState) {
    Buffer out = message(Kind::kPlace);
    Writer writer(out);
    writer.put(id);
    writer.put_block(bytes(state));
    give(kMaster, std::move(out));
  }
  void transfer_to(Rank to) {
    Buffer out = message(Kind::kTransfer);
    Writer writer(out);
    writer.put(to);
    writer.put_all(std::span<const StateId>(&kState, 1));
    give(kMaster, std::move(out));
  }
  void arrive_from(Rank from, const std::string& state, std::uint64_t generation = 0) {
    Buffer out = message(Kind::kStates);
    Writer writer(out);
    writer.put(generation);
    writer.put(Parcel{kState, 1, 0, {}});
    writer.put_block(bytes(state));
    writer.put_block(Bytes());
    give(from, std::move(out));
  }
  void assign(std::uint64_t epoch, const std::string& own_input, StateId id = kState) {
    Call call{};
    call.epoch = epoch;
    call.rounds = 1;
    call.own_inputs = true;
    const scheduler::Job job{id, 0, 0, 0, 0, 0};
    Buffer out = message(Kind::kAssign);
    Writer writer(out);
    writer.put(call);
    writer.put_block(Bytes());
    writer.put_all(std::span<const scheduler::Job>(&job, 1));
    writer.put_block(bytes(own_input));
    give(kMaster, std::move(out));
  }

  // The states that have been sent to this rank, as texts.
  std::vector<std::string> sent_to(Rank to) {
    worker_.poll();
    std::vector<std::string> states;
    for (const Envelope& each : transport_.sent) {
      Reader in(each.message);
      if (each.from != to || in.get<Kind>() != Kind::kStates) continue;
      (void)in.get<std::uint64_t>();
      while (!in.empty()) {
        (void)in.get<Parcel>();
        states.push_back(text(in.get_block()));
        (void)in.get_block();
      }
    }
    return states;
  }
  // The outputs reported so far, once there are `count`.
  std::vector<std::string> outputs(std::size_t count) {
    while (true) {
      worker_.poll();
      std::vector<std::string> all;
      for (const Envelope& each : transport_.sent) {
        Reader in(each.message);
        if (in.get<Kind>() != Kind::kReport) continue;
        (void)in.get<ReportHead>();
        for (std::size_t i = in.get_all<scheduler::Done>().size(); i > 0; --i)
          all.push_back(text(in.get_block()));
      }
      if (all.size() >= count) return all;
      transport_.wait(worker_.patience());
    }
  }

  explicit WorkerByHand(const WorkerSettings& settings = {})
      : worker_(transport_, storage_, std::make_unique<Append>(), settings) {}
  void give(Rank from, Buffer message) { worker_.handle({from, std::move(message)}); }

  ByHand transport_;

 private:
  checkpoint::PosixStorage storage_;

 protected:
  Worker worker_;
};

using Texts = std::vector<std::string>;

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

// Others may have left when it comes.
TEST_F(WorkerByHand, AStateThatComesAfterTheEndIsNotSentOn) {
  transfer_to(kOther);
  give(kMaster, message(Kind::kClose));
  worker_.poll();
  EXPECT_EQ(transport_.sent.size(), 1U);  // kClosed
  arrive_from(Rank{1}, "a");
  EXPECT_EQ(sent_to(kOther), Texts{});
}

TEST_F(WorkerByHand, AStateThatWaitsToLeaveAtTheEndStays) {
  place("a");
  transport_.bytes_unsent = std::size_t{1} << 40;
  transfer_to(kOther);
  give(kMaster, message(Kind::kClose));
  worker_.poll();
  EXPECT_TRUE(transport_.sent.empty());  // something is still on its way
  transport_.bytes_unsent = 0;
  EXPECT_EQ(sent_to(kOther), Texts{});
  EXPECT_EQ(transport_.sent.size(), 1U);
}

// ---- other workers are lost

class Bereft : public WorkerByHand {
 protected:
  static WorkerSettings settings() {
    WorkerSettings settings;
    settings.recover = true;
    return settings;
  }
  Bereft() : WorkerByHand(settings()) {}

  void lose(Rank rank) {
    Buffer out = message(Kind::kLost);
    Writer writer(out);
    writer.put(++losses_);
    writer.put_all(std::span<const Rank>(&rank, 1));
    give(kMaster, std::move(out));
  }
  void resume(std::uint64_t generation, const std::vector<StateId>& kept) {
    Buffer out = message(Kind::kResume);
    Writer writer(out);
    writer.put(ResumeHead{generation, 1, 2});
    writer.put_all(std::span<const StateId>(kept));
    give(kMaster, std::move(out));
  }
  // What the worker tells about its states after the last loss.
  std::vector<recovery::Held> held() {
    while (true) {
      worker_.poll();
      if (!transport_.sent.empty()) {
        Reader in(transport_.sent.back().message);
        if (in.get<Kind>() == Kind::kCensus && in.get<std::uint64_t>() == losses_)
          return in.get_all<recovery::Held>();
      }
      transport_.wait(worker_.patience());
    }
  }
  std::vector<StateId> census() {
    std::vector<StateId> ids;
    for (const recovery::Held& each : held()) ids.push_back(each.state);
    return ids;
  }
  void back_up() {
    Buffer out = message(Kind::kBackup);
    Writer writer(out);
    writer.put(std::uint64_t{1});
    const CopyTarget target{kState, kOther};
    writer.put_all(std::span<const CopyTarget>(&target, 1));
    give(kMaster, std::move(out));
  }
  // The copy, taken through two rounds with the inputs "b" and "c".
  void replay() {
    Buffer out = message(Kind::kReplay);
    Writer writer(out);
    writer.put_all(std::span<const StateId>(&kState, 1));
    writer.put_block(Bytes());
    writer.put(ReplayStep::kCall);
    writer.put(ReplayHead{0, 0, 0, 2});
    writer.put_block(bytes("b"));
    writer.put_block(bytes("c"));
    const recovery::Replay::Way way{kState, 0, 2, false};
    writer.put_all(std::span<const recovery::Replay::Way>(&way, 1));
    give(kMaster, std::move(out));
  }

  std::uint64_t losses_ = 0;
};
using States = std::vector<StateId>;

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
  Call call{};
  call.epoch = 1;
  call.rounds = 5;
  Buffer begin = message(Kind::kAssign);
  Writer first(begin);
  first.put(call);
  first.put_block(Bytes());
  first.put_all(std::span<const scheduler::Job>());
  give(kMaster, std::move(begin));
  Buffer out = message(Kind::kStates);
  Writer writer(out);
  writer.put(std::uint64_t{0});
  writer.put(Parcel{kState, 1, 1, scheduler::Job{kState, 0, 2, 0, 0, 1}});
  writer.put_block(bytes("a"));
  writer.put_block(Bytes());
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
