#include "stream/sections.hpp"

#include <new>
#include <thread>
#include <utility>

namespace rondo::streaming {

Sections::Sections(const std::atomic<bool>& over, std::atomic<unsigned>& actors,
                   std::shared_ptr<Waiter> doorbell)
    : over_(over), actors_(actors), doorbell_(std::move(doorbell)), main_(&make()) {}

Stepper& Sections::make() {
  if (idle_.empty()) {
    all_.push_back(std::make_unique<Stepper>(over_, &claims_, doorbell_));
    return *all_.back();
  }
  Stepper& stepper = *idle_.back();
  idle_.pop_back();
  return stepper;
}

Stepper* Sections::take_over() {
  const std::scoped_lock lock(claims_);
  for (std::size_t i = 0; i < all_.size(); ++i) {
    Stepper& from = *all_[i];
    std::uintptr_t mark = from.mark_.load(std::memory_order_seq_cst);
    while (mark != 0 && (mark & Stepper::kTaken) == 0) {
      if ((mark & Stepper::kSetting) != 0) {
        std::this_thread::yield();
        mark = from.mark_.load(std::memory_order_seq_cst);
        continue;
      }
      Stepper& mine = make();  // before the mark is taken, as there may be no memory
      idle_.push_back(&mine);
      auto* const pull = reinterpret_cast<PullAhead*>(mark);
      // From here on the other thread stays inside of the pull, or waits for the lock where it comes out of it.
      if (!from.mark_.compare_exchange_strong(mark, mark | Stepper::kTaken)) continue;
      bool ready = false;
      for (const PullAhead* one = pull; one != nullptr && !ready; one = one->outer) ready = one->is_ready();
      if (ready) return split(from, *pull);
      from.mark_.store(mark);
      break;
    }
  }
  return nullptr;
}

// Null: there is no memory.
Stepper* Sections::split(Stepper& from, PullAhead& pull) {
  auto* const core = new (std::nothrow) PullCore(*pull.stream->promise());
  if (core == nullptr) {
    from.mark_.store(reinterpret_cast<std::uintptr_t>(&pull));
    return nullptr;
  }
  core->retain();  // for the other thread
  from.mark_.store(reinterpret_cast<std::uintptr_t>(core) | Stepper::kTaken);
  Stepper& mine = make();
  mine.base_ = std::move(from.base_);
  mine.ahead_ = &pull;
  const PromiseBase* const end = mine.base_ ? &mine.base_->producer : nullptr;
  for (PromiseBase* one = pull.consumer; one != nullptr; one = one->root->consumer) {
    one->root->stepper = &mine;
    if (one->root == end) break;
  }
  mine.wait_for(pull, *core);
  pull.stream->set_pull(Reference<PullCore>(core));
  if (!mine.base_) main_ = &mine;
  actors_.fetch_add(1);
  apart_.fetch_add(1);
  return &mine;
}

Reference<PullCore> Sections::give_back(Stepper& stepper) {
  Reference<PullCore> core;
  {
    const std::scoped_lock lock(claims_);
    core = std::move(stepper.base_);
    if (stepper.outcome == Stepper::Outcome::apart) {
      core->came = true;
    } else {
      stepper.leave_below(core->producer);
    }
    stepper.forget();
    idle_.push_back(&stepper);
  }
  apart_.fetch_sub(1);
  if (!core->leave()) return core;
  core->producer.destroy();
  return {};
}

}  // namespace rondo::streaming
