// The relay over a network that keeps the order of each pair of ranks and no other: whatever is said arrives once, in
// order, and is said by whom it seems to be; before, during and after the switch.
#include "transport/relay.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace rondo::transport {
namespace {

constexpr Rank rank_of(std::size_t number) { return Rank{static_cast<std::int32_t>(number)}; }

// All ranks in one thread, a clock that the test turns; which sender's message arrives next, the seed says.
class Tangle {
 public:
  Tangle(std::size_t ranks, std::uint64_t seed) : random(seed), queues_(ranks) {}

  [[nodiscard]] std::unique_ptr<Transport> open(std::size_t rank) {
    return std::make_unique<Place>(*this, rank);
  }
  [[nodiscard]] bool silent() const {
    for (const auto& senders : queues_)
      for (const auto& [from, queue] : senders)
        if (!queue.empty()) return false;
    return true;
  }

  std::mt19937_64 random;
  double time = 0;
  std::map<std::size_t, std::size_t> taken;  // messages by receiver

 private:
  class Place final : public Transport {
   public:
    Place(Tangle& all, std::size_t rank) : all_(all), rank_(rank) {}
    Rank rank() const override { return rank_of(rank_); }
    std::int32_t size() const override { return static_cast<std::int32_t>(all_.queues_.size()); }
    void send(Rank to, Buffer message) override {
      all_.queues_.at(static_cast<std::size_t>(value(to)))[rank_].push_back(std::move(message));
    }
    std::optional<Envelope> receive() override {
      std::vector<std::size_t> senders;
      for (const auto& [from, queue] : all_.queues_[rank_])
        if (!queue.empty()) senders.push_back(from);
      if (senders.empty()) return std::nullopt;
      const std::size_t from = senders[all_.random() % senders.size()];
      Envelope next{rank_of(from), std::move(all_.queues_[rank_][from].front())};
      all_.queues_[rank_][from].pop_front();
      ++all_.taken[rank_];
      return next;
    }
    std::size_t unsent() override { return 0; }
    void wait(Seconds) override {}
    void wake() override {}
    Seconds now() const override { return Seconds(all_.time); }

   private:
    Tangle& all_;
    std::size_t rank_;
  };
  std::vector<std::map<std::size_t, std::deque<Buffer>>> queues_;  // by receiver, by sender
};

struct Head {
  std::uint32_t kind;  // 1: welcome, 2: anything
  Rank from, to, leader;
  std::uint64_t number;
};

Buffer message(const Head& head, std::size_t filling) {
  Buffer out;
  std::memcpy(out.extend(sizeof head), &head, sizeof head);
  std::memset(out.extend(filling), static_cast<int>(head.number % 256), filling);
  return out;
}

// One rank of the talk, and what it has to check.
struct Speaker {
  std::unique_ptr<Transport> below;
  std::unique_ptr<Relay> relay;
  bool welcome = false;
  std::map<Rank, std::uint64_t> said, heard;
};

class Talk {
 public:
  explicit Talk(std::uint64_t seed) : tangle_(2 + seed % 13, seed), speakers_(2 + seed % 13) {
    for (std::size_t i = 0; i < speakers_.size(); ++i) {
      speakers_[i].below = tangle_.open(i);
      speakers_[i].relay = std::make_unique<Relay>(*speakers_[i].below);
      if (i > 0) say(i, 0);  // hello
    }
  }

  void go() {
    const RelayPlan plan{static_cast<std::uint32_t>(1 + below(6)), Seconds(below(2) == 0 ? 0 : 5)};
    const std::size_t steps = 500 + below(2000);
    for (std::size_t step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      tangle_.time += static_cast<double>(below(3));
      if (!speakers_[0].welcome && speakers_[0].heard.size() + 1 == speakers_.size()) begin(plan);
      const std::size_t who = below(3) == 0 ? 0 : below(speakers_.size());
      const std::size_t to = below(2) == 0 ? 0 : below(speakers_.size());
      const bool may = speakers_[who].welcome || (who != 0 && to != 0);
      if (below(2) == 0 && may && to != who) say(who, to);
      if (below(2) == 0) listen(who);
      if (below(8) == 0) speakers_[who].relay->flush();
    }
    if (!speakers_[0].welcome) return;
    finish();
  }

 private:
  std::size_t below(std::size_t n) { return tangle_.random() % n; }

  void begin(const RelayPlan& plan) {
    const std::vector<Rank> leaders = relay_leaders(plan, speakers_.size(), {});
    for (std::size_t i = 1; i < speakers_.size(); ++i) {
      const Rank to = rank_of(i);
      speakers_[0].relay->send(to, message({1, kMaster, to, leaders[i], speakers_[0].said[to]++}, 0));
    }
    pace_ = plan.pace;
    speakers_[0].relay->begin(leaders);
    speakers_[0].welcome = true;
  }

  void say(std::size_t who, std::size_t to) {
    const std::size_t sizes[] = {0, 10, 1000, Relay::kPartBytes, 3 * Relay::kPartBytes};
    const std::size_t filling = below(20) == 0 ? sizes[below(5)] : below(50);
    Speaker& speaker = speakers_[who];
    speaker.relay->send(
        rank_of(to), message({2, rank_of(who), rank_of(to), kMaster, speaker.said[rank_of(to)]++}, filling));
  }

  bool listen(std::size_t who) {
    Speaker& speaker = speakers_[who];
    bool any = false;
    for (std::size_t i = below(20) + 1; i > 0; --i) {
      const auto envelope = speaker.relay->receive();
      if (!envelope) break;
      any = true;
      Head head{};
      std::memcpy(&head, envelope->message.data(), sizeof head);
      EXPECT_EQ(head.from, envelope->from);
      EXPECT_EQ(head.to, rank_of(who));
      EXPECT_EQ(head.number, speaker.heard[head.from]++) << head.from << " to " << head.to;
      for (std::size_t at = sizeof head; at < envelope->message.size(); ++at)
        if (envelope->message.data()[at] != std::byte(head.number % 256)) ADD_FAILURE() << "other bytes";
      if (head.kind == 1) {
        speaker.welcome = true;
        speaker.relay->begin(head.leader, pace_);
      }
    }
    return any;
  }

  // Everybody listens until nothing comes any more, and what was said is what was heard.
  void finish() {
    for (bool any = true; any;) {
      tangle_.time += 10;
      any = false;
      for (std::size_t i = 0; i < speakers_.size(); ++i) any = listen(i) || any;
      any = any || !tangle_.silent();
      for (const Speaker& speaker : speakers_) any = any || speaker.relay->unsent() > 0;
    }
    for (std::size_t from = 0; from < speakers_.size(); ++from)
      for (const auto& [to, count] : speakers_[from].said)
        EXPECT_EQ(speakers_[static_cast<std::size_t>(value(to))].heard[rank_of(from)], count);
  }

  Tangle tangle_;
  std::vector<Speaker> speakers_;
  Seconds pace_{0};
};

TEST(Relay, KeepsTheOrderOfEachPairAndLosesNothing) {
  for (std::uint64_t seed = 1; seed <= 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Talk(seed).go();
  }
}

// The relays of 1 + 9 ranks in groups of 3, begun.
struct Ten {
  Tangle tangle{10, 1};
  std::vector<std::unique_ptr<Transport>> below;
  std::vector<std::unique_ptr<Relay>> relays;
  explicit Ten(Seconds pace) {
    const std::vector<Rank> leaders = relay_leaders({3, pace}, 10, {});
    for (std::size_t i = 0; i < 10; ++i) {
      below.push_back(tangle.open(i));
      relays.push_back(std::make_unique<Relay>(*below.back()));
      if (i > 0) relays.back()->begin(leaders[i], pace);
    }
    relays[0]->begin(leaders);
  }
  std::size_t hear(std::size_t rank) {
    std::size_t heard = 0;
    while (relays[rank]->receive()) ++heard;
    return heard;
  }
};

TEST(Relay, GivesRankZeroOneMessageForEachGroup) {
  Ten ten(Seconds(1));
  ten.tangle.time = 100;
  for (std::size_t worker = 1; worker < 10; ++worker) {
    if (worker % 3 == 1) continue;  // leaders, last
    ten.relays[worker]->send(kMaster, message({}, 10));
    ten.relays[worker]->flush();
  }
  for (const std::size_t leader : {1, 4, 7}) {
    ten.relays[leader]->send(kMaster, message({}, 10));
    (void)ten.hear(leader);
  }
  // each leader's first went at once, the others together when their time had come
  EXPECT_EQ(ten.hear(0), 3U);
  ten.tangle.time = 101.5;
  for (const std::size_t leader : {1, 4, 7}) ten.relays[leader]->flush();
  EXPECT_EQ(ten.hear(0), 6U);
  EXPECT_EQ(ten.tangle.taken[0], 6U);

  for (std::size_t worker = 1; worker < 10; ++worker) ten.relays[0]->send(rank_of(worker), message({}, 10));
  ten.relays[0]->flush();
  for (const std::size_t leader : {1, 4, 7}) {
    EXPECT_EQ(ten.hear(leader), 1U);
    EXPECT_EQ(ten.tangle.taken[leader], 3U);  // two of its members before, and one bundle
    EXPECT_EQ(ten.hear(leader + 1), 1U);
    EXPECT_EQ(ten.hear(leader + 2), 1U);
  }
}

TEST(Relay, CopiesNoBigMessage) {
  Ten ten(Seconds(0));
  Buffer big = message({}, 2 * Relay::kPartBytes);
  const std::byte* const place = big.data();
  ten.relays[0]->send(Rank{3}, std::move(big));
  EXPECT_EQ(ten.hear(1), 0U);
  auto down = ten.relays[3]->receive();
  ASSERT_TRUE(down);
  EXPECT_EQ(down->message.data(), place);
  EXPECT_EQ(down->from, kMaster);

  ten.relays[3]->send(kMaster, std::move(down->message));
  EXPECT_EQ(ten.hear(1), 0U);
  const auto up = ten.relays[0]->receive();
  ASSERT_TRUE(up);
  EXPECT_EQ(up->message.data(), place);
  EXPECT_EQ(up->from, Rank{3});
}

// Rank 0 may have a long list of messages to write: what comes first does not wait for the end of it.
TEST(Relay, ABundleLeavesWhenItIsBigEnough) {
  Ten ten(Seconds(0));
  std::size_t sent = 0;
  while (ten.hear(1) == 0 && sent < 10 * Relay::kBundleBytes) {
    ten.relays[0]->send(Rank{1}, message({}, 1000));
    sent += 1000;
  }
  EXPECT_GT(sent, Relay::kBundleBytes * 9 / 10);
  EXPECT_LE(sent, Relay::kBundleBytes + 1000);
}

TEST(Relay, ABundleLeavesWhenItIsOldEnough) {
  Ten ten(Seconds(0));
  ten.relays[0]->send(Rank{1}, message({}, 10));
  ten.relays[0]->send(Rank{4}, message({}, 10));
  EXPECT_EQ(ten.hear(1), 0U);
  ten.tangle.time += 1.5 * Relay::kBundleAge.count();
  ten.relays[0]->send(Rank{4}, message({}, 10));
  EXPECT_EQ(ten.hear(1), 1U) << "the oldest one";
  EXPECT_EQ(ten.hear(4), 0U);
}

TEST(Plan, SwitchesOnAtTheKneeOfTheMastersTime) {
  EXPECT_EQ(plan_relay(1'250, Seconds(2e-6)).group, 0U);
  EXPECT_EQ(plan_relay(1'300, Seconds(2e-6)).group, 36U);
  EXPECT_EQ(plan_relay(260, Seconds(10e-6)).group, 16U);
  EXPECT_EQ(plan_relay(100, Seconds(1)).group, 0U);
  const RelayPlan plan = plan_relay(10'000, Seconds(2e-6));
  EXPECT_EQ(plan.group, 100U);
  EXPECT_DOUBLE_EQ(plan.pace.count(), 2 * 100 * 2e-6);
}

std::vector<int> leaders(std::uint32_t group, std::size_t ranks, const std::vector<std::string>& nodes = {}) {
  std::vector<int> all;
  for (const Rank leader : relay_leaders({group, Seconds(0)}, ranks, nodes)) all.push_back(value(leader));
  return all;
}

TEST(Plan, GroupsAreNodesWhereNodesAreBigEnough) {
  EXPECT_EQ(leaders(0, 4), (std::vector{0, 0, 0, 0}));
  EXPECT_EQ(leaders(3, 8), (std::vector{0, 1, 1, 1, 4, 4, 4, 7}));
  EXPECT_EQ(leaders(3, 8, {"a", "a", "a", "b", "b", "b", "b", "b"}), (std::vector{0, 1, 1, 3, 3, 3, 3, 3}));
  EXPECT_EQ(leaders(2, 8, {"a", "a", "a", "b", "b", "b", "b", "b"}), (std::vector{0, 1, 1, 3, 3, 3, 3, 7}));
  EXPECT_EQ(leaders(4, 6, {"a", "b", "c", "d", "e", "f"}), (std::vector{0, 1, 1, 1, 1, 5}));
  EXPECT_EQ(leaders(2, 6, {"a", "a", "a", "a", "a", "a"}), (std::vector{0, 1, 1, 3, 3, 5}));
}

}  // namespace
}  // namespace rondo::transport
