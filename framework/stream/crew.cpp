#include "stream/crew.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <system_error>
#include <thread>

#include <rondo/stream/speedup.hpp>

namespace rondo::streaming {

namespace {

unsigned threads_max(const StreamOptions& options) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned threads = options.threads_max == 0 ? cores : options.threads_max;
  return options.budget != nullptr ? std::min(threads, options.budget->cores()) : threads;
}

void check(const StreamOptions& options) {
  if (options.time_constant.count() <= 0) throw OptionError("time_constant: must be positive");
  if (!(options.effectiveness >= 0 && options.effectiveness <= 1)) {
    throw OptionError("effectiveness: must be from 0 to 1, got " + std::to_string(options.effectiveness));
  }
  if (!(options.priority > 0) || !std::isfinite(options.priority)) {
    throw OptionError("priority: must be positive and finite, got " + std::to_string(options.priority));
  }
}

}  // namespace

// Times the rounds of one thread. A clock costs tens of nanoseconds, so of short rounds only some are timed.
struct Crew::Round {
  Meter::Sample sample;
  Meter::Duration mark{};
  bool timed = true;
  unsigned weight = 1;  // rounds that this one stands for
  unsigned skipping = 0;

  Meter::Duration lap(Meter::Duration now) { return now - std::exchange(mark, now); }
};

Crew::Crew(Evaluation& evaluation, const StreamOptions& options)
    : evaluation_(evaluation),
      options_((check(options), options)),
      threads_max_(threads_max(options)),
      allotted_(threads_max_),
      meter_(options.time_constant) {}

Meter::Duration Crew::now() const {
  if (options_.clock != nullptr) return options_.clock();
  return std::chrono::steady_clock::now().time_since_epoch();
}

void Crew::work() {
  if (options_.budget != nullptr && threads_max_ >= 1) {
    share_ = std::make_unique<CoreShare>(*options_.budget, options_.priority, threads_max_,
                                         evaluation_.baton().actors(),
                                         [this](unsigned threads) { allot(threads); });
    if (!share_->begin(options_.stop)) {
      share_.reset();
      return evaluation_.stop();
    }
  }
  std::stop_callback stop(options_.stop, [this] {
    evaluation_.stop();
    invite();
  });
  if (options_.effectiveness == 0) {
    want(threads_max_);
    recruit();
  }
  serve();
  for (;;) {
    std::vector<threads::Thread> leaving;
    {
      const std::scoped_lock lock(threads_mutex_);
      leaving.swap(threads_);
    }
    if (leaving.empty()) break;
    for (threads::Thread& thread : leaving) thread.join();
  }
  share_.reset();
}

StreamReport Crew::report() const {
  return {.units = evaluation_.units(),
          .threads_max = at_work_max_,
          .joined = joined_,
          .crit = meter_.crit(),
          .wait = meter_.wait(),
          .par = meter_.par()};
}

void Crew::serve() {
  Baton& baton = evaluation_.baton();
  std::optional<CoreShare::OnThisThread> core;
  if (share_) core.emplace(*share_);
  Round round;
  round.mark = now();
  UnitReference unit;
  for (bool holding = false;;) {
    // Also a thread whose units are always the ones that the stream waits for has to leave when it is asked to.
    if (holding && roster_.too_many()) {
      baton.put_back();
      holding = false;
    }
    if (!holding) {
      const auto taken = roster_.leave() ? Baton::Taken::dismissed : baton.take(roster_);
      if (taken == Baton::Taken::closed) return invite();
      if (taken == Baton::Taken::dismissed) {
        if (share_) share_->give_back();
        if (!join()) return;
        round = Round{};
        round.mark = now();
        continue;
      }
    }
    holding = false;
    if (round.timed) {
      round.sample.wait += round.lap(now());
      if (round.sample.par.count() > 0) {  // a whole round is behind this thread
        meter_.record(round.sample, roster_.at_work, round.weight);
        ++samples_;
        // About fifty clocked rounds in the time that the averages remember, and each stands for those around it.
        const auto length = std::max<Meter::Duration::rep>(round.sample.total().count(), 1);
        const auto rounds = options_.time_constant.count() / 50 / length;
        round.skipping = static_cast<unsigned>(std::min<Meter::Duration::rep>(rounds, 63));
        round.weight = 1 + round.skipping;
        round.sample = {};
        decide();
      }
      round.timed = round.skipping == 0;
    } else if (--round.skipping == 0) {
      round.timed = true;
      round.mark = now();
    }
    const auto turn = evaluation_.step(unit);
    if (turn == Evaluation::Turn::over) return invite();
    if (round.timed) round.sample.crit += round.lap(now());
    if (turn == Evaluation::Turn::waiting) {
      if (share_) share_->waits();
      continue;
    }
    if (samples_ == 0 && options_.effectiveness > 0)
      want(static_cast<unsigned>(std::min<std::uint64_t>(evaluation_.units() + 1, threads_max_)));
    baton.put_back();
    recruit();
    if (round.timed) round.mark = now();
    holding = evaluation_.run(std::move(unit));
    if (round.timed) round.sample.par += std::max(round.lap(now()), Meter::Duration(1));
  }
}

// Runs with the baton: often at first, then about ten times in the time that the averages remember.
void Crew::decide() {
  if (options_.effectiveness == 0) return;
  if (samples_ > 16 && meter_.recorded() - decided_ < options_.time_constant / 10) return;
  decided_ = meter_.recorded();
  const double p = meter_.critical_fraction();
  const unsigned useful = useful_threads(p, threads_max_, options_.effectiveness);
  want(useful);
  if (share_) share_->demand(p, useful);
}

void Crew::want(unsigned threads) {
  const std::scoped_lock lock(target_mutex_);
  wanted_ = threads;
  const unsigned target = std::min(wanted_.load(), allotted_);
  const unsigned before = roster_.target.exchange(target);
  if (target > before) invite();
  if (target < before) evaluation_.baton().look_again();
}

void Crew::allot(unsigned threads) {
  const std::scoped_lock lock(target_mutex_);
  allotted_ = threads;
  const unsigned target = std::min(wanted_.load(), allotted_);
  const unsigned before = roster_.target.exchange(target);
  if (target < before) evaluation_.baton().look_again();
  invite();  // also if the target is as before: a core may have become free
}

void Crew::invite() {
  invitations_.fetch_add(1);
  invitations_.notify_all();
}

// Starts the threads that the rule asks for and that have never been started, also those that the budget does not allow yet:
// they rest without a core, and can join while every other thread is inside a long unit.
void Crew::recruit() {
  const unsigned wanted = wanted_.load(std::memory_order_relaxed);
  if (recruited_.load(std::memory_order_relaxed) >= wanted) return;
  const std::scoped_lock lock(threads_mutex_);
  while (recruited_ < wanted && !evaluation_.over()) {
    try {
      threads_.emplace_back([this] {
        if (join()) serve();
      });
    } catch (const std::system_error&) {
      return;  // the system has no thread left; the others do the work
    }
    ++recruited_;
  }
}

bool Crew::join() {
  unsigned at_work = 0;
  for (;;) {
    const unsigned seen = invitations_.load();
    if (evaluation_.over()) return false;
    at_work = roster_.enter();
    if (at_work > 0) {
      if (!share_ || share_->lease()) break;
      roster_.at_work.fetch_sub(1);
    }
    invitations_.wait(seen);
  }
  unsigned most = at_work_max_;
  while (at_work > most && !at_work_max_.compare_exchange_weak(most, at_work)) {
  }
  joined_.fetch_add(1);
  return true;
}

}  // namespace rondo::streaming
