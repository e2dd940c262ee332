// What a worker keeps below a limit, or does in time: reports while others wait for its states, outputs that are held back,
// copies that have not left, the length of a message. Updates end when the test lets them, and its clock stands still meanwhile.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "by_hand.hpp"
#include "checkpoint/posix_storage.hpp"
#include "engine/worker.hpp"

namespace rondo::engine {
namespace {

// How many updates may end.
class Gate {
 public:
  void let(std::size_t count) {
    {
      const std::lock_guard lock(mutex_);
      let_ += count;
    }
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return ended_ < let_; });
    ++ended_;
  }
  // Waits until so many have begun.
  void begun(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t let_ = 0, begun_ = 0, ended_ = 0;
};

// A state is a text, and so is its output.
class Gated final : public detail::Kernel {
 public:
  explicit Gated(Gate& gate) : gate_(gate) {}
  detail::Object make_state() const override { return object(""); }
  detail::Object unpack_state(Bytes packed) const override { return object(text(packed)); }
  detail::Object copy_state(const void* state) const override { return object(of(state)); }
  std::size_t packed_size(const void* state) const override { return of(state).size(); }
  void pack_state(const void* state, Buffer& out) const override { out.append(bytes(of(state))); }
  void save_state(const void* state, Buffer& out, detail::Recorder&) const override {
    pack_state(state, out);
  }
  detail::Object load_state(Bytes packed, const detail::Schema&) const override {
    return unpack_state(packed);
  }
  detail::Object unpack_input(Bytes packed) const override { return object(text(packed)); }
  void set_context(Bytes) override {}
  void update(void* state, const void*, Bytes, const detail::CallInfo&, Buffer& output) override {
    gate_.pass();
    output.append(bytes(of(state)));
  }

 private:
  static const std::string& of(const void* state) { return *static_cast<const std::string*>(state); }
  static detail::Object object(std::string value) {
    return {new std::string(std::move(value)), [](void* old) { delete static_cast<std::string*>(old); }};
  }
  Gate& gate_;
};

constexpr std::size_t kStates = 10;
constexpr std::size_t kBytes = 1000;  // of a state

class WorkerLimits : public testing::Test {
 protected:
  WorkerLimits() { transport_.clock = 0; }
  ~WorkerLimits() override { gate_.let(1000); }

  void start(const WorkerSettings& settings) {
    worker_ = std::make_unique<Worker>(transport_, Host{storage_, nullptr}, std::make_unique<Gated>(gate_),
                                       settings);
    Buffer out = to_bytes(messages::Place());
    const std::string state(kBytes, 'x');
    for (std::uint64_t i = 0; i < kStates; ++i) append(out, messages::Place::Item{StateId{i}, bytes(state)});
    give(std::move(out));
  }
  // All of them, each of which is expected to take so long; the first one begins.
  void assign(std::uint32_t rounds, float cost, bool more_follow = false) {
    messages::Assign assign{};
    assign.call.epoch = 1;
    assign.call.rounds = rounds;
    assign.call.input_included = true;
    assign.call.more_follow = more_follow;
    for (Slot i = 0; i < kStates; ++i) assign.jobs.push_back({StateId{i}, i, 0, cost, kBytes, 0});
    give(to_bytes(assign));
    gate_.begun(1);
  }
  void give(Buffer message) { worker_->handle({kMaster, std::move(message)}); }
  void ask_for_states() {
    give(to_bytes(messages::Give{1, kOther, {scheduler::Seconds(0), 1e9}}));
    worker_->poll();
  }
  template <class M, class Visit>
  void for_each_sent(const Visit& visit) {
    for (const Envelope& each : transport_.sent)
      if (kind_of(each.message) == M::kind) visit(from_bytes<M>(each.message), each.message.size());
  }
  // The reports so far, each with the number of its updates.
  using Reports = std::vector<std::pair<messages::Report::Progress, std::size_t>>;
  Reports reports() {
    worker_->poll();
    Reports all;
    for_each_sent<messages::Report>([&](const messages::Report& report, std::size_t) {
      all.emplace_back(report.progress, report.done.size());
    });
    return all;
  }
  // Waits until there are so many; the thread that computes says when one is due.
  Reports wait_for_reports(std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (reports().size() < count && std::chrono::steady_clock::now() < end)
      transport_.wait(transport::Seconds(0.1));
    return reports();
  }
  std::size_t given() {
    std::size_t count = 0;
    for_each_sent<messages::Gave>(
        [&](const messages::Gave& gave, std::size_t) { count += gave.given.size(); });
    return count;
  }

  using Slot = scheduler::Slot;
  Gate gate_;
  ByHand transport_;
  checkpoint::PosixStorage storage_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerLimits, AReportComesAfterTheIntervalAndNotBefore) {
  WorkerSettings settings;
  settings.report_interval = 0.1;
  settings.low = 0;
  start(settings);
  assign(2, 0);  // costs nobody knows: a millisecond each, so that the interval is what counts
  for (int i = 1; i <= 3; ++i) {
    transport_.clock = 0.1 * i - 0.01;
    EXPECT_EQ(reports().size(), i - 1U);
    EXPECT_GT(worker_->patience().count(), 0);
    EXPECT_LT(worker_->patience().count(), 0.012);
    transport_.clock = 0.1 * i + 0.001;
    ASSERT_EQ(reports().size(), static_cast<std::size_t>(i));
    EXPECT_EQ(reports().back().first.ready, kStates - 1);
  }
}

// One that goes by the plan has nothing to say, one whose update takes longer has.
TEST_F(WorkerLimits, AWorkerThatIsLateSaysSo) {
  WorkerSettings settings;
  settings.low = 0;
  start(settings);
  assign(1, 1);
  for (const double time : {0.3, 0.9, 0.99}) {
    transport_.clock = time;
    EXPECT_EQ(reports().size(), 0U) << time;
  }
  transport_.clock = 1.2;
  ASSERT_EQ(reports().size(), 1U);
  EXPECT_GT(reports().front().first.left, 9);
}

TEST_F(WorkerLimits, NoMoreOutputsAreHeldBackThanTheirLimit) {
  WorkerSettings settings;
  settings.report_interval = 1e6;
  settings.report_bytes = 3 * kBytes;
  settings.low = 0;
  start(settings);
  assign(2, 0);
  gate_.let(2);
  gate_.begun(3);
  EXPECT_EQ(reports().size(), 0U);
  gate_.let(1);
  gate_.begun(4);
  ASSERT_EQ(wait_for_reports(1).size(), 1U);
  EXPECT_EQ(reports().front().second, 3U);
}

TEST_F(WorkerLimits, AWorkerWithLittleLeftAsksForMoreUnlessMoreFollows) {
  for (const bool more_follow : {false, true}) {
    WorkerSettings settings;
    settings.report_interval = 1e6;
    settings.low = 5.5;
    Gate& gate = gate_;
    start(settings);
    assign(1, 1, more_follow);
    for (std::size_t i = 1; i < kStates; ++i) {
      transport_.clock = static_cast<double>(i);
      gate.let(1);
      gate.begun((more_follow ? kStates : 0) + i + 1);
      (void)reports();
    }
    transport_.clock = kStates;
    gate.let(1);
    const auto all = wait_for_reports(more_follow ? 1 : 2);
    ASSERT_FALSE(all.empty());
    EXPECT_EQ(all.front().first.hungry, !more_follow);
    if (!more_follow) {
      EXPECT_LE(all.front().first.left, 5.5);
      EXPECT_GE(all.front().first.left, 4);
    }
    worker_.reset();
    transport_.sent.clear();
    transport_.clock = 0;
  }
}

TEST_F(WorkerLimits, AGiftIsNoMoreThanMayBeUnsent) {
  WorkerSettings settings;
  settings.unsent_bytes = 3 * kBytes + 500;
  start(settings);
  assign(1, 1);
  ask_for_states();
  EXPECT_EQ(given(), 3U);
  transport_.sent.clear();
  transport_.bytes_unsent = 1'500;
  ask_for_states();
  EXPECT_EQ(given(), 2U);
  transport_.sent.clear();
  transport_.bytes_unsent = 1 << 20;  // one, however much is unsent: what asked for it waits
  ask_for_states();
  EXPECT_EQ(given(), 1U);
}

TEST_F(WorkerLimits, MessagesOfManyStatesAreCut) {
  WorkerSettings settings;
  settings.message_bytes = 3 * kBytes;
  start(settings);
  messages::Transfer transfer{kOther, {}};
  for (std::uint64_t i = 0; i < kStates; ++i) transfer.states.push_back(StateId{i});
  give(to_bytes(transfer));
  worker_->poll();
  std::size_t count = 0;
  for_each_sent<messages::States>([&](const messages::States&, std::size_t size) {
    ++count;
    EXPECT_LT(size, 4 * kBytes);
  });
  EXPECT_EQ(count, 4U);
}

}  // namespace
}  // namespace rondo::engine
