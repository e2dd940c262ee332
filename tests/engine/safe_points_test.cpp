// When a run saves and when it leaves, in time that the test moves.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/rondo.hpp>

#include "checkpoint/catalog.hpp"
#include "checkpoint/memory_storage.hpp"
#include "engine/master/checkpoint_writer.hpp"
#include "engine/master/safe_points.hpp"
#include "rank_zero.hpp"

namespace rondo::engine {
namespace {

class Nothing : public Update<int, int, int> {
 public:
  int update(int& state, const int&, const Call&) override { return state; }
};

const detail::Program& program() {
  static const detail::Program all = detail::make_program<Nothing>([] { return Nothing(); });
  return all;
}

class TestPlatform final : public Platform {
 public:
  StopRequest request = StopRequest::kNone;

  std::string node_name() const override { return "here"; }
  std::int32_t process() const override { return 1; }
  std::uint32_t cores(std::int32_t) const override { return 1; }
  transport::Seconds processor_time() const override { return transport::Seconds(0); }
  StopRequest take_stop_request() override { return std::exchange(request, StopRequest::kNone); }
  std::uint64_t draw_run() override { return 7; }
  std::unique_ptr<Executor> make_executor(Rank, const std::string&) override {
    throw std::logic_error("none");
  }
};

constexpr const char* kFolder = "runs/mine";

Options saving(Options options = {}) {
  options.checkpoint = kFolder;
  return options;
}
Options saving_for(std::chrono::seconds walltime) {
  Options options;
  options.walltime = walltime;
  return saving(options);
}

// Safe points of a run without states, whose checkpoints are complete as soon as they begin.
struct TestRun {
  explicit TestRun(const Options& options) : zero(options) {}

  void at(double time) { zero.transport.time = time; }
  void round(double step = 0) {
    ++zero.ensemble.round;
    points.at_safe_point({}, step);
  }
  std::size_t saved() { return checkpoint::sequences(storage, checkpoint::Path(kFolder)).size(); }
  // The status with which the run leaves in order, if it does.
  std::optional<int> leaves(double step = 0) {
    try {
      round(step);
      return std::nullopt;
    } catch (const Leave& leave) {
      return leave.status;
    }
  }
  // The status with which it leaves at once, if it does.
  std::optional<int> leaves_at_once() {
    try {
      points.watch();
      return std::nullopt;
    } catch (const LeftAtOnce& left) {
      return left.status;
    }
  }

  RankZero zero;
  checkpoint::MemoryStorage storage;
  TestPlatform platform;
  Host host{.storage = storage, .abort = nullptr, .platform = platform, .log = zero.log};
  CheckpointPlaces places{storage, zero.options, program(), 7};
  CheckpointWriter writer{{zero.peers, zero.loop, places, zero.ensemble, zero.scheduler, host, zero.options},
                          [] {}};
  SafePoints points{{zero.peers, zero.loop, writer, zero.ensemble, host, zero.options}};
};

TEST(SafePoints, WithoutAFolderNothingIsSaved) {
  TestRun run{Options()};
  run.at(1e6);
  run.round();
  EXPECT_EQ(run.leaves_at_once(), std::nullopt);
  EXPECT_FALSE(run.writer.has_saved());
}

TEST(SafePoints, SavesEveryThirdRound) {
  Options options;
  options.checkpoint_every = Rounds{3};
  options.keep = 100;
  TestRun run(saving(options));
  std::string saved;
  for (int round = 1; round <= 10; ++round) {
    run.round();
    saved += std::to_string(run.saved());
  }
  EXPECT_EQ(saved, "0011122233");
}

TEST(SafePoints, SavesAfterSoManySeconds) {
  Options options;
  options.checkpoint_every = std::chrono::seconds(50);
  TestRun run(saving(options));
  run.at(1049);
  run.round();
  EXPECT_EQ(run.saved(), 0U);
  run.at(1051);
  run.round();
  EXPECT_EQ(run.saved(), 1U);
}

TEST(SafePoints, TheFirstCheckpointComesAfterAMinuteIfNothingElseIsSaid) {
  TestRun run(saving());
  run.at(1059);
  run.round();
  EXPECT_EQ(run.saved(), 0U);
  run.at(1061);
  run.round();
  EXPECT_EQ(run.saved(), 1U);
}

TEST(SafePoints, AfterARestoreTheNextOneIsNotDueAtOnce) {
  TestRun run(saving());
  run.at(1059);
  run.points.restored();
  run.at(1100);
  run.round();
  EXPECT_EQ(run.saved(), 0U);
}

TEST(SafePoints, ASignalSavesAtTheNextSafePoint) {
  TestRun run(saving());
  run.platform.request = StopRequest::kCheckpoint;
  run.round();
  EXPECT_EQ(run.saved(), 1U);
  run.round();
  EXPECT_EQ(run.saved(), 1U) << "once";
}

TEST(SafePoints, LeavesInOrderWhenToldTo) {
  TestRun run(saving());
  run.points.heed(StopRequest::kLeave);
  EXPECT_EQ(run.leaves(), kRequeueStatus);
  EXPECT_EQ(run.saved(), 1U);
  EXPECT_TRUE(run.points.has_left());
  EXPECT_EQ(run.zero.log.take(), "rondo: checkpoint after round 1; leaving with status 75\n");
}

// A round takes 10 s, so that two of them and the margin must fit.
TEST(SafePoints, LeavesWhenTheNextRoundMightNotEndBeforeTheWalltime) {
  constexpr double kStep = 10;
  for (const bool is_late : {false, true}) {
    TestRun run(saving_for(std::chrono::seconds(1000)));
    const Walltime walltime = read_walltime(run.zero.options, 1000);
    run.at(walltime.end - walltime.margin - 2 * kStep + (is_late ? 1 : -1));
    EXPECT_EQ(run.leaves(kStep).has_value(), is_late);
  }
}

TEST(SafePoints, ARoundThatDoesNotEndInTimeIsLeftBehind) {
  TestRun run(saving_for(std::chrono::seconds(1000)));
  const double last = read_walltime(run.zero.options, 1000).last_moment();
  run.at(last - 0.1);
  EXPECT_EQ(run.leaves_at_once(), std::nullopt);
  run.at(last + 0.1);
  EXPECT_EQ(run.leaves_at_once(), kNothingSavedStatus) << "another start would be no better";
}

TEST(SafePoints, WithACheckpointAnotherStartIsAskedFor) {
  TestRun run(saving_for(std::chrono::seconds(1000)));
  run.platform.request = StopRequest::kCheckpoint;
  run.round();
  run.at(read_walltime(run.zero.options, 1000).last_moment() + 0.1);
  EXPECT_EQ(run.leaves_at_once(), kRequeueStatus);
}

TEST(SafePoints, ARoundMayEndInTheGraceAfterTerm) {
  Options options;
  options.grace = Options::Seconds(5);
  TestRun run(saving(options));
  run.platform.request = StopRequest::kLeaveSoon;
  EXPECT_EQ(run.leaves_at_once(), std::nullopt);
  run.at(1004.9);
  EXPECT_EQ(run.leaves_at_once(), std::nullopt);
  run.at(1005.1);
  EXPECT_EQ(run.leaves_at_once(), kRequeueStatus);
}

TEST(SafePoints, ARoundMayEndInTheGraceOfRoundsUnlessAWalltimeIsKnown) {
  Options options;
  options.round_grace = std::chrono::seconds(60);
  TestRun run(saving(options));
  run.points.heed(StopRequest::kLeave);
  run.at(1059);
  EXPECT_EQ(run.leaves_at_once(), std::nullopt);
  run.at(1061);
  EXPECT_EQ(run.leaves_at_once(), kRequeueStatus);

  options.walltime = std::chrono::seconds(1000);
  TestRun limited(saving(options));
  limited.points.heed(StopRequest::kLeave);
  limited.at(1061);
  EXPECT_EQ(limited.leaves_at_once(), std::nullopt);
}

TEST(SafePoints, AProgramThatGoesOnAfterItWasToldToLeaveIsEnded) {
  TestRun run(saving());
  EXPECT_NO_THROW(run.points.require_going());
  run.points.heed(StopRequest::kLeave);
  ASSERT_TRUE(run.leaves());
  EXPECT_THROW(run.points.require_going(), LeftAtOnce);
  EXPECT_NE(run.zero.log.take().find("the program has caught"), std::string::npos);
}

TEST(SafePoints, NothingTakesTheStatusOfAProgramThatHasEnded) {
  TestRun run(saving_for(std::chrono::seconds(1000)));
  run.points.end();
  run.platform.request = StopRequest::kLeaveSoon;
  run.at(1e6);
  EXPECT_EQ(run.leaves_at_once(), std::nullopt);
}

}  // namespace
}  // namespace rondo::engine
