// Fetching states: what is asked for at a time, and after a loss.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/master/fetcher.hpp"
#include "rank_zero.hpp"

namespace rondo::engine {
namespace {

// Forty states of 100 bytes, ten at each worker.
class FetcherTest : public testing::Test {
 protected:
  FetcherTest() {
    for (std::uint64_t i = 0; i < 40; ++i) zero_.ensemble.ids.push_back(StateId{100 + i});
    (void)zero_.scheduler.reset(zero_.ensemble.ids, {});
    for (scheduler::Slot slot = 0; slot < 40; ++slot) zero_.scheduler.packed(slot, 100);
    zero_.loop.wait = [this] { turn(); };
  }

  // What has been asked, by rank; the last request's number is kept.
  std::map<std::int32_t, std::vector<StateId>> take_asked() {
    std::map<std::int32_t, std::vector<StateId>> asked;
    for (const QuietTransport::Sent& each : zero_.transport.take_sent()) {
      const auto fetch = from_bytes<messages::Fetch>(each.message);
      request_ = fetch.request;
      auto& all = asked[value(each.to)];
      all.insert(all.end(), fetch.states.begin(), fetch.states.end());
    }
    return asked;
  }
  // A rank sends these states.
  void bring(std::int32_t rank, const std::vector<StateId>& ids, bool packed = true) {
    Buffer out = to_bytes(messages::Fetched{request_, {}});
    const std::string text = "text";
    for (const StateId id : ids)
      append(out, messages::Fetched::Item{id, packed, Block(std::as_bytes(std::span(text)))});
    fetcher_.take(Rank{rank}, from_bytes<messages::Fetched>(out));
  }
  // All ranks send what they were asked for.
  void turn() {
    const auto asked = take_asked();
    std::size_t at_a_time = 0;
    for (const auto& [rank, ids] : asked) {
      at_a_time += ids.size();
      bring(rank, ids);
    }
    most_ = std::max(most_, at_a_time);
  }
  void fetch_all() {
    std::vector<std::size_t> positions(40);
    std::iota(positions.begin(), positions.end(), 0);
    fetcher_.fetch(positions, [this](std::size_t position, Bytes) {
      if (refuse_ == position) throw std::runtime_error("no");
      ++taken_.at(position);
    });
  }

  RankZero zero_;
  std::uint64_t bytes_most_ = 1000;
  Fetcher fetcher_{zero_.peers, zero_.loop, zero_.ensemble, zero_.scheduler, bytes_most_};
  std::uint64_t request_ = 0;
  std::size_t most_ = 0;
  std::size_t refuse_ = 1000;
  std::vector<int> taken_ = std::vector<int>(40, 0);
};

TEST_F(FetcherTest, EachStateComesOnceAndNotAllAtATime) {
  fetch_all();
  EXPECT_EQ(taken_, std::vector<int>(40, 1));
  EXPECT_EQ(most_, 10U) << "1,000 bytes in states of 100 and their ids";
  EXPECT_EQ(fetcher_.missing(), 0U);
}

TEST_F(FetcherTest, AStateThatCannotBeUnpackedIsNamedAndTheOthersCome) {
  refuse_ = 7;
  try {
    fetch_all();
    ADD_FAILURE();
  } catch (const UpdateError& error) {
    EXPECT_EQ(error.failures().size(), 1U);
    EXPECT_EQ(error.failures().front().state, StateId{107});
    EXPECT_EQ(error.failures().front().rank, kMaster);
  }
  EXPECT_EQ(std::accumulate(taken_.begin(), taken_.end(), 0), 39);
}

TEST_F(FetcherTest, AStateThatCannotBePackedIsNamedWithItsRank) {
  zero_.loop.wait = [this] {
    for (const auto& [rank, ids] : take_asked())
      for (const StateId id : ids) bring(rank, {id}, id != StateId{103});
  };
  try {
    fetch_all();
    ADD_FAILURE();
  } catch (const UpdateError& error) {
    ASSERT_EQ(error.failures().size(), 1U);
    EXPECT_EQ(error.failures().front().state, StateId{103});
    EXPECT_EQ(error.failures().front().text, "it cannot be packed: text");
  }
}

// One owner is lost before it answers, and the states are with the others.
TEST_F(FetcherTest, AfterALossTheNewOwnersAreAsked) {
  bool was_lost = false;
  zero_.loop.wait = [&] {
    auto asked = take_asked();
    if (std::exchange(was_lost, true)) {
      for (const auto& [rank, ids] : asked) bring(rank, ids);
      return;
    }
    const auto lost = asked.begin()->first;
    const std::vector<StateId> of_lost = asked.begin()->second;
    asked.erase(asked.begin());
    for (const auto& [rank, ids] : asked) bring(rank, ids);
    zero_.workers.lost[static_cast<std::size_t>(lost - 1)] = true;
    zero_.scheduler.lose(scheduler::Worker{static_cast<std::uint32_t>(lost - 1)});
    std::vector<scheduler::Worker> owners;
    for (scheduler::Slot slot = 0; slot < 40; ++slot) {
      const scheduler::Worker owner = zero_.scheduler.owner(slot);
      owners.push_back(zero_.workers.lost[index(owner)] ? scheduler::Worker{3} : owner);
    }
    (void)zero_.scheduler.recover(zero_.peers.now(), owners, std::vector<std::uint32_t>(40, 0), false);
    fetcher_.ask_again();
    const auto again = take_asked();
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again.begin()->first, 4);
    EXPECT_EQ(again.begin()->second, of_lost);
    ASSERT_GE(of_lost.size(), 2U);
    bring(4, {of_lost.front()});
    bring(4, {of_lost.front()});  // from the lost one, which was only slow
    bring(4, {of_lost.begin() + 1, of_lost.end()});
  };
  fetch_all();
  EXPECT_EQ(taken_, std::vector<int>(40, 1));
}

TEST_F(FetcherTest, AnswersToAnEarlierFetchAreIgnored) {
  fetch_all();
  zero_.loop.wait = [&] {
    const auto asked = take_asked();
    const std::uint64_t request = std::exchange(request_, request_ - 1);
    for (const auto& [rank, ids] : asked) bring(rank, ids);
    const int before = std::accumulate(taken_.begin(), taken_.end(), 0);
    EXPECT_GE(before, 40);
    request_ = request;
    for (const auto& [rank, ids] : asked) bring(rank, ids);
    EXPECT_GT(std::accumulate(taken_.begin(), taken_.end(), 0), before);
  };
  fetch_all();
  EXPECT_EQ(taken_, std::vector<int>(40, 2));
}

}  // namespace
}  // namespace rondo::engine
