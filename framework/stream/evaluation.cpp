#include "stream/evaluation.hpp"

#include <rondo/stream/evaluate.hpp>

namespace rondo::streaming {

Evaluation::Evaluation(Root root, Handover handover)
    : baton_(std::make_shared<Baton>(handover)), root_(std::move(root)), stepper_(baton_->closed()) {
  root_.promise()->stepper = &stepper_;
  root_.promise()->name = "the evaluation";
  stepper_.current = root_.promise();
}

Evaluation::~Evaluation() { tear_down(); }

Evaluation::Turn Evaluation::step(UnitReference& unit) {
  stepper_.fetch_frames();
  while (!over()) {
    stepper_.run();
    switch (stepper_.outcome) {
      case Stepper::Outcome::unit:
        unit = std::move(stepper_.unit);
        ++units_;
        baton_->unit_begins();
        return Turn::unit;
      case Stepper::Outcome::waiting:
        switch (baton_->park(*stepper_.awaited)) {
          case Baton::Parked::yes: return Turn::waiting;
          case Baton::Parked::halted:
            if (!halt()) return Turn::waiting;
            break;
          case Baton::Parked::no: break;
        }
        break;
      case Stepper::Outcome::ended: return end(root_.promise()->error);
      case Stepper::Outcome::running:  // it is over
      case Stepper::Outcome::value:    // a Root's, which says nothing
        break;
    }
  }
  return Turn::over;
}

bool Evaluation::run(UnitReference unit) {
  run_unit(*unit.get());
  bool holding = false;
  if (const auto waiter = unit->finish(SlotCore::State::filled)) {
    if (waiter == baton_) {
      baton_->take_parked(FilledBy::evaluation);
      holding = true;
    } else {
      waiter->resume(FilledBy::evaluation);
    }
  }
  if (baton_->unit_ends()) return halt();
  return holding;
}

Evaluation::Turn Evaluation::end(std::exception_ptr error) {
  ended_ = true;
  error_ = std::move(error);
  baton_->close();
  return Turn::over;
}

// Nobody holds the stream and nobody ever will, so this thread may take it. False: it is over, or was taken.
bool Evaluation::halt() {
  if (over() || !stepper_.awaited->forget_waiter()) return false;
  baton_->take_parked(FilledBy::evaluation);
  if (!stepper_.hold_up()) stepper_.fill_with_deadlock();
  return true;
}

void Evaluation::tear_down() noexcept {
  // A slot that is filled from outside must not resume a stream that is gone.
  if (stepper_.outcome == Stepper::Outcome::waiting && root_.promise() != nullptr)
    static_cast<void>(stepper_.awaited->forget_waiter());
  root_.destroy();
}

void Evaluation::conclude() {
  tear_down();
  if (error_) std::rethrow_exception(error_);
  if (!ended_) throw_stopped();
}

}  // namespace rondo::streaming
