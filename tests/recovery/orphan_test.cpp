// A worker whose rank 0 is gone leaves by itself, where the launcher does not see to it: on the node of rank 0 when there is no
// such process any more, anywhere after a long silence (--rondo-orphan).
//
// The clock is the test's: it goes on by as much as the worker is ready to wait.
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/rondo.hpp>

#include "checkpoint/memory_storage.hpp"
#include "engine/build.hpp"
#include "engine/messages.hpp"
#include "engine/session.hpp"

namespace rondo::test {
namespace {

class Nothing : public Update<int, int, int> {
 public:
  int update(int& state, const int&, const Call&) override { return state; }
};

// Not std::exception: nobody may take it for an error.
struct Left {
  int status;
};

// The place of rank 1; the test is rank 0.
class Place final : public transport::Transport {
 public:
  // `waits` is told of every wait that begins.
  explicit Place(std::function<void(Place&)> waits) : waits_(std::move(waits)) {}
  // Everything stands still for so long.
  void suspend(double seconds) { now_ = now_ + seconds; }
  void hear(Buffer message) { arrived_.push_back(std::move(message)); }

  Rank rank() const override { return Rank{1}; }
  std::int32_t size() const override { return 2; }
  void send(Rank, Buffer) override {}
  std::optional<transport::Envelope> receive() override {
    if (arrived_.empty()) return std::nullopt;
    transport::Envelope envelope{kMaster, std::move(arrived_.front())};
    arrived_.pop_front();
    return envelope;
  }
  std::size_t unsent() override { return 0; }
  void wait(transport::Seconds at_most) override {
    now_ = now_ + at_most.count();
    waits_(*this);
  }
  void wake() override {}
  transport::Seconds now() const override { return transport::Seconds(now_); }

 private:
  std::function<void(Place&)> waits_;
  std::deque<Buffer> arrived_;
  std::atomic<double> now_{1};  // the thread that computes looks at it too
};

struct Welcome {
  bool recover = true;
  double orphan = 100;
  std::string node = "another node";
  pid_t master = 0;
  double suspended = 0;  // at once
};

// Seconds until the worker leaves; infinite if it stays for a day, until rank 0 ends the run. Rank 0 speaks every 90 s until
// `speaks_until`.
double stays(const Welcome& welcome, double speaks_until = 0) {
  constexpr double kDay = 86400;
  double next_word = 90, suspended = welcome.suspended;
  Place place([&](Place& here) {
    here.suspend(std::exchange(suspended, 0));
    const double now = here.now().count();
    if (now > kDay) {
      here.hear(engine::to_bytes(engine::messages::Exit{0}));
    } else if (now >= next_word && next_word <= speaks_until) {
      next_word += 90;
      here.hear(engine::to_bytes(engine::messages::Ping()));
    }
  });
  engine::WorkerSettings settings;
  settings.recover = welcome.recover;
  settings.orphan = welcome.orphan;
  settings.master_process = welcome.master;
  settings.orphan_status = 75;
  place.hear(engine::to_bytes(engine::messages::Welcome{settings, welcome.node, kMaster, 0}));

  checkpoint::MemoryStorage storage;
  const engine::Host host{storage, [](int status) { throw Left{status}; }};
  try {
    EXPECT_EQ(engine::run_worker(place, host, detail::make_program<Nothing>([] { return Nothing(); })), 0);
    return std::numeric_limits<double>::infinity();
  } catch (const Left& left) {
    EXPECT_EQ(left.status, 75);
    return place.now().count() - 1;
  }
}

// A process that was there once.
pid_t gone() {
  const pid_t child = fork();
  if (child == 0) _exit(0);
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  return child;
}

constexpr double kForEver = std::numeric_limits<double>::infinity();

TEST(Orphan, LeavesAfterALongSilenceOfRankZeroOnAnotherNode) {
  EXPECT_GE(stays({}), 100);
  EXPECT_LE(stays({}), 102);
}

TEST(Orphan, EveryWordOfRankZeroCounts) {
  const double time = stays({}, 900);
  EXPECT_GE(time, 1000);
  EXPECT_LE(time, 1002);
}

TEST(Orphan, StaysIfItIsToldTo) { EXPECT_EQ(stays({.orphan = 0}), kForEver); }

TEST(Orphan, WithoutRecoveryTheLauncherSeesADeathButNoSilence) {
  EXPECT_EQ(stays({.recover = false, .orphan = 0, .node = engine::node_name(), .master = gone()}), kForEver);
  EXPECT_GE(stays({.recover = false, .node = engine::node_name(), .master = gone()}), 100);
  EXPECT_LE(stays({.recover = false}), 102);
}

TEST(Orphan, LeavesAProcessOfItsNodeThatIsThereAndSaysNothing) {
  for (const bool recover : {false, true}) {
    const double time = stays({.recover = recover, .node = engine::node_name(), .master = getppid()});
    EXPECT_GE(time, 100);
    EXPECT_LE(time, 102);
  }
}

TEST(Orphan, WhatItWasSuspendedForDoesNotCount) {
  const double time = stays({.suspended = 10'000});
  EXPECT_GE(time, 10'000 + 90);
  EXPECT_LE(time, 10'000 + 102);
}

TEST(Orphan, OnTheNodeOfRankZeroItsProcessCounts) {
  EXPECT_EQ(stays({.node = engine::node_name(), .master = getpid()}), kForEver) << "a thread of the same";
  EXPECT_LE(stays({.node = engine::node_name(), .master = gone()}), 2);
  EXPECT_EQ(stays({.master = gone()}, 86400), kForEver) << "another node has processes of its own";
}

}  // namespace
}  // namespace rondo::test
