#include <rondo/stream/promise.hpp>

#include <cstdint>
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
  while (outcome == Outcome::running && !cancelled_.load(std::memory_order_relaxed)) current->handle.resume();
  stepping = outer;
}

void run_unit(SlotCore& unit) noexcept {
  Stepper* const outer = std::exchange(stepping.stepper, nullptr);
  unit.run();
  stepping.stepper = outer;
}

void drop_unread(UnitReference slot) noexcept {
  if (stepping.stepper == nullptr || std::uncaught_exceptions() > stepping.exceptions) return;
  if (slot->is_unit()) stepping.stepper->drop(std::move(slot));
}

void Stepper::drop(UnitReference slot) {
  const auto went_well = [](const SlotCore& core) { return core.complete() && !core.error; };
  while (!unread_.empty() && went_well(*unread_.front().slot.get())) unread_.pop_front();
  ++dropped_;
  if (!went_well(*slot.get())) unread_.push_back({dropped_, std::move(slot)});
}

SlotCore* Stepper::due() const {
  if (unread_.empty()) return nullptr;
  const Unread& first = unread_.front();
  const bool due =
      outcome == Outcome::ended || (outcome == Outcome::unit && dropped_ - first.number >= kUnread);
  return due ? first.slot.get() : nullptr;
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
