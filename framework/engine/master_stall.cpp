// A stall: which rank waits for what, and since when.
//
// Rank 0 asks every worker what it does; each answers from its communicating thread, so that a long update is told from a
// worker that is gone, and both from a message that is lost.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <utility>

#include "engine/master.hpp"

namespace rondo::engine {

namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
// How long an answer may take.
constexpr double kAnswerSeconds = 2;

}  // namespace

// To be called between waits; says how long the next one may be.
double Master::watch_stall() {
  const double now = transport_.now().count();
  // no wait is that long: this rank was stopped meanwhile (a suspended job), and what it has not seen did not fail to come
  constexpr double kAwake = 2;
  if (const double away = now - std::exchange(watched_at_, now) - kAwake; away > 0)
    for (double* since : {&last_progress_, &told_, &asked_})
      if (*since > 0) *since += away;
  return stall_patience(now);
}

double Master::stall_patience(double now) {
  if (!options_.stall && !options_.stall_abort) return kNever;
  if (serving_ && tasks_.empty()) last_progress_ = now;  // the program has not asked for anything
  const double interval = seconds_or(options_.stall, kNever);
  const double abort_at = last_progress_ + seconds_or(options_.stall_abort, kNever);
  const double due = std::min(std::max(last_progress_, told_) + interval, abort_at);
  if (asked_ == 0) {
    if (now < due) return due - now;
    for (Seen& seen : seen_) seen.answer.reset();
    asked_ = now;
    send_all(to_bytes(messages::Ping()));
  }
  const double answered_by =
      asked_ + std::min(kAnswerSeconds, std::max(interval == kNever ? 1.0 : interval, 0.1));
  const bool all = std::all_of(seen_.begin(), seen_.end(), [&](const Seen& s) {
    return s.answer || peers_.lost[static_cast<std::size_t>(&s - seen_.data())];
  });
  if (!all && now < answered_by) return answered_by - now;
  asked_ = 0;
  told_ = now;
  if (now - last_progress_ < std::min(interval, seconds_or(options_.stall_abort, kNever)))
    return 0;  // it has gone on in the meantime
  tell_stall();
  if (now < abort_at) return 0;
  const int status = options_.checkpoint.empty() ? EXIT_FAILURE : kRequeueStatus;
  std::cerr << "rondo: no progress for " << seconds_or(options_.stall_abort, kNever)
            << " s; leaving with status " << status << std::endl;
  leave_at_once(status);
}

void Master::take(Rank from, const messages::Status& status) {
  seen_[index(worker_of(from))].answer = status.condition;
}

std::string Master::activity() const {
  if (serving_) return "tasks";
  if (running_ != nullptr)
    return "round " + std::to_string(running_->call.first_round + scheduler_.rounds_complete());
  if (closing_) return "the end of the run";
  if (fetching_.missing > 0) return "a fetch of " + std::to_string(fetching_.missing) + " states";
  if (saving_) return "a checkpoint, of " + std::to_string(saving_->missing) + " parts";
  if (!loads_.empty()) return "a restore";
  return "messages to leave, or workers to begin";
}

void Master::tell_stall() const {
  // what is asked of whom, as rank 0 knows it
  struct Awaited {
    std::size_t states = 0;
    StateId first{};
  };
  std::vector<Awaited> awaited(workers_);
  for (Slot slot = 0; running_ != nullptr && !serving_ && slot < ids_.size(); ++slot) {
    if (scheduler_.rounds_done(slot) > scheduler_.rounds_complete()) continue;
    Awaited& of = awaited[index(scheduler_.owner(slot))];
    if (of.states++ == 0) of.first = ids_[slot];
  }
  const double now = transport_.now().count();
  std::ostringstream text;
  text << "rondo: no progress for " << static_cast<long>(now - last_progress_) << " s; rank 0 waits for "
       << activity();
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (peers_.lost[w]) continue;
    const Seen& seen = seen_[w];
    text << "\nrondo:   rank " << rank_of(scheduler::Worker{w}) << ": ";
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
  std::cerr << text.str() << std::endl;
}

}  // namespace rondo::engine
