// Rank 0 and its workers meet, and somebody is late, silent or suspended: what comes at an unexpected time does no harm, and
// nobody waits for ever.
//
// The clock is the test's, and so are all ranks but one.
#include <gtest/gtest.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/rondo.hpp>

#include "checkpoint/memory_storage.hpp"
#include "engine/build.hpp"
#include "engine/messages.hpp"
#include "engine/session.hpp"

namespace rondo::test {
namespace {

using engine::Kind;
using engine::to_bytes;
namespace messages = engine::messages;

class Nothing : public Update<int, int, int> {
 public:
  int update(int& state, const int&, const Call&) override { return state; }
};

const detail::Program& program() {
  static const detail::Program all = detail::make_program<Nothing>([] { return Nothing(); });
  return all;
}

// Not std::exception: nobody may take it for an error.
struct Left {
  int status;
};

Buffer hello() { return to_bytes(messages::Hello{engine::describe(program()), engine::node_name()}); }

// The place of rank 0. The other ranks say hello at their time, answer what is asked, and do nothing else.
class Workers final : public transport::Transport {
 public:
  Workers(std::int32_t count, std::map<std::int32_t, double> late)
      : size_(count + 1), late_(std::move(late)) {
    for (std::int32_t i = 1; i < size_; ++i)
      if (!late_.contains(i)) arrived_.push_back({Rank{i}, hello()});
  }

  void at(double time, std::function<void()> what) { events_.emplace(time, std::move(what)); }
  void suspend(double seconds) { now_ += seconds; }
  // A rank that answers what was asked long ago when the run is to end, and that only later.
  void delay_the_end(std::int32_t rank) { delayed_ = rank; }
  // A rank of which nothing is heard any more.
  void silence(std::int32_t rank) { silent_.insert(rank); }
  [[nodiscard]] std::uint64_t sent(std::int32_t to, Kind kind) const {
    const auto found = sent_.find({to, kind});
    return found == sent_.end() ? 0 : found->second;
  }

  Rank rank() const override { return kMaster; }
  std::int32_t size() const override { return size_; }
  void send(Rank to, Buffer message) override {
    if (to == kMaster) return arrived_.push_back({kMaster, std::move(message)});
    const Kind kind = engine::kind_of(message);
    ++sent_[{value(to), kind}];
    const bool has_come = !late_.contains(value(to)) || now_ >= late_.at(value(to));
    if (silent_.contains(value(to)) || !has_come) return;
    if (kind == Kind::kClose && value(to) == delayed_) {
      arrived_.push_back({to, to_bytes(messages::Counted{{5, 5}})});
      arrived_.push_back({to, to_bytes(messages::Tried())});
      at(now_ + 20, [this, to] { arrived_.push_back({to, to_bytes(messages::Closed())}); });
    } else if (kind == Kind::kClose) {
      arrived_.push_back({to, to_bytes(messages::Closed())});
    }
    if (kind == Kind::kPing) arrived_.push_back({to, to_bytes(messages::Status())});
  }
  std::optional<transport::Envelope> receive() override {
    for (auto late = late_.begin(); late != late_.end();) {
      if (now_ < late->second) {
        ++late;
        continue;
      }
      arrived_.push_back({Rank{late->first}, hello()});
      late = late_.erase(late);
    }
    while (!events_.empty() && events_.begin()->first <= now_) {
      const auto what = events_.extract(events_.begin());
      what.mapped()();
    }
    if (arrived_.empty()) return std::nullopt;
    transport::Envelope envelope = std::move(arrived_.front());
    arrived_.pop_front();
    return envelope;
  }
  std::size_t unsent() override { return 0; }
  void wait(transport::Seconds at_most) override {
    now_ += at_most.count();
    if (now_ > 1e6) throw std::logic_error("nothing ends this run");
  }
  void wake() override {}
  transport::Seconds now() const override { return transport::Seconds(now_); }

 private:
  const std::int32_t size_;
  std::map<std::int32_t, double> late_;  // by rank
  std::set<std::int32_t> silent_;
  std::int32_t delayed_ = 0;
  std::multimap<double, std::function<void()>> events_;
  std::deque<transport::Envelope> arrived_;
  std::map<std::pair<std::int32_t, Kind>, std::uint64_t> sent_;
  double now_ = 1;
};

// With which rank 0 has ended the job, if it has. What leaves then is taken for an exception of main, and the run ends in order.
std::optional<int> aborted;

// The status of rank 0, or 100 more than that with which it has ended the job.
int run(Workers& workers, const engine::Options& options, const std::function<void(Master<Nothing>&)>& main) {
  checkpoint::MemoryStorage storage;
  aborted.reset();
  const engine::Host host{storage, [](int status) {
                            aborted = status;
                            throw Left{status};
                          }};
  int status = 0;
  try {
    status = engine::run_master(workers, host, program(), options,
                                detail::erase_main<Nothing>([&](Master<Nothing>& master) { main(master); }));
  } catch (const Left&) {
  }
  return aborted ? 100 + *aborted : status;
}
int run(Workers& workers, const engine::Options& options) {
  return run(workers, options, [](Master<Nothing>&) {});
}

TEST(Meeting, AStallIsToldAlsoWhereRankZeroHasAWorkerThatIsNotThereYet) {
  engine::Options options;
  options.stall = rondo::Options::Seconds(5);
  options.master_works = true;
  Workers workers(2, {{2, 100.0}});
  testing::internal::CaptureStderr();
  EXPECT_EQ(run(workers, options), 0);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_GE(workers.sent(2, Kind::kPing), 10U);
  EXPECT_NE(told.find("rank 2: does not answer"), std::string::npos) << told;
}

TEST(Meeting, AWorkerThatIsLateIsWaitedFor) {
  engine::Options options;
  for (const bool recover : {false, true}) {
    options.recover = recover;
    Workers workers(2, {{2, 9.0}});
    EXPECT_EQ(run(workers, options, [](Master<Nothing>& master) { EXPECT_EQ(master.workers(), 2U); }), 0);
    EXPECT_EQ(workers.sent(2, Kind::kWelcome), 1U);
  }
}

TEST(Meeting, WithRecoveryAWorkerThatSaysNothingIsLost) {
  engine::Options options;
  options.recover = true;
  options.recover_deadline = rondo::Options::Seconds(5);
  Workers workers(3, {{2, 1e9}});
  EXPECT_EQ(run(workers, options, [&](Master<Nothing>& master) { EXPECT_EQ(master.workers(), 2U); }), 0);
  EXPECT_LE(workers.now().count(), 30);
  EXPECT_EQ(workers.sent(1, Kind::kWelcome), 1U);
  EXPECT_EQ(workers.sent(2, Kind::kWelcome), 0U);
  EXPECT_EQ(workers.sent(3, Kind::kWelcome), 1U);
  EXPECT_EQ(workers.sent(1, Kind::kExit), 1U);
}

TEST(Meeting, AWorkerThatSpeaksWhenItIsLostIsTurnedAway) {
  engine::Options options;
  options.recover = true;
  options.recover_deadline = rondo::Options::Seconds(5);
  Workers workers(2, {{2, 50.0}});
  // something that takes longer
  EXPECT_EQ(run(workers, options,
                [&](Master<Nothing>& master) {
                  workers.suspend(100);
                  (void)master.ids();
                }),
            0);
  EXPECT_EQ(workers.sent(2, Kind::kWelcome), 0U);
  EXPECT_EQ(workers.sent(2, Kind::kLeave), 1U);
}

TEST(Meeting, AnAnswerToAnEarlierQuestionIsNoneToThisOne) {
  Workers workers(2, {});
  workers.delay_the_end(2);
  double end = 0;
  EXPECT_EQ(run(workers, {}, [&](Master<Nothing>&) { end = workers.now().count(); }), 0);
  EXPECT_GE(workers.now().count(), end + 20);
  EXPECT_EQ(workers.sent(2, Kind::kExit), 1U);
}

TEST(Meeting, WithoutAnyWorkerThereIsNoRun) {
  engine::Options options;
  options.recover = true;
  Workers workers(2, {{1, 1e9}, {2, 1e9}});
  EXPECT_THROW((void)run(workers, options), WorkerLost);
}

TEST(Meeting, WithoutRecoveryTheRunIsGivenUpAfterAWhile) {
  engine::Options options;
  options.stall_abort = rondo::Options::Seconds(50);
  Workers workers(2, {{2, 1e9}});
  EXPECT_EQ(run(workers, options), 101);
  EXPECT_GE(workers.now().count(), 50);
  EXPECT_LE(workers.now().count(), 60);
}

// ---- suspended

// A job that is stopped for long and goes on has its clock jump. Nothing has failed to come meanwhile.
TEST(Suspension, IsNoStallWhileRankZeroWaitsForHellos) {
  engine::Options options;
  options.stall_abort = rondo::Options::Seconds(50);
  Workers workers(2, {{2, 130.0}});
  workers.at(20, [&] { workers.suspend(100); });
  EXPECT_EQ(run(workers, options), 0);
}

TEST(Suspension, IsNoStallInARoundAndTheStallComesAfterIt) {
  engine::Options options;
  options.stall_abort = rondo::Options::Seconds(50);
  for (const double suspended : {10.0, 1000.0}) {
    Workers workers(2, {});
    double begin = 0;
    workers.at(20, [&] { workers.suspend(suspended); });
    const int status = run(workers, options, [&](Master<Nothing>& master) {
      workers.wait(transport::Seconds(10));
      master.reset({1, 2, 3});
      begin = workers.now().count();
      (void)master.update(1);  // nobody reports
    });
    EXPECT_EQ(status, 101);
    EXPECT_GE(workers.now().count() - begin, 50 + suspended - 5);
    EXPECT_LE(workers.now().count() - begin, 50 + suspended + 5);
  }
}

TEST(Suspension, LosesNoWorkers) {
  engine::Options options;
  options.recover = true;
  options.recover_deadline = rondo::Options::Seconds(8);
  options.stall_abort = rondo::Options::Seconds(50);
  Workers workers(2, {});
  workers.at(20, [&] { workers.suspend(1000); });
  testing::internal::CaptureStderr();
  const int status = run(workers, options, [&](Master<Nothing>& master) {
    master.reset({1, 2, 3});  // nobody confirms the copies
  });
  EXPECT_EQ(status, 101);
  EXPECT_EQ(testing::internal::GetCapturedStderr().find("counts as lost"), std::string::npos);
}

// ---- a worker

// The place of rank 1; the test is rank 0.
class Alone final : public transport::Transport {
 public:
  explicit Alone(std::vector<Buffer> messages) {
    for (Buffer& each : messages) arrived_.push_back({kMaster, std::move(each)});
  }
  [[nodiscard]] std::uint64_t sent(Kind kind) const { return sent_.contains(kind) ? sent_.at(kind) : 0; }

  Rank rank() const override { return Rank{1}; }
  std::int32_t size() const override { return 2; }
  void send(Rank, Buffer message) override { ++sent_[engine::kind_of(message)]; }
  std::optional<transport::Envelope> receive() override {
    if (arrived_.empty()) return std::nullopt;
    transport::Envelope envelope = std::move(arrived_.front());
    arrived_.pop_front();
    return envelope;
  }
  std::size_t unsent() override { return 0; }
  void wait(transport::Seconds) override { throw std::logic_error("the worker waits for ever"); }
  void wake() override {}
  transport::Seconds now() const override { return transport::Seconds(1); }

 private:
  std::deque<transport::Envelope> arrived_;
  std::map<Kind, std::uint64_t> sent_;
};

int run_worker(Alone& place) {
  checkpoint::MemoryStorage storage;
  const engine::Host host{storage, [](int status) { throw Left{status}; }};
  return engine::run_worker(place, host, program());
}

TEST(Meeting, AWorkerThatIsNotWelcomedAnswersAndMayBeSentAway) {
  std::vector<Buffer> all;
  all.push_back(to_bytes(messages::Ping()));
  all.push_back(to_bytes(messages::Ping()));
  all.push_back(to_bytes(messages::Leave{5}));
  Alone place(std::move(all));
  EXPECT_EQ(run_worker(place), 5);
  EXPECT_EQ(place.sent(Kind::kHello), 1U);
  EXPECT_EQ(place.sent(Kind::kStatus), 2U);
}

}  // namespace
}  // namespace rondo::test
