#include "stream/evaluation.hpp"

#include <rondo/stream/evaluate.hpp>

namespace rondo::streaming {

Evaluation::Evaluation(Root root, Handover handover)
    : baton_(std::make_shared<Baton>(handover)),
      root_(std::move(root)),
      sections_(baton_->closed(), baton_->actors(), std::make_shared<Doorbell>(baton_)) {
  Stepper& stepper = sections_.main();
  root_.promise()->stepper = &stepper;
  root_.promise()->name = "the evaluation";
  stepper.current = root_.promise();
}

Evaluation::~Evaluation() { tear_down(); }

Evaluation::Turn Evaluation::step(UnitReference& unit, Stepper* part) {
  Stepper* stepper = part != nullptr ? part : &sections_.main();
  stepper->fetch_frames();
  while (!over() || stepper->is_apart()) {
    // It may have been parked on other slots, too.
    if (!stepper->is_waiting()) stepper->run();
    if (stepper->is_waiting() && stepper->hold_up(Stepper::HoldUp::ready_only)) continue;
    const bool has_unit = stepper->outcome == Stepper::Outcome::unit;
    if (has_unit) {
      unit = std::move(stepper->unit);
      baton_->unit_begins();
    }
    if (stepper->is_apart()) [[unlikely]] {
      if (has_unit) units_apart_.fetch_add(1, std::memory_order_relaxed);
      const bool holding = rejoin(*stepper);
      if (has_unit) return holding ? Turn::unit : Turn::unit_apart;
      if (!holding) return over() ? Turn::over : Turn::waiting;
      stepper = &sections_.main();
      continue;
    }
    switch (stepper->outcome) {
      case Stepper::Outcome::unit:
        units_.store(units_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return Turn::unit;
      case Stepper::Outcome::waiting:
        if (park(*stepper)) return Turn::waiting;
        break;
      case Stepper::Outcome::ended: return end(root_.promise()->error);
      case Stepper::Outcome::running:  // it is over
      case Stepper::Outcome::value:    // a Root's, which says nothing
      case Stepper::Outcome::pull:
      case Stepper::Outcome::pulled:
      case Stepper::Outcome::apart: break;
    }
  }
  return Turn::over;
}

// False: this thread holds the baton still, and goes on.
bool Evaluation::park(Stepper& stepper) {
  awaited_.clear();
  for (const PullAhead* pull = stepper.ahead(); pull != nullptr; pull = pull->outer)
    if (pull->front != nullptr && pull->held_up != nullptr) awaited_.push_back(pull->front);
  ticket_.reset();
  auto parked = Baton::Parked::no;
  if (awaited_.empty()) {
    parked = baton_->park(*stepper.awaited);
  } else {
    awaited_.push_back(stepper.awaited);
    parked = baton_->park(awaited_, ticket_);
  }
  if (parked == Baton::Parked::halted) return !halt();
  return parked == Baton::Parked::yes;
}

// This thread has come out of the pull that it was apart in. True: it holds the baton now.
bool Evaluation::rejoin(Stepper& part) {
  const Reference<PullCore> core = sections_.give_back(part);
  if (core) return complete(*core.get());
  return baton_->unit_ends() && halt();
}

bool Evaluation::run(UnitReference unit) {
  run_unit(*unit.get());
  return complete(*unit.get());
}

// Completes the slot of a unit, or of a pull, that counts as an actor. Returns whether this thread holds the baton now.
bool Evaluation::complete(SlotCore& slot) {
  bool holding = false;
  if (const auto waiter = slot.finish(SlotCore::State::filled))
    holding = waiter->resume_for(*baton_, FilledBy::evaluation);
  if (baton_->unit_ends()) return halt();
  return holding;
}

Evaluation::Turn Evaluation::end(std::exception_ptr error) {
  ended_ = true;
  error_ = std::move(error);
  baton_->close();
  return Turn::over;
}

void Evaluation::fail(std::exception_ptr error) {
  {
    const std::scoped_lock lock(failure_mutex_);
    if (!failure_) failure_ = std::move(error);
  }
  baton_->close();
}

// Nobody holds the stream and nobody ever will, so this thread may take it. False: it is over, or was taken.
bool Evaluation::halt() {
  Stepper& stepper = sections_.main();
  if (over() || !(ticket_ ? ticket_->claim() : stepper.awaited->forget_waiter())) return false;
  baton_->take_parked(FilledBy::evaluation);
  if (!stepper.hold_up(Stepper::HoldUp::any)) stepper.fill_with_deadlock();
  return true;
}

void Evaluation::tear_down() noexcept {
  // A slot that is filled from outside must not resume a stream that is gone.
  Stepper& stepper = sections_.main();
  if (stepper.outcome == Stepper::Outcome::waiting && root_.promise() != nullptr) {
    if (ticket_) static_cast<void>(ticket_->claim());
    static_cast<void>(stepper.awaited->forget_waiter());
  }
  root_.destroy();
}

void Evaluation::conclude() {
  tear_down();
  if (error_) std::rethrow_exception(error_);
  if (ended_) return;
  if (failure_) std::rethrow_exception(failure_);
  throw_stopped();
}

}  // namespace rondo::streaming
