// What holds the limits of a run while the thread that looks after them is away, on a clock of the test's.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "engine/vigil.hpp"

namespace rondo::engine {
namespace {

constexpr double kForEver = std::numeric_limits<double>::infinity();
constexpr double kDay = 86400;

// A thread that is watched, and what was said to it.
class Watched {
 public:
  explicit Watched(const Vigil::Limits& limits) : vigil_(limits, now_) { vigil_.set_name("rank 0"); }

  void goes_to(const char* place, bool counts = true) { (void)vigil_.here(now_, {place, counts}); }
  void suspend(double seconds) { now_ += seconds; }
  Vigil& vigil() { return vigil_; }
  [[nodiscard]] double now() const { return now_; }
  [[nodiscard]] const std::string& told() const { return told_; }

  // Looks for so long, while the watched thread is away or comes by every 0.1 s. Returns the seconds until the process ends; infinite
  // if it goes on.
  double away(double seconds, StopRequest asked = StopRequest::kNone) { return look(seconds, asked, false); }
  double comes_by(double seconds, StopRequest asked = StopRequest::kNone) {
    return look(seconds, asked, true);
  }
  [[nodiscard]] int status() const { return status_.value_or(-1); }

 private:
  double look(double seconds, StopRequest asked, bool is_here) {
    const double begin = now_;
    double next_visit = now_;
    while (now_ - begin < seconds) {
      now_ += vigil_.patience();
      if (is_here && now_ >= next_visit) {
        (void)vigil_.here(now_, {"a call of the master", true});
        next_visit = now_ + 0.1;
      }
      const auto verdict = vigil_.look(now_, asked);
      if (!verdict) continue;
      told_ += verdict->line;
      status_ = verdict->status;
      if (status_) return now_ - begin;
    }
    return kForEver;
  }

  double now_ = 1000;
  Vigil vigil_;
  std::string told_;
  std::optional<int> status_;
};

Vigil::Limits with_checkpoints() {
  Options options;
  options.checkpoint = "somewhere";
  options.stall.reset();
  return Vigil::limits_of_master(options);
}

void expect_within(double time, double least, double most) {
  EXPECT_GE(time, least);
  EXPECT_LE(time, most);
}

TEST(Vigil, AProcessWithoutLimitsGoesOn) {
  Vigil::Limits limits;
  Watched watched(limits);
  watched.goes_to("an fsync");
  EXPECT_EQ(watched.away(kDay, StopRequest::kLeaveSoon), kForEver);
  EXPECT_EQ(watched.told(), "");
}

TEST(Vigil, TermEndsItAfterTheGrace) {
  Watched watched(with_checkpoints());
  watched.goes_to("the manifest of a checkpoint");
  EXPECT_EQ(watched.away(100), kForEver);
  // mpirun kills 1 s after TERM
  expect_within(watched.away(100, StopRequest::kLeaveSoon), 0.8, 1.0);
  EXPECT_EQ(watched.status(), kRequeueStatus);
  EXPECT_NE(watched.told().find("rank 0 has not come back from the manifest of a checkpoint for 10"),
            std::string::npos)
      << watched.told();
  EXPECT_NE(watched.told().find("leaving with status 75\n"), std::string::npos) << watched.told();
}

TEST(Vigil, Usr2EndsItAfterTheGraceOfARound) {
  Watched watched(with_checkpoints());
  watched.goes_to("the manifest of a checkpoint");
  expect_within(watched.away(kDay, StopRequest::kLeave), 600, 601);
  EXPECT_EQ(watched.status(), kRequeueStatus);
}

TEST(Vigil, Usr2LeavesItUntilTheWalltimeWhereThatIsKnown) {
  Watched watched(with_checkpoints());
  watched.vigil().leave_by(watched.now() + 5000, kNothingSavedStatus, "--rondo-walltime");
  watched.goes_to("the manifest of a checkpoint");
  expect_within(watched.away(kDay, StopRequest::kLeave), 5000, 5001);
}

TEST(Vigil, Usr1AsksForNoEnd) {
  Watched watched(with_checkpoints());
  watched.goes_to("the manifest of a checkpoint");
  EXPECT_EQ(watched.away(kDay, StopRequest::kCheckpoint), kForEver);
}

TEST(Vigil, TheWalltimeEndsItWithItsStatusAndIsNamed) {
  for (const int status : {kNothingSavedStatus, kRequeueStatus}) {
    Watched watched(with_checkpoints());
    watched.vigil().leave_by(watched.now() + 50, status, "SLURM_JOB_END_TIME");
    watched.goes_to("the program's main", false);
    expect_within(watched.away(kDay), 50, 51);
    EXPECT_EQ(watched.status(), status);
    EXPECT_NE(watched.told().find("the walltime (SLURM_JOB_END_TIME) is over"), std::string::npos);
  }
}

TEST(Vigil, AThreadThatComesByLooksAfterTheLimitsItself) {
  Vigil::Limits limits = with_checkpoints();
  limits.stall_abort = 5;
  Watched watched(limits);
  watched.vigil().leave_by(watched.now() + 50, kRequeueStatus, "");
  EXPECT_EQ(watched.comes_by(1000, StopRequest::kLeaveSoon), kForEver);
}

TEST(Vigil, NoProgressEndsItWhereTheThreadShouldComeBackSoon) {
  Vigil::Limits limits = with_checkpoints();
  limits.stall_abort = 30;
  limits.stall_status = 75;
  Watched watched(limits);
  watched.goes_to("the program's main", false);
  EXPECT_EQ(watched.away(kDay), kForEver) << "main may compute for as long as it likes";
  watched.goes_to("the sink or the inputs of evolve()");
  EXPECT_EQ(watched.away(29), kForEver);
  watched.goes_to("the sink or the inputs of evolve()");
  expect_within(watched.away(kDay), 30, 31);
  EXPECT_EQ(watched.status(), 75);
  EXPECT_NE(watched.told().find("has not come back from the sink or the inputs of evolve() for 30 s"),
            std::string::npos)
      << watched.told();
}

TEST(Vigil, NoProgressIsToldNowAndThen) {
  Vigil::Limits limits;
  limits.stall = 100;
  Watched watched(limits);
  watched.goes_to("the manifest of a checkpoint");
  EXPECT_EQ(watched.away(99), kForEver);
  EXPECT_EQ(watched.told(), "");
  EXPECT_EQ(watched.away(250), kForEver);
  EXPECT_EQ(
      watched.told(),
      "rondo: no progress for 101 s; rank 0 has not come back from the manifest of a checkpoint for 101 s\n"
      "rondo: no progress for 202 s; rank 0 has not come back from the manifest of a checkpoint for 202 s\n"
      "rondo: no progress for 303 s; rank 0 has not come back from the manifest of a checkpoint for 303 s\n");
}

// A job that is suspended has its clock go on. Whatever it was waiting for did not fail to come.
TEST(Vigil, WhatEverythingWasSuspendedForDoesNotCount) {
  Vigil::Limits limits = with_checkpoints();
  limits.stall_abort = 30;
  for (const double suspended : {3.0, 100.0, kDay}) {
    Watched watched(limits);
    watched.goes_to("the manifest of a checkpoint");
    EXPECT_EQ(watched.away(20), kForEver);
    watched.suspend(suspended);
    EXPECT_EQ(watched.away(9), kForEver);
    expect_within(watched.away(kDay), 0.5, 2);
  }
  Watched watched(with_checkpoints());
  EXPECT_EQ(watched.away(0.5, StopRequest::kLeaveSoon), kForEver);
  watched.suspend(100);
  EXPECT_EQ(watched.away(0.2, StopRequest::kLeaveSoon), kForEver);
  expect_within(watched.away(10, StopRequest::kLeaveSoon), 0.05, 0.4);
}

TEST(Vigil, ButTheWalltimeGoesOnWhileItIsSuspended) {
  Watched watched(with_checkpoints());
  watched.vigil().leave_by(watched.now() + 50, kRequeueStatus, "");
  watched.suspend(100);
  expect_within(watched.away(10), 0, 0.3);
}

TEST(Vigil, WhenMainHasEndedItsStatusStaysAndTheLimitsHoldAllTheSame) {
  for (const int status : {0, 7}) {
    Watched signalled(with_checkpoints());
    signalled.vigil().main_has_ended(status);
    expect_within(signalled.comes_by(10, StopRequest::kLeaveSoon), 0.8, 1.0);
    EXPECT_EQ(signalled.status(), status);
    EXPECT_NE(signalled.told().find("rank 0 is at a call of the master"), std::string::npos)
        << signalled.told();

    Watched late(with_checkpoints());
    late.vigil().leave_by(late.now() + 50, kNothingSavedStatus, "");
    late.vigil().main_has_ended(status);
    late.goes_to("MPI_Finalize");
    expect_within(late.away(100), 50, 51);
    EXPECT_EQ(late.status(), status);
  }
}

TEST(Vigil, AProcessThatEndsItselfHasAMomentForIt) {
  Watched watched(with_checkpoints());
  watched.vigil().leave_by(watched.now() + 1, kRequeueStatus, "");
  watched.vigil().leaves(watched.now());
  EXPECT_EQ(watched.away(4.9, StopRequest::kLeaveSoon), kForEver);
  expect_within(watched.away(10, StopRequest::kLeaveSoon), 0, 0.3);
  EXPECT_EQ(watched.status(), kRequeueStatus);
  EXPECT_EQ(watched.told(), "") << "it has told why";
}

// A worker waits for rank 0 to end the run.
TEST(Vigil, OfAWorkerItLeavesRankZeroTheFirstWord) {
  Options options;
  options.checkpoint = "somewhere";
  options.orphan.reset();
  Watched watched(Vigil::limits_of_worker(options));
  watched.goes_to("messages", false);
  expect_within(watched.away(100, StopRequest::kLeaveSoon), 2.8, 4);
  EXPECT_EQ(watched.status(), kRequeueStatus);
}

TEST(Vigil, OfAWorkerItWaitsInMpiForRankZeroNoLongerThanForAnOrphan) {
  Options options;
  options.orphan = rondo::Options::Seconds(50);
  Watched orphan(Vigil::limits_of_worker(options));
  orphan.goes_to("MPI_Init");
  expect_within(orphan.away(kDay), 50, 52);
  EXPECT_EQ(orphan.status(), 1);

  options.stall_abort = rondo::Options::Seconds(20);
  Watched stalled(Vigil::limits_of_worker(options));
  stalled.goes_to("MPI_Init");
  expect_within(stalled.away(kDay), 22, 24);
}

}  // namespace
}  // namespace rondo::engine
