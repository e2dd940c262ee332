// A disk that hangs while a checkpoint is written: rounds go on beside it, and the memory of what waits for it has a limit.
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "engine/by_hand.hpp"
#include "engine/session.hpp"
#include "engine/worker.hpp"
#include "hanging_storage.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"
#include "run_on_storage.hpp"

namespace rondo::test {
namespace {

constexpr const char* kPlace = "checkpoints";

engine::Options every_round() {
  engine::Options options;
  options.workers = 2;
  options.checkpoint = kPlace;
  options.checkpoint_every = Rounds{1};
  return options;
}

TEST(Saving, RoundsGoOnWhileTheDiskHangs) {
  checkpoint::MemoryStorage memory;
  LockedStorage locked(memory);
  HangingStorage disk(locked);
  std::uint64_t with = 0, without = 0;
  EXPECT_EQ(run_on(disk, every_round(),
                   [&](Master<Walker>& master) {
                     Progress progress;
                     master.reset(Journey::start(12));
                     Journey journey(master, progress, 0);
                     journey.step();
                     ++progress.step;
                     disk.allow(0);
                     for (; progress.step < 9; ++progress.step) {
                       master.safe_point(progress);
                       disk.wait_for(2);  // both workers, from the first safe point to the last round
                       journey.step();
                     }
                     EXPECT_EQ(disk.hanging(), 2u);
                     with = journey.finish();
                     disk.release();
                   }),
            0);
  // what has come to the disk at last is from the moment of the safe point
  EXPECT_EQ(run_on(locked, every_round(),
                   [&](Master<Walker>& master) {
                     Progress progress;
                     ASSERT_TRUE(master.resume(progress));
                     EXPECT_EQ(progress.step, 1u);
                     Journey journey(master, progress, 0);
                     for (; progress.step < 9; ++progress.step) journey.step();
                     without = journey.finish();
                   }),
            0);
  EXPECT_EQ(with, without);
}

// Due by the rounds, or because of a signal, while the one before is on its way to the disk.
TEST(Saving, WhatIsDueMeanwhileFollowsAtTheFirstSafePointAfterwards) {
  for (const bool by_signal : {false, true}) {
    checkpoint::MemoryStorage memory;
    LockedStorage locked(memory);
    HangingStorage disk(locked);
    engine::Options options = every_round();
    if (by_signal) options.checkpoint_every = Rounds{1'000'000};
    const auto ask = [&] { ASSERT_TRUE(!by_signal || raise(SIGUSR1) == 0); };
    EXPECT_EQ(run_on(disk, options,
                     [&](Master<Walker>& master) {
                       Progress progress;
                       master.reset(Journey::start(12));
                       Journey journey(master, progress, 0);
                       const auto step = [&] {
                         journey.step();
                         ++progress.step;
                       };
                       // until rank 0 has heard that all is written
                       const auto finish = [&](std::uint64_t sequence) {
                         const Path folder = checkpoint::checkpoint_folder(kPlace, sequence);
                         while (std::ranges::count(locked.list(folder), "manifest") == 0)
                           (void)master.states();
                       };
                       step();
                       disk.allow(0);
                       ask();
                       master.safe_point(progress);
                       disk.wait_for(2);
                       ask();
                       for (int i = 0; i < 3; ++i) {
                         step();
                         master.safe_point(progress);
                       }
                       EXPECT_EQ(checkpoint::next_sequence(locked, kPlace), 2u);
                       disk.release();
                       finish(1);
                       master.safe_point(progress);
                       EXPECT_EQ(checkpoint::next_sequence(locked, kPlace), 3u);
                       finish(2);
                       master.safe_point(progress);  // there has been no round since
                       EXPECT_EQ(checkpoint::next_sequence(locked, kPlace), 3u);
                     }),
              0);
    EXPECT_EQ(run_on(locked, every_round(),
                     [&](Master<Walker>& master) {
                       Progress progress;
                       EXPECT_TRUE(master.resume(progress));
                       EXPECT_EQ(progress.step, 4u);
                     }),
              0);
  }
}

// ---- one worker, its messages given by hand

using engine::ByHand;
using engine::to_bytes;
namespace messages = engine::messages;

// A state is a text. Counts what is packed, and what is updated.
class Counting final : public detail::Kernel {
 public:
  struct Counts {
    std::size_t packed = 0;
    std::size_t updated = 0;
  };
  explicit Counting(Counts& counts) : counts_(counts) {}

  detail::Object make_state() const override { return object(""); }
  detail::Object unpack_state(Bytes packed) const override { return object(engine::text(packed)); }
  detail::Object copy_state(const void* state) const override { return object(of(state)); }
  std::size_t packed_size(const void* state) const override { return of(state).size(); }
  void pack_state(const void* state, Buffer& out) const override {
    ++counts_.packed;
    out.append(engine::bytes(of(state)));
  }
  void save_state(const void* state, Buffer& out, detail::Recorder&) const override {
    pack_state(state, out);
  }
  detail::Object load_state(Bytes packed, const detail::Schema&) const override {
    return unpack_state(packed);
  }
  detail::Object unpack_input(Bytes packed) const override { return object(engine::text(packed)); }
  void set_context(Bytes) override {}
  void update(void*, const void*, Bytes, const detail::CallInfo&, Buffer&) override { ++counts_.updated; }

 private:
  static const std::string& of(const void* state) { return *static_cast<const std::string*>(state); }
  static detail::Object object(std::string value) {
    return {new std::string(std::move(value)), [](void* old) { delete static_cast<std::string*>(old); }};
  }

  Counts& counts_;
};

constexpr std::size_t kStates = 8;
constexpr std::size_t kSize = 300'000;  // more than the block in which small ones are gathered

class Limited : public testing::Test {
 protected:
  // A worker with this limit that has been told to save eight states, and then to update the first.
  void begin(std::uint64_t limit) {
    disk_.allow(0);
    engine::WorkerSettings settings;
    settings.save_bytes = limit;
    worker_.emplace(transport_, engine::Host{disk_, nullptr}, std::make_unique<Counting>(counts_), settings);
    messages::Save save{1, {1, 0, 0}, {}, {}};
    save.places[0].root = checkpoint::Path(kPlace);
    const std::string state(kSize, 'x');
    for (std::size_t i = 0; i < kStates; ++i) {
      Buffer place = to_bytes(messages::Place());
      engine::append(place, messages::Place::Item{StateId{i}, engine::bytes(state)});
      worker_->handle({kMaster, std::move(place)});
      save.states.push_back({StateId{i}, 1.0});
    }
    worker_->handle({kMaster, to_bytes(save)});
    (void)packed();
    disk_.wait_for(1);

    messages::Assign assign{};
    assign.call.epoch = assign.call.rounds = 1;
    assign.call.own_inputs = true;
    assign.jobs = {{StateId{0}, 0, 0, 0, 0, 0}};
    Buffer out = to_bytes(assign);
    engine::append(out, engine::Block());
    worker_->handle({kMaster, std::move(out)});
  }
  // How many states have been packed once there is nothing more to do before the disk goes on.
  std::size_t packed() {
    for (int i = 0; i < 10; ++i) worker_->poll();
    return counts_.packed;
  }
  void wait_until_packed(std::size_t count) {
    while (worker_->poll(), counts_.packed < count) transport_.wait(worker_->patience());
  }
  bool saved() {
    worker_->poll();
    for (const transport::Envelope& each : transport_.sent)
      if (engine::kind_of(each.message) == engine::Kind::kSaved) return true;
    return false;
  }

  checkpoint::MemoryStorage memory_;
  LockedStorage locked_{memory_};
  HangingStorage disk_{locked_};
  Counting::Counts counts_;
  ByHand transport_;
  std::optional<engine::Worker> worker_;
};

TEST_F(Limited, CopiesThatWaitNeverTakeMoreThanTheOptionSays) {
  begin(3 * kSize + kSize / 2);
  EXPECT_EQ(packed(), 3u);
  disk_.allow(2);  // the header, and the first state
  for (std::size_t written = 1; written + 3 <= kStates; ++written) {
    wait_until_packed(3 + written);
    EXPECT_EQ(packed(), 3 + written);
    disk_.wait_for(1);
    // the update waits for the copy of every state
    if (written + 3 < kStates) {
      EXPECT_EQ(counts_.updated, 0u);
    }
    disk_.allow(1);
  }
  disk_.release();
  while (!saved()) transport_.wait(worker_->patience());
  EXPECT_EQ(counts_.packed, kStates);
}

TEST_F(Limited, AStateBiggerThanTheOptionIsCopiedAlone) {
  begin(1);
  EXPECT_EQ(packed(), 1u);
  disk_.release();
  while (!saved()) transport_.wait(worker_->patience());
  EXPECT_EQ(counts_.packed, kStates);
}

}  // namespace
}  // namespace rondo::test
