// What a part of the master works with, in the hands of a test: workers that hear and say nothing, a clock that stands still unless the
// test moves it, a loop, and a log.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <rondo/ids.hpp>

#include "engine/log.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "recovery/backup.hpp"
#include "scheduler/scheduler.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

// Keeps what is sent, and brings nothing.
class QuietTransport final : public transport::Transport {
 public:
  explicit QuietTransport(std::int32_t size) : size_(size) {}

  struct Sent {
    Rank to;
    Buffer message;
  };
  // What was sent since the last call, in order.
  std::vector<Sent> take_sent() { return std::exchange(sent_, {}); }
  // The ranks to which messages of this kind were sent since the last call; the others are dropped.
  std::vector<std::int32_t> take_receivers(Kind kind) {
    std::vector<std::int32_t> ranks;
    for (const Sent& each : take_sent())
      if (kind_of(each.message) == kind) ranks.push_back(value(each.to));
    return ranks;
  }

  double time = 1000;
  std::size_t bytes_unsent = 0;

  Rank rank() const override { return kMaster; }
  std::int32_t size() const override { return size_; }
  void send(Rank to, Buffer message) override { sent_.push_back({to, std::move(message)}); }
  std::optional<transport::Envelope> receive() override { return std::nullopt; }
  std::size_t unsent() override { return bytes_unsent; }
  void wait(transport::Seconds at_most) override { time += at_most.count(); }
  void wake() override { ++wakes; }
  transport::Seconds now() const override { return transport::Seconds(time); }

  int wakes = 0;

 private:
  const std::int32_t size_;
  std::vector<Sent> sent_;
};

// No std::exception, so that nobody takes it for an error.
struct LeftAtOnce {
  int status;
};

// Calls `wait` until what is waited for has come.
class TestLoop final : public Loop {
 public:
  std::function<void()> wait = [] {};

  void run_until(const std::function<bool()>& done) override {
    for (int turns = 0; !done(); ++turns) {
      if (turns == 10'000) throw std::logic_error("what is waited for does not come");
      wait();
    }
  }
  void leave_at_once(int status) override { throw LeftAtOnce{status}; }
};

class TestLog final : public Log {
 public:
  std::string take() { return std::exchange(text_, ""); }

 private:
  void write(const std::string& lines) override { text_ += lines; }
  std::string text_;
};

// Four workers, ranks 1 to 4, or 0 to 3 with `master_works`.
struct RankZero {
  explicit RankZero(Options its_options = {})
      : options(std::move(its_options)), transport(options.master_works ? 4 : 5) {}

  Options options;
  QuietTransport transport;
  recovery::Workers workers{std::vector<bool>(4, false), {0, 1, 2, 3}};
  Peers peers{transport, options, workers, "here"};
  TestLoop loop;
  TestLog log;
  Ensemble ensemble{1};
  scheduler::Scheduler scheduler{{.workers = 4}};
};

}  // namespace rondo::engine
