#include "engine/vigil.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace rondo::engine {

namespace {

// The watched thread comes by every 0.1 s where there are signals to heed; it is away if it has not come for so long.
constexpr double kAway = 0.15;
// Nothing announces a signal.
constexpr double kLookSignals = 0.05;
// A look that is later than that was not only kept waiting by a busy machine.
constexpr double kSuspended = 2;
// A process that ends itself does that within so many seconds.
constexpr double kLeaving = 5;
// Rank 0 ends a run first, so that only its line is printed.
constexpr double kWorkerWaits = 2;

std::string whole(double seconds) { return std::to_string(static_cast<long>(seconds)); }

}  // namespace

Vigil::Limits Vigil::limits_of_master(const Options& options) {
  Limits limits;
  limits.signals = !options.checkpoint.empty();
  limits.grace = options.grace.count();
  limits.round_grace = seconds_or(options.round_grace, 0);
  limits.stall = seconds_or(options.stall, 0);
  limits.stall_abort = seconds_or(options.stall_abort, 0);
  limits.stall_status = options.checkpoint.empty() ? EXIT_FAILURE : kRequeueStatus;
  if (limits.signals) limits.look = kLookSignals;
  return limits;
}

Vigil::Limits Vigil::limits_of_worker(const Options& options) {
  Limits limits = limits_of_master(options);
  limits.look = Limits().look;
  limits.grace += kWorkerWaits;
  if (limits.round_grace > 0) limits.round_grace += kWorkerWaits;
  limits.stall = 0;
  if (limits.stall_abort > 0) limits.stall_abort += kWorkerWaits;
  const double orphan = seconds_or(options.orphan, 0);
  if (orphan > 0 && (limits.stall_abort == 0 || orphan < limits.stall_abort)) limits.stall_abort = orphan;
  return limits;
}

Vigil::Place Vigil::here(double now, Place place) {
  here_ = now;
  return std::exchange(place_, place);
}

void Vigil::leave_by(double at, int status, std::string source) {
  end_ = at;
  end_status_ = status;
  end_source_ = std::move(source);
}

std::optional<Vigil::Verdict> Vigil::look(double now, StopRequest asked) {
  allow_for_suspension(now);
  if (left_ != kNever) {
    if (now - left_ < kLeaving) return std::nullopt;
    return Verdict{"", ended_.value_or(end_status_)};
  }
  heed(now, asked);
  if (auto verdict = watch_time(now)) return verdict;
  return watch_progress(now);
}

void Vigil::allow_for_suspension(double now) {
  const double late = now - std::exchange(looked_, now) - patience();
  if (late < kSuspended) return;
  for (double* since : {&here_, &told_, &leave_at_, &left_}) *since += late;
}

void Vigil::heed(double now, StopRequest asked) {
  if (!limits_.signals || asked <= stop_request_) return;
  stop_request_ = asked;
  // a walltime that is known is the better measure
  if (asked == StopRequest::kLeave && limits_.round_grace > 0 && std::isinf(end_))
    leave_at_ = std::min(leave_at_, now + limits_.round_grace);
  if (asked == StopRequest::kLeaveSoon) leave_at_ = std::min(leave_at_, now + limits_.grace);
}

std::optional<Vigil::Verdict> Vigil::watch_time(double now) const {
  const bool over = now >= end_;
  if (!over && now < leave_at_) return std::nullopt;
  if (!ended_ && now - here_ < kAway) return std::nullopt;
  const int status = ended_.value_or(over ? end_status_ : kRequeueStatus);
  const std::string why = over ? "the walltime (" + end_source_ + ") is over"
                          : stop_request_ == StopRequest::kLeaveSoon ? "a signal asks it to leave soon"
                                                                     : "a signal asks it to leave";
  return Verdict{"rondo: " + whereabouts(now) + ", and " + why + "; " + SignalWatch::leaving(status) + "\n",
                 status};
}

std::optional<Vigil::Verdict> Vigil::watch_progress(double now) {
  if (!place_.counts) return std::nullopt;
  const double away = now - here_;
  if (limits_.stall_abort > 0 && away >= limits_.stall_abort + kAway)
    return Verdict{"rondo: no progress for " + whole(away) + " s; " + whereabouts(now) +
                       "; leaving with status " + std::to_string(limits_.stall_status) + "\n",
                   limits_.stall_status};
  if (limits_.stall == 0 || now - std::max(here_, told_) < limits_.stall + kAway) return std::nullopt;
  told_ = now;
  return Verdict{"rondo: no progress for " + whole(away) + " s; " + whereabouts(now) + "\n", std::nullopt};
}

std::string Vigil::whereabouts(double now) const {
  const double away = now - here_;
  if (away < kAway) return name_ + " is at " + place_.what;
  return name_ + " has not come back from " + place_.what + " for " + whole(away) + " s";
}

}  // namespace rondo::engine
