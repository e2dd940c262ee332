#include "engine/master/stall_watch.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <sstream>
#include <utility>

#include "engine/signals.hpp"

namespace rondo::engine {

namespace {

constexpr double kUnlimited = std::numeric_limits<double>::infinity();
// How long an answer may take.
constexpr double kAnswerSeconds = 2;

}  // namespace

StallWatch::StallWatch(Peers& peers, Loop& loop, const Subject& subject, Log& log, const Options& options)
    : peers_(peers),
      loop_(loop),
      subject_(subject),
      log_(log),
      options_(options),
      seen_(peers.count()),
      last_progress_(peers.now().count()),
      told_(last_progress_) {}

void StallWatch::take(Rank from, const messages::Status& status) {
  seen_[index(peers_.worker_of(from))].answer = status.condition;
}

double StallWatch::watch(double now) {
  // no wait is that long: this rank was stopped meanwhile (a suspended job), and what it has not seen did not fail to come
  constexpr double kAwake = 2;
  if (const double away = now - std::exchange(watched_at_, now) - kAwake; away > 0) {
    last_progress_ += away;
    told_ += away;
    if (asked_) asked_ = now;  // all of them have as long as before to answer
    for (Seen& seen : seen_) seen.heard += away;
  }
  return patience(now);
}

double StallWatch::patience(double now) {
  if (!options_.stall && !options_.stall_abort) return kUnlimited;
  if (subject_.is_idle()) last_progress_ = now;
  const double interval = seconds_or(options_.stall, kUnlimited);
  const double abort_after = seconds_or(options_.stall_abort, kUnlimited);
  const double abort_at = last_progress_ + abort_after;
  const double due = std::min(std::max(last_progress_, told_) + interval, abort_at);
  if (!asked_) {
    if (now < due) return due - now;
    for (Seen& seen : seen_) seen.answer.reset();
    asked_ = now;
    peers_.send_all(to_bytes(messages::Ping()));
  }
  const double answered_by =
      *asked_ + std::min(kAnswerSeconds, std::max(interval == kUnlimited ? 1.0 : interval, 0.1));
  if (!all_have_answered() && now < answered_by) return answered_by - now;
  asked_.reset();
  told_ = now;
  if (now - last_progress_ < std::min(interval, abort_after)) return 0;  // it has gone on in the meantime
  tell(now);
  if (now >= abort_at) {
    const int status = options_.checkpoint.empty() ? EXIT_FAILURE : kRequeueStatus;
    log_.tell("no progress for ", abort_after, " s; leaving with status ", status);
    loop_.leave_at_once(status);
  }
  return 0;
}

bool StallWatch::all_have_answered() const {
  for (std::uint32_t w = 0; w < seen_.size(); ++w)
    if (!seen_[w].answer && !peers_.is_lost(w)) return false;
  return true;
}

void StallWatch::tell(double now) const {
  const std::vector<Subject::Awaited> awaited = subject_.awaited();
  std::ostringstream text;
  text << "no progress for " << static_cast<long>(now - last_progress_) << " s; rank 0 waits for "
       << subject_.activity();
  for (std::uint32_t w = 0; w < peers_.count(); ++w) {
    if (peers_.is_lost(w)) continue;
    const Seen& seen = seen_[w];
    text << "\nrondo:   rank " << peers_.rank_of(scheduler::Worker{w}) << ": ";
    if (!seen.answer) {
      text << "does not answer, silent for " << static_cast<long>(now - seen.heard) << " s";
    } else if (seen.answer->unwelcomed) {
      text << "waits for rank 0 to begin the run";
    } else if (seen.answer->running_for >= 0) {
      text << "state " << seen.answer->running << " has been in update for "
           << static_cast<long>(seen.answer->running_for) << " s, " << seen.answer->ready
           << " more are ready";
    } else if (seen.answer->absent > 0) {
      text << "waits for state " << seen.answer->first_absent;
      if (seen.answer->absent > 1) text << " and " << seen.answer->absent - 1 << " more";
      text << " to arrive";
    } else if (seen.answer->saving) {
      text << "writes a checkpoint";
    } else if (seen.answer->unsent > 0) {
      text << "has " << seen.answer->unsent << " bytes that nobody takes";
    } else if (seen.answer->jobs > 0) {
      text << "waits for " << (seen.answer->lacks_context ? "the context" : "the input of a round")
           << " with " << seen.answer->jobs << " states";
    } else {
      text << "has nothing to do";
    }
    if (awaited[w].states > 0)
      text << "; rank 0 waits for " << awaited[w].states << " of its states, the first is "
           << awaited[w].first;
  }
  log_.tell(text.str());
}

}  // namespace rondo::engine
