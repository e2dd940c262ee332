// A transport whose messages take their time, as between the ranks of a busy machine: those of one sender stay in order, nothing
// else does.
//
// Time is counted in looks. Most messages are seen at once, a few only after thousands of looks, and all that their sender
// says later waits behind them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "transport/transport.hpp"

namespace rondo::test {

class AnyOrder : public transport::Transport {
 public:
  AnyOrder(std::unique_ptr<Transport> inner, std::uint64_t seed) : inner_(std::move(inner)), random_(seed) {}

  Rank rank() const override { return inner_->rank(); }
  std::int32_t size() const override { return inner_->size(); }
  void send(Rank to, Buffer message) override { inner_->send(to, std::move(message)); }
  std::optional<transport::Envelope> receive() override {
    ++look_;
    while (auto envelope = inner_->receive()) {
      auto& before = arrived_[envelope->from];
      const std::uint64_t seen = std::max(before.empty() ? 0 : before.back().seen, look_ + delay());
      before.push_back({seen, std::move(*envelope)});
    }
    if (arrived_.empty()) return std::nullopt;
    std::vector<Rank> ready;
    for (const auto& [from, messages] : arrived_)
      if (messages.front().seen <= look_) ready.push_back(from);
    if (ready.empty()) {
      inner_->wake();  // whoever waits looks again
      return std::nullopt;
    }
    const auto from = arrived_.find(ready[random_() % ready.size()]);
    transport::Envelope envelope = std::move(from->second.front().envelope);
    from->second.pop_front();
    if (from->second.empty()) arrived_.erase(from);
    return envelope;
  }
  std::size_t unsent() override { return inner_->unsent(); }
  void wait(transport::Seconds at_most) override { inner_->wait(at_most); }
  void wake() override { inner_->wake(); }
  transport::Seconds now() const override { return inner_->now(); }

 private:
  struct Late {
    std::uint64_t seen;  // from this look on
    transport::Envelope envelope;
  };
  // Half of all, a quarter, an eighth: of 0, 1, 3, 7 looks and so on.
  std::uint64_t delay() {
    constexpr int kMost = 12;
    int doublings = 0;
    while (doublings < kMost && random_() % 2 == 0) ++doublings;
    return (std::uint64_t{1} << doublings) - 1;
  }

  std::unique_ptr<Transport> inner_;
  std::mt19937_64 random_;
  std::uint64_t look_ = 0;
  std::map<Rank, std::deque<Late>> arrived_;
};

}  // namespace rondo::test
