#include "stream/crew.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include <rondo/cores.hpp>
#include <rondo/stream/speedup.hpp>

namespace rondo::streaming {

namespace {

// The budget that was given, or that of the evaluation whose work unit this thread runs; null: neither.
CoreBudget* shared_budget(const StreamOptions& options) {
  return options.budget != nullptr ? options.budget : CoreShare::budget_of_this_thread();
}

unsigned threads_max(const StreamOptions& options, const CoreBudget* budget) {
  const unsigned threads = options.threads_max == 0 ? cores() : options.threads_max;
  return budget != nullptr ? std::min(threads, budget->cores()) : threads;
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
      budget_(shared_budget(options)),
      threads_max_(threads_max(options, budget_)),
      allotted_(threads_max_),
      roster_(evaluation_.sections().apart()),
      meter_(options.time_constant) {}

Meter::Duration Crew::now() const {
  if (options_.clock != nullptr) return options_.clock();
  return std::chrono::steady_clock::now().time_since_epoch();
}

void Crew::work() {
  std::optional<CoreBudget> own;  // for the evaluations that work units start
  if (budget_ == nullptr) budget_ = &own.emplace(std::max(threads_max_, cores()));
  share_ =
      std::make_unique<CoreShare>(*budget_, options_.priority, threads_max_, evaluation_.baton().actors(),
                                  [this](unsigned threads) { allot(threads); });
  if (!share_->begin(options_.stop)) {
    share_.reset();
    return evaluation_.stop();
  }
  std::stop_callback stop(options_.stop, [this] { evaluation_.stop(); });
  evaluation_.baton().on_ring([this] { recruit_stand_in(); });
  if (options_.effectiveness == 0) {
    want(threads_max_);
    recruit();
  }
  run_thread(true);
  evaluation_.baton().on_ring(nullptr);
  for (;;) {
    std::vector<OwnThread> leaving;
    {
      const std::scoped_lock lock(threads_mutex_);
      leaving.swap(threads_);
    }
    if (leaving.empty()) break;  // none is started when it is over
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

// What is thrown here is no error of a stage, a unit or the sink: these throw it in the stream. Memory may have run out.
void Crew::run_thread(bool at_work) noexcept {
  try {
    Hand hand;
    if (at_work || join(hand)) serve(hand);
  } catch (...) {
    evaluation_.fail(std::current_exception());
  }
}

void Crew::serve(Hand hand) {
  Baton& baton = evaluation_.baton();
  std::optional<CoreShare::OnThisThread> core;
  core.emplace(*share_);
  Round round;
  round.mark = now();
  UnitReference unit;
  for (;;) {
    // Also a thread whose units are always the ones that the stream waits for has to leave when it is asked to.
    if (hand.holding && roster_.too_many()) {
      baton.put_back();
      hand.holding = false;
    }
    if (hand.empty()) {
      const auto taken = take(hand);
      if (taken == Baton::Taken::closed) return;
      if (taken == Baton::Taken::dismissed) {
        dismiss();
        core.reset();
        if (!join(hand)) return;
        core.emplace(*share_);
        round = Round{};
        round.mark = now();
        continue;
      }
    }
    if (hand.holding) begin_round(round);
    const auto turn = evaluation_.step(unit, hand.part);
    const bool was_holding = std::exchange(hand, {}).holding;
    if (turn == Evaluation::Turn::over) return;
    if (round.timed && was_holding) {
      const auto held = round.lap(now());
      round.sample.crit += held;
      if (turn == Evaluation::Turn::unit) crit_ = held;
    }
    if (turn == Evaluation::Turn::waiting) {
      share_->waits();
      continue;
    }
    if (turn == Evaluation::Turn::unit) {
      if (samples_ == 0 && options_.effectiveness > 0)
        want(static_cast<unsigned>(std::min<std::uint64_t>(evaluation_.units() + 1, threads_max_)));
      baton.put_back();
      recruit();
    }
    if (round.timed) round.mark = now();
    hand.holding = evaluation_.run(std::move(unit));
    if (round.timed) round.sample.par += std::max(round.lap(now()), Meter::Duration(1));
  }
}

// Results that are there are passed on first, also by a thread that is to leave: the one that stays may be in a call that
// does not return before that.
Baton::Taken Crew::take(Hand& hand) {
  Stepper* part = nullptr;
  auto taken = Baton::Taken::part;
  if (roster_.too_many()) part = evaluation_.sections().take_over();
  if (part == nullptr)
    taken = roster_.leave() ? Baton::Taken::dismissed
                            : evaluation_.baton().take(roster_, evaluation_.sections(), part);
  if (taken == Baton::Taken::yes) hand.holding = true;
  if (taken == Baton::Taken::part) hold(hand, part);
  return taken;
}

// What was taken over is everything, or something before that.
void Crew::hold(Hand& hand, Stepper* part) {
  hand.holding = !part->is_apart();
  hand.part = hand.holding ? nullptr : part;
}

// Runs with the baton.
void Crew::begin_round(Round& round) {
  if (!round.timed) {
    if (--round.skipping > 0) return;
    round.timed = true;
    round.mark = now();
    return;
  }
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
}

// Runs with the baton: often at first, then about ten times in the time that the averages remember.
void Crew::decide() {
  if (options_.effectiveness == 0) return;
  if (samples_ > 16 && meter_.recorded() - decided_ < options_.time_constant / 10) return;
  decided_ = meter_.recorded();
  follow(meter_);
}

unsigned Crew::useful(const Meter& meter) const {
  return useful_threads(meter.critical_fraction(), threads_max_, options_.effectiveness);
}

void Crew::follow(const Meter& meter) {
  const unsigned threads = useful(meter);
  want(threads);
  needed_ = std::min(threads + 1, threads_max_);  // one that watches
  share_->demand(meter.critical_fraction(), threads);
}

void Crew::want(unsigned threads) {
  const std::scoped_lock lock(target_mutex_);
  needed_ = threads;
  if (wanted_.exchange(threads) == threads) return;
  const unsigned target = std::min(threads, allotted_);
  if (roster_.target.exchange(target) > target) evaluation_.baton().look_again();
  evaluation_.baton().invite();
}

void Crew::allot(unsigned threads) {
  const std::scoped_lock lock(target_mutex_);
  allotted_ = threads;
  const unsigned target = std::min(wanted_.load(), allotted_);
  const unsigned before = roster_.target.exchange(target);
  if (target < before) evaluation_.baton().look_again();
  evaluation_.baton().invite();  // also if the target is as before: a core may have become free
}

// Starts the threads that the rule asks for and that have never been started, also those that the budget does not allow yet:
// they rest without a core, and can join while every other thread is inside a long unit.
void Crew::recruit() {
  const unsigned needed = needed_.load(std::memory_order_relaxed);
  if (recruited_.load(std::memory_order_relaxed) >= needed) return;
  if (refused_.load(std::memory_order_relaxed) > 0 && until_retry_.fetch_sub(1) > 1) return;
  bool refused = false;
  {
    const std::scoped_lock lock(threads_mutex_);
    while (recruited_ < needed && !evaluation_.over() && !refused) refused = !start_thread();
  }
  if (!refused && refused_ == 0) return;
  // The others do the work. It costs as much as to start a thread to find that there is none, so that is tried less and less.
  constexpr unsigned kMost = 16;
  refused_ = refused ? std::min(refused_ + 1, kMost) : 0;
  until_retry_ = 1 << refused_;
  share_->limit(refused ? recruited_.load() : threads_max_);
}

// The thread that could pass on a result from outside is inside of the source. One more may be there for that, also where one
// is all that there should be.
void Crew::recruit_stand_in() {
  const std::scoped_lock lock(threads_mutex_);
  if (recruited_ == roster_.at_work && recruited_ <= threads_max_ && !evaluation_.over())
    static_cast<void>(start_thread());
}

// Under the threads' mutex. False: the system has none left.
bool Crew::start_thread() {
  try {
    threads_.emplace_back("an evaluation", [this] { run_thread(false); });
  } catch (const std::exception&) {
    return false;
  }
  ++recruited_;
  return true;
}

void Crew::dismiss() {
  unsigned without = without_core_;
  while (without > 0)
    if (without_core_.compare_exchange_weak(without, without - 1)) return;
  share_->give_back();
}

// Rests until it is needed. False: the evaluation is over.
bool Crew::join(Hand& hand) {
  Baton& baton = evaluation_.baton();
  Watch watch(options_.time_constant);
  bool watches = false;
  for (;;) {
    const unsigned seen = baton.invitations();
    if (evaluation_.over()) return false;
    if (stand_in(hand) || enter()) break;
    if (!watches) watches = options_.effectiveness > 0 && !watched_.exchange(true);
    if (watches && look(watch, hand)) break;
    const bool may_grow = watches && wanted_ < threads_max_;
    baton.rest(seen, may_grow ? std::optional(watch.interval()) : std::nullopt);
  }
  joined_.fetch_add(1);
  if (!watches) return true;
  watched_ = false;
  baton.invite();  // another one watches
  return true;
}

// True: the caller is at work now.
bool Crew::enter() {
  const unsigned at_work = roster_.enter();
  if (at_work == 0) return false;
  if (!share_->lease()) {
    roster_.at_work.fetch_sub(1);
    return false;
  }
  note_at_work(at_work);
  return true;
}

// The same, because there is a result from outside, and no thread to pass it on.
bool Crew::stand_in(Hand& hand) {
  if (!evaluation_.baton().take_ring()) return false;
  Stepper* const part = evaluation_.sections().take_over();
  if (part == nullptr) return false;
  hold(hand, part);
  note_at_work(roster_.at_work.fetch_add(1) + 1);
  if (!share_->lease()) without_core_.fetch_add(1);
  return true;
}

// The same, because all others are inside of long units. What they have spent there counts as if it had been recorded.
bool Crew::look(Watch& watch, Hand& hand) {
  Baton& baton = evaluation_.baton();
  const std::uint64_t units = evaluation_.units();
  const auto inside = watch.look(now(), units, baton.is_free());
  if (inside.count() == 0 || !baton.try_take()) return false;
  if (evaluation_.units() == units) {
    Meter meter = meter_;
    const unsigned threads = roster_.at_work;
    meter.record({.crit = crit_, .wait = {}, .par = inside}, threads, threads);
    const unsigned before = wanted_;
    if (useful(meter) > before) follow(meter);
    hand.holding = wanted_ > before && enter();
  }
  if (!hand.holding) baton.put_back();
  return hand.holding;
}

void Crew::note_at_work(unsigned at_work) {
  unsigned most = at_work_max_;
  while (at_work > most && !at_work_max_.compare_exchange_weak(most, at_work)) {
  }
}

}  // namespace rondo::streaming
