#include <rondo/stream/promise.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace rondo::streaming {

namespace {

// Whose coroutines this thread is stepping, and how many exceptions were on their way when it began to.
struct Stepping {
  Stepper* stepper = nullptr;
  int exceptions = 0;
};
constinit thread_local Stepping stepping;

}  // namespace

void Stepper::run() {
  outcome = Outcome::running;
  const Stepping outer = std::exchange(stepping, Stepping{this, std::uncaught_exceptions()});
  while (outcome == Outcome::running && !cancelled_.load(std::memory_order_relaxed)) step();
  stepping = outer;
}

void run_unit(SlotCore& unit) noexcept {
  Stepper* const outer = std::exchange(stepping.stepper, nullptr);
  unit.run();
  stepping.stepper = outer;
}

void drop_unread(UnitReference slot) noexcept {
  if (stepping.stepper == nullptr || std::uncaught_exceptions() > stepping.exceptions) return;
  if (slot->is_unit()) stepping.stepper->current->drop(std::move(slot));
}

struct PromiseBase::Unread {
  static constexpr std::uint64_t kLater = 256;
  struct Dropped {
    std::uint64_t number;
    UnitReference slot;
  };

  std::deque<Dropped> slots;  // those that are known to have gone well may be left out
  std::uint64_t dropped = 0;
  bool due = false;    // to be read before the coroutine goes on
  bool ended = false;  // the body is over

  void forget_what_went_well() {
    while (!slots.empty() && slots.front().slot->complete() && !slots.front().slot->error) slots.pop_front();
  }
  [[nodiscard]] bool first_is_due() const {
    return !slots.empty() && (ended || dropped - slots.front().number >= kLater);
  }
};

void PromiseBase::drop(UnitReference slot) {
  if (unread_ == nullptr) unread_ = std::make_unique<Unread>();
  unread_->forget_what_went_well();
  unread_->slots.push_back({++unread_->dropped, std::move(slot)});
}

bool PromiseBase::is_due() noexcept { return unread_->due = unread_->first_is_due(); }

bool PromiseBase::read_unread() {
  if (!unread_->due) return true;
  while (unread_->first_is_due()) {
    SlotCore& slot = *unread_->slots.front().slot.get();
    if (!slot.complete()) {
      steps().awaited = &slot;
      steps().outcome = Stepper::Outcome::waiting;
      return false;
    }
    if (slot.error) {
      error = slot.error;
      pass_on_end();
      return false;
    }
    unread_->slots.pop_front();
  }
  unread_->due = false;
  if (unread_->ended) pass_on_end();
  return !unread_->ended;
}

void PromiseBase::leave_unread_to_parent() {
  std::unique_ptr<Unread> mine = std::move(unread_);
  std::unique_ptr<Unread>& all = parent->unread_;
  if (all == nullptr) {
    all = std::move(mine);
    return;
  }
  all->forget_what_went_well();
  mine->due = all->due;
  // The shorter list is moved. Only differences of numbers count, so they may pass through zero.
  if (mine->slots.size() <= all->slots.size()) {
    for (auto& [number, slot] : mine->slots) all->slots.push_back({all->dropped + number, std::move(slot)});
    all->dropped += mine->dropped;
    return;
  }
  for (auto one = all->slots.rbegin(); one != all->slots.rend(); ++one)
    mine->slots.push_front({one->number - all->dropped, std::move(one->slot)});
  all = std::move(mine);
}

namespace {

// A coroutine begins with memory for its frame; then its parameters are moved there, then its promise is made.
struct Beginning {
  const void* frame = nullptr;
  std::size_t bytes = 0;
  PromiseBase* parameters = nullptr;  // those whose Streams have been moved into the frame
};
constinit thread_local Beginning beginning;

bool inside(const void* object, const void* frame, std::size_t bytes) {
  const auto at = reinterpret_cast<std::uintptr_t>(object), begin = reinterpret_cast<std::uintptr_t>(frame);
  return at - begin < bytes;
}

}  // namespace

void PromiseBase::begins(const void* frame, std::size_t bytes) noexcept {
  while (beginning.parameters != nullptr) beginning.parameters->part();
  beginning.frame = frame;
  beginning.bytes = bytes;
}

PromiseBase::PromiseBase() noexcept {
  if (!inside(this, beginning.frame, beginning.bytes)) return;
  frame_bytes_ = std::exchange(beginning.bytes, 0);
  while (beginning.parameters != nullptr) {
    PromiseBase& parameter = *beginning.parameters;
    parameter.part();
    parameter.join(held_);
    parameter.holder_ = this;
  }
}

PromiseBase::~PromiseBase() {
  while (held_ != nullptr) held_->part();
  part();
}

void PromiseBase::hold(PromiseBase& drawn_from) noexcept {
  if (!inside(drawn_from.owner, handle.address(), frame_bytes_)) return;
  drawn_from.part();
  drawn_from.join(held_);
  drawn_from.holder_ = this;
}

void PromiseBase::join(PromiseBase*& list) noexcept {
  sibling_ = list;
  if (sibling_ != nullptr) sibling_->place_ = &sibling_;
  place_ = &list;
  list = this;
}

void PromiseBase::part() noexcept {
  if (place_ == nullptr) return;
  *place_ = sibling_;
  if (sibling_ != nullptr) sibling_->place_ = place_;
  sibling_ = nullptr;
  place_ = nullptr;
  holder_ = nullptr;
}

void PromiseBase::destroy() noexcept {
  for (PromiseBase* one = this;;) {
    while (one->held_ != nullptr) one = one->held_;
    PromiseBase* const holder = one->holder_;
    const bool last = one == this;
    one->owner->promise_ = nullptr;
    Stepper* const reader = std::exchange(stepping.stepper, nullptr);  // nobody reads the slots in the frame
    one->handle.destroy();
    stepping.stepper = reader;
    if (last) return;
    one = holder;
  }
}

void StreamBase::adopt(StreamBase& other) noexcept {
  promise_ = std::exchange(other.promise_, nullptr);
  if (promise_ == nullptr) return;
  promise_->part();
  promise_->owner = this;
  if (inside(this, beginning.frame, beginning.bytes)) promise_->join(beginning.parameters);
}

void PromiseBase::finish() {
  if (unread_ != nullptr && parent != nullptr && !error) leave_unread_to_parent();
  if (unread_ == nullptr) return pass_on_end();
  unread_->ended = unread_->due = true;
  steps().current = this;
}

void PromiseBase::pass_on_end() {
  Stepper& all = steps();
  if (parent != nullptr) {
    root->leaf = parent;
    all.current = parent;
  } else if (consumer != nullptr) {
    hand_over(nullptr);
  } else {
    all.current = nullptr;
    all.outcome = Stepper::Outcome::ended;
  }
}

namespace {

PromiseBase* puller(const PromiseBase& promise) {
  return promise.parent != nullptr ? promise.parent : promise.consumer;
}

}  // namespace

std::string place(const PromiseBase& promise) {
  const std::string name = promise.name != nullptr ? promise.name : "a stream";
  if (promise.where.line() == 0) return name;
  const std::string file = promise.where.file_name();
  return name + " (" + file.substr(file.find_last_of('/') + 1) + ":" + std::to_string(promise.where.line()) +
         ")";
}

std::string trail(const PromiseBase& waiting, const std::string& for_what) {
  constexpr std::size_t kShown = 10;  // at each end
  std::vector<const PromiseBase*> inside_out;
  for (const PromiseBase* one = &waiting; one != nullptr; one = puller(*one)) inside_out.push_back(one);
  const std::size_t count = inside_out.size();
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    if (count > 2 * kShown + 1 && i == kShown) {
      text += "... " + std::to_string(count - 2 * kShown) + " more ... wait for ";
      i = count - kShown;
    }
    text += place(*inside_out[count - 1 - i]) + " waits for ";
  }
  return text + for_what;
}

void destroy_pipeline(PromiseBase* innermost, StreamBase& outermost) noexcept {
  for (PromiseBase* one = innermost; one != nullptr;) {
    PromiseBase* next = puller(*one);
    one->owner->destroy();
    one = next;
  }
  outermost.destroy();
}

}  // namespace rondo::streaming
