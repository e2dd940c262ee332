#include "engine/master/safe_points.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <string>
#include <variant>

#include <rondo/error.hpp>

#include "checkpoint/cadence.hpp"
#include "engine/watchdog.hpp"

namespace rondo::engine {

SafePoints::SafePoints(const Parts& parts)
    : p_(parts),
      walltime_(read_walltime(parts.options, parts.peers.now().count())),
      saved_at_(p_.peers.now().count()) {
  if (!walltime_.refusal.empty()) p_.host.log.tell("" + walltime_.refusal + "");
  publish();
}

void SafePoints::at_safe_point(Bytes program, double step) {
  CheckpointWriter& writer = p_.writer;
  if (p_.options.checkpoint.empty()) return;
  watch();
  p_.loop.run_until([] { return true; });  // takes in what has come, perhaps the end of the last checkpoint
  writer.tell_error();
  if (writer.take_abandoned()) heed(StopRequest::kCheckpoint);
  const double now = p_.peers.now().count();
  step_time_ = std::max(step_time_, step);
  if (last_ > 0) step_time_ = std::max(now - last_, step_time_ * 0.9);
  last_ = now;
  if (request_ < StopRequest::kLeave &&
      seconds_left() < walltime_.margin + 2 * step_time_ + 2 * writer.cost()) {
    p_.host.log.tell("the next round might not end before the walltime (" + walltime_.source + ") does");
    request_ = StopRequest::kLeave;
  }
  if (request_ >= StopRequest::kLeave) leave(program);
  if (writer.is_writing() || (request_ != StopRequest::kCheckpoint && !is_due())) return;
  request_ = StopRequest::kNone;
  restored();
  try {
    writer.begin(p_.options.checkpoint, program);
  } catch (const std::exception& error) {
    writer.set_error(error.what());
  }
}

void SafePoints::leave(Bytes program) {
  std::string text;
  try {
    p_.writer.write(p_.options.checkpoint, program);
    text = "checkpoint after round " + std::to_string(p_.ensemble.round);
  } catch (const CheckpointError& error) {
    text = std::string("the last checkpoint failed") +
           (p_.writer.has_saved() ? ", the one before stands: " : " and so did all of this run: ") +
           error.what();
  }
  p_.host.log.tell(text, "; ", SignalWatch::leaving(leave_status()));
  // not before: a loss while it was written is an error of its own, and goes to the program as that
  phase_ = Phase::kLeft;
  throw Leave{leave_status()};
}

void SafePoints::restored() {
  saved_round_ = p_.ensemble.round;
  saved_at_ = p_.peers.now().count();
}

void SafePoints::heed(StopRequest request) {
  request_ = std::max(request_, request);
  const double now = p_.peers.now().count();
  // a walltime that is known is the better measure
  if (request == StopRequest::kLeave && p_.options.round_grace && std::isinf(walltime_.end))
    leave_by_ = std::min(leave_by_, now + seconds_or(p_.options.round_grace, 0));
  if (request == StopRequest::kLeaveSoon) leave_by_ = std::min(leave_by_, now + p_.options.grace.count());
}

void SafePoints::publish() const {
  if (p_.host.watchdog != nullptr)
    p_.host.watchdog->leave_by(walltime_.last_moment(), leave_status(), walltime_.source);
}

void SafePoints::end() {
  phase_ = Phase::kEnded;
  leave_by_ = std::numeric_limits<double>::infinity();
  walltime_ = {};
}

// A restart is asked for only if it begins where this run did not: whatever let no checkpoint come about (a full disk, a
// walltime too short for a round) would do so again, and for ever.
int SafePoints::leave_status() const { return p_.writer.has_saved() ? kRequeueStatus : kNothingSavedStatus; }

// A round that does not end in time is not worth a killed job: the last checkpoint stands. TERM and INT come at any time,
// and say nothing of the next one.
void SafePoints::watch() {
  if (p_.options.checkpoint.empty() || phase_ == Phase::kEnded) return;
  heed(p_.host.platform.take_stop_request());
  const double now = p_.peers.now().count();
  const bool over = now >= walltime_.last_moment();
  if (!over && now < leave_by_) return;
  const int status = over ? leave_status() : kRequeueStatus;
  p_.host.log.tell(
      (over                          ? "no time left to end the round (" + walltime_.source + "); "
       : !SignalWatch::by_launcher() ? "no time left to end the round; "
                                     : "the launcher ends the run, as a rank has died or it was told to; "),
      (p_.writer.has_saved() ? "the last checkpoint stands" : "there is no checkpoint of this run"), "; ",
      SignalWatch::leaving(status));
  p_.loop.leave_at_once(status);
}

bool SafePoints::is_due() const {
  double seconds = 0;
  if (const auto& every = p_.options.checkpoint_every) {
    if (const auto* rounds = std::get_if<rondo::Rounds>(&*every))
      return p_.ensemble.round - saved_round_ >= rounds->count;
    seconds = static_cast<double>(std::get<std::chrono::seconds>(*every).count());
  } else if (p_.writer.cost() == 0) {
    seconds = 60;  // the first one comes early, to measure what one costs
  } else {
    constexpr double kFloor = 10;
    const auto between =
        checkpoint::between_failures(checkpoint::Seconds(p_.options.node_failure), p_.peers.count_nodes());
    seconds = std::max(kFloor,
                       checkpoint::optimum_interval(checkpoint::Seconds(p_.writer.cost()), between).count());
  }
  return p_.peers.now().count() - saved_at_ >= seconds;
}

void SafePoints::tell_caught() const {
  p_.host.log.tell(
      "the program has caught what safe_point() threw to leave (a catch (...) has to throw it on); "
      "leaving with status ",
      leave_status());
}

void SafePoints::require_going() {
  if (phase_ != Phase::kLeft) return;
  tell_caught();
  p_.loop.leave_at_once(leave_status());
}

}  // namespace rondo::engine
