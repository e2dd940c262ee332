// The transport of one worker whose messages are given by hand: it keeps what is sent, and the test is everybody else.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "transport/transport.hpp"

namespace rondo::engine {

using transport::Envelope;

inline constexpr Rank kHere{2};
inline constexpr Rank kOther{3};
inline constexpr StateId kState{7};

class ByHand final : public transport::Transport {
 public:
  Rank rank() const override { return kHere; }
  std::int32_t size() const override { return 4; }
  void send(Rank to, Buffer message) override { sent.push_back({to, std::move(message)}); }
  std::optional<Envelope> receive() override { return std::nullopt; }
  std::size_t unsent() override { return bytes_unsent; }
  void wait(transport::Seconds at_most) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, at_most, [&] { return woken_; });
    woken_ = false;
  }
  void wake() override {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_.notify_one();
  }
  transport::Seconds now() const override {
    const double time = clock;
    return time < 0 ? transport::steady_now() : transport::Seconds(time);
  }

  std::atomic<double> clock{-1};  // seconds, if the test moves it
  std::vector<Envelope> sent;
  std::size_t bytes_unsent = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
};

inline std::string text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes bytes(const std::string& text) { return std::as_bytes(std::span<const char>(text)); }

}  // namespace rondo::engine
