#include <rondo/stream/sequential.hpp>

namespace rondo::streaming {

namespace {

// Wakes the one thread that waits for a slot.
class OneThread final : public Waiter {
 public:
  void resume(FilledBy) override {
    done_.store(true);
    done_.notify_one();
  }
  void wait() const { done_.wait(false); }

 private:
  std::atomic<bool> done_{false};
};

}  // namespace

Puller::Puller(StreamBase& stream) : stream_(stream), stepper_(cancelled_) {
  PromiseBase* const root = stream_.promise();
  if (root == nullptr) return;
  // somebody else may have pulled it before
  root->consumer = nullptr;
  root->room = nullptr;
  stepper_.current = root->leaf;
  stepper_.meets(*root);
}

Puller::~Puller() { stream_.destroy(); }

void* Puller::next() {
  if (stepper_.current == nullptr) return nullptr;
  for (;;) {
    if (stepper_.outcome == Stepper::Outcome::waiting) wait_for_slot();
    stepper_.run();
    switch (stepper_.outcome) {
      case Stepper::Outcome::running:
      case Stepper::Outcome::waiting: break;
      case Stepper::Outcome::ended: return end(stream_.promise()->error);
      case Stepper::Outcome::unit: {
        const UnitReference unit = std::move(stepper_.unit);
        run_unit(*unit.get());
        if (const auto waiter = unit->finish(SlotCore::State::filled)) waiter->resume(FilledBy::evaluation);
        break;
      }
      case Stepper::Outcome::value: return stream_.promise()->value;
    }
  }
}

void* Puller::end(std::exception_ptr error) {
  stepper_.current = nullptr;
  stream_.destroy();
  if (error) std::rethrow_exception(error);
  return nullptr;
}

void Puller::wait_for_slot() {
  SlotCore& slot = *stepper_.awaited;
  if (slot.complete()) return;
  if (slot.filled_by() == FilledBy::outside) return wait(slot);
  if (!stepper_.hold_up()) stepper_.fill_with_deadlock();
}

void Puller::wait(SlotCore& slot) {
  const auto thread = std::make_shared<OneThread>();
  if (slot.await(thread)) thread->wait();
}

}  // namespace rondo::streaming
