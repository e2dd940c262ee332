#include <rondo/stream/sequential.hpp>

#include <array>
#include <vector>

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
  if (PullCore* const other =
          stream_.pull()) {  // a thread of an evaluation that has pulled it before is inside of it
    wait(std::array<SlotCore*, 1>{other});
    there_ = other->came;
    stream_.set_pull({});
  }
  // somebody else may have pulled it before
  root->consumer = nullptr;
  root->room = nullptr;
  root->ahead = nullptr;
  stepper_.current = root->leaf;
  stepper_.meets(*root);
}

Puller::~Puller() { stream_.destroy(); }

void* Puller::next() {
  if (stepper_.current == nullptr) return nullptr;
  if (std::exchange(there_, false)) {
    void* const value = stream_.promise()->value;
    return value != nullptr ? value : end(stream_.promise()->error);
  }
  for (;;) {
    while (stepper_.is_waiting()) wait_for_slot();
    stepper_.run();
    switch (stepper_.outcome) {
      case Stepper::Outcome::running:
      case Stepper::Outcome::pull:
      case Stepper::Outcome::pulled:
      case Stepper::Outcome::apart:
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

// Waits for what comes first by itself: what the stream waits for, or a result that a stage could pass on instead.
void Puller::wait_for_slot() {
  if (stepper_.hold_up(Stepper::HoldUp::ready_only)) return;
  std::vector<SlotCore*> coming;
  if (stepper_.awaited->comes_by_itself()) coming.push_back(stepper_.awaited);
  for (const PullAhead* pull = stepper_.ahead(); pull != nullptr; pull = pull->outer)
    if (pull->held_up != nullptr && pull->front != nullptr && pull->front->comes_by_itself())
      coming.push_back(pull->front);
  if (!coming.empty()) return wait(coming);
  if (!stepper_.hold_up(Stepper::HoldUp::any)) stepper_.fill_with_deadlock();
}

void Puller::wait(std::span<SlotCore* const> slots) {
  const auto thread = std::make_shared<OneThread>();
  for (SlotCore* slot : slots)
    if (!slot->await(thread)) return;
  thread->wait();
}

}  // namespace rondo::streaming
