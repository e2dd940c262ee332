#include "stream/evaluation.hpp"

namespace rondo::streaming {

Evaluation::Evaluation(Root root, Handover handover)
    : baton_(std::make_shared<Baton>(handover)), root_(std::move(root)), stepper_(baton_->closed()) {
  root_.promise()->stepper = &stepper_;
  root_.promise()->name = "the evaluation";
  stepper_.current = root_.promise();
}

Evaluation::~Evaluation() { tear_down(); }

Evaluation::Turn Evaluation::step(Unit& unit) {
  stepper_.fetch_frames();
  for (;;) {
    stepper_.run();
    switch (stepper_.outcome) {
      case Stepper::Outcome::running: return Turn::over;
      case Stepper::Outcome::unit:
        unit = {std::move(stepper_.unit), units_++};
        baton_->unit_begins();
        return Turn::unit;
      case Stepper::Outcome::waiting:
        switch (baton_->park(*stepper_.awaited)) {
          case Baton::Parked::no: continue;
          case Baton::Parked::halted: halt(); [[fallthrough]];
          case Baton::Parked::yes: return Turn::waiting;
        }
        break;
      case Stepper::Outcome::value:  // a Root's, which says nothing
        continue;
      case Stepper::Outcome::ended:
        if (root_.promise()->error) {
          fail(units_, root_.promise()->error);
        } else {
          ended_ = true;
        }
        baton_->close();
        return Turn::over;
    }
  }
}

bool Evaluation::run(Unit unit) {
  bool holding = false;
  try {
    unit.core->run();
    if (const auto waiter = unit.core->finish(SlotCore::State::filled)) {
      if (waiter == baton_) {
        baton_->take_parked(FilledBy::evaluation);
        holding = true;
      } else {
        waiter->resume(FilledBy::evaluation);
      }
    }
  } catch (...) {
    fail(unit.order, std::current_exception());
  }
  if (baton_->unit_ends()) halt();
  return holding;
}

void Evaluation::fail(std::uint64_t order, std::exception_ptr error) {
  {
    const std::scoped_lock lock(failure_mutex_);
    if (!failure_ || order < failure_order_) {
      failure_ = std::move(error);
      failure_order_ = order;
    }
  }
  baton_->close();
}

// Nobody holds the stream and nobody ever will, so this thread may read it.
void Evaluation::halt() {
  if (over()) return;
  const std::string what = std::string(stepper_.awaited->name()) + ", which nobody is left to fill";
  fail(units_, std::make_exception_ptr(
                   DeadlockError("the stream has come to a halt: " + trail(*stepper_.current, what))));
}

void Evaluation::tear_down() noexcept {
  // A slot that is filled from outside must not resume a stream that is gone.
  if (stepper_.outcome == Stepper::Outcome::waiting && root_.promise() != nullptr)
    stepper_.awaited->forget_waiter();
  destroy_pipeline(stepper_.current, root_);
  stepper_.current = nullptr;
}

void Evaluation::conclude() {
  tear_down();
  if (failure_) std::rethrow_exception(failure_);
  if (!ended_) throw Stopped("the evaluation of a stream was stopped before its end");
}

}  // namespace rondo::streaming
