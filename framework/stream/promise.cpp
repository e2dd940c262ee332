#include <rondo/stream/promise.hpp>

#include <pthread.h>

#include <cstdint>
#include <cstdlib>
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
  floor_ = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) - kStack;
  const Stepping outer = std::exchange(stepping, Stepping{this, std::uncaught_exceptions()});
  if (pending_ != nullptr) resolve();
  if (ahead_ != nullptr) guard();
  for (;;) {
    while (outcome == Outcome::running && !cancelled()) step();
    if (outcome != Outcome::pull && outcome != Outcome::pulled) break;
    const bool begins = std::exchange(outcome, Outcome::running) == Outcome::pull;
    if (begins) start(*ahead_);
    guard();
  }
  if (marked_ != nullptr) static_cast<void>(replace_mark(nullptr));
  stepping = outer;
}

void Stepper::start(PullAhead& pull) {
  if (PullCore* const core = pull.stream->pull()) {
    wait_for(pull, *core);
    return resolve();
  }
  PromiseBase& producer = *pull.stream->promise();
  producer.consumer = pull.consumer;
  producer.room = pull.room;
  producer.ahead = &pull;
  current = producer.leaf;
  if (producer.stepper != this) meets(producer);
}

// Looks whether the thread that is inside of the pull has come out of it.
void Stepper::resolve() {
  if (!awaited->complete()) {
    outcome = Outcome::waiting;
    return;
  }
  outcome = Outcome::running;
  PullAhead& pull = *std::exchange(pending_, nullptr);
  const bool came = pull.stream->pull()->came;
  awaited = nullptr;
  pull.stream->set_pull({});
  if (pull.then != nullptr) return pull.then(pull, *this, came);
  if (!came) return start(pull);
  PromiseBase& producer = *pull.stream->promise();
  producer.ahead = nullptr;
  producer.stepper = nullptr;  // so that it is met
  ahead_ = pull.outer;
  current = pull.consumer;
}

void Stepper::meets(PromiseBase& producer) {
  producer.stepper = this;
  frames_[met_++ % frames_.size()] = &producer;
  if (producer.turn_below == nullptr) return;
  current = std::exchange(producer.turn_below, nullptr);
  awaited = std::exchange(producer.awaited_below, nullptr);
  pending_ = std::exchange(producer.pending_below, nullptr);
  for (PromiseBase* one = current->root; one != producer.root; one = one->consumer->root) one->stepper = this;
  if (producer.ahead_below != nullptr) {
    PullAhead* last = producer.ahead_below;
    while (last->outer != nullptr) last = last->outer;
    last->outer = ahead_;
    ahead_ = std::exchange(producer.ahead_below, nullptr);
  }
  if (pending_ != nullptr) return resolve();
  if (awaited != nullptr && !awaited->complete()) outcome = Outcome::waiting;
}

bool Stepper::end_pull(PromiseBase& producer) {
  if (marked_ != nullptr ? !replace_mark(nullptr) : base_ && &base_->producer == &producer) {
    outcome = Outcome::apart;
    return false;
  }
  producer.ahead = nullptr;
  ahead_ = ahead_->outer;
  if (ahead_ != nullptr) outcome = Outcome::pulled;
  return true;
}

// Sets the mark where it is not set. From then on the thread that completes a result that a stage waits for takes over; what
// was complete before is seen here, and the stage goes on with that.
void Stepper::guard() {
  while (ahead_ != nullptr && ahead_ != marked_ && outcome == Outcome::running) {
    PullAhead* const from = marked_;
    if (from != nullptr) {
      if (!replace_mark(ahead_, kSetting)) continue;
    } else if (claims_ != nullptr) {
      mark_.store(reinterpret_cast<std::uintptr_t>(ahead_) | kSetting, std::memory_order_seq_cst);
      marked_ = ahead_;
    }
    PullAhead* ready = ahead_;
    while (ready != from && !is_ready(*ready)) ready = ready->outer;
    if (ready == from) {
      mark_.store(reinterpret_cast<std::uintptr_t>(marked_), std::memory_order_release);
      return;
    }
    marked_ = nullptr;
    mark_.store(0, std::memory_order_release);
    cut(*ready);
  }
}

bool Stepper::is_ready(PullAhead& pull) const {
  if (pull.front == nullptr || pull.held_up == nullptr) return false;
  if (pull.front->complete_after_mark()) return true;
  return doorbell_ != nullptr && pull.front->filled_by() == FilledBy::outside &&
         !pull.front->await(doorbell_);
}

// False: another thread has what is behind the pull that was marked.
bool Stepper::replace_mark(PullAhead* next, std::uintptr_t tag) {
  for (;;) {
    auto expected = reinterpret_cast<std::uintptr_t>(marked_);
    if (mark_.compare_exchange_strong(expected, reinterpret_cast<std::uintptr_t>(next) | tag,
                                      std::memory_order_seq_cst)) {
      marked_ = next;
      return true;
    }
    const std::scoped_lock lock(*claims_);  // the other thread may still give it back
    if (mark_.load() == reinterpret_cast<std::uintptr_t>(marked_)) continue;
    notice_loss();
    return false;
  }
}

void Stepper::notice_loss() {
  base_ = Reference<PullCore>(reinterpret_cast<PullCore*>(mark_.load() - kTaken));
  mark_.store(0);
  PullAhead* const lost = std::exchange(marked_, nullptr);
  PullAhead** link = &ahead_;
  while (*link != lost) link = &(*link)->outer;
  *link = nullptr;
}

bool Stepper::hold_up(HoldUp which) {
  for (PullAhead* pull = ahead_; pull != nullptr; pull = pull->outer) {
    if (which == HoldUp::any ? pull->held_up == nullptr : !pull->is_ready()) continue;
    cut(*pull);
    return true;
  }
  return false;
}

// Leaves behind what is inside of this pull, and goes on with the stage.
void Stepper::cut(PullAhead& pull) {
  if (pending_ != &pull) {
    PullAhead** link = &ahead_;
    while (*link != &pull) link = &(*link)->outer;
    *link = nullptr;
    leave_below(*pull.stream->promise());
  }
  pending_ = nullptr;
  awaited = nullptr;
  ahead_ = pull.outer;
  current = pull.consumer;
  outcome = Outcome::running;
  *pull.held_up = true;
}

// Notes down where to go on when this stream is pulled again. The thread that does so has to meet it.
void Stepper::leave_below(PromiseBase& producer) {
  producer.turn_below = current;
  producer.awaited_below = outcome == Outcome::waiting ? awaited : nullptr;
  producer.pending_below = pending_;
  producer.ahead_below = ahead_;
  producer.stepper = nullptr;
  producer.ahead = nullptr;
}

void Stepper::forget() {
  current = nullptr;
  awaited = nullptr;
  ahead_ = nullptr;
  pending_ = nullptr;
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
  // Which ones are left out depends on the timing. So these count them too, and move by what was dropped, not by what is
  // left. Only differences count: they may pass through zero.
  std::uint64_t before = 0;   // the first one dropped has the next number
  std::uint64_t dropped = 0;  // the last one's number
  std::uint64_t due_to = 0;   // up to this one they are to be read before the coroutine goes on
  bool ended = false;         // the body is over: all of them are

  void forget_what_went_well() {
    while (!slots.empty() && slots.front().slot->complete() && !slots.front().slot->error) slots.pop_front();
  }
  [[nodiscard]] bool first_is_due() const {
    return !slots.empty() && (ended || static_cast<std::int64_t>(due_to - slots.front().number) >= 0);
  }
};

void PromiseBase::drop(UnitReference slot) {
  if (unread_ == nullptr) unread_ = std::make_unique<Unread>();
  unread_->forget_what_went_well();
  unread_->slots.push_back({++unread_->dropped, std::move(slot)});
}

bool PromiseBase::is_due() noexcept {
  unread_->due_to = unread_->dropped - Unread::kLater;
  return unread_->first_is_due();
}

bool PromiseBase::read_unread() {
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
  // The shorter list is moved.
  if (mine->slots.size() <= all->slots.size()) {
    const std::uint64_t later = all->dropped - mine->before;
    for (auto& [number, slot] : mine->slots) all->slots.push_back({number + later, std::move(slot)});
    all->dropped = mine->dropped + later;
    return;
  }
  const std::uint64_t earlier = mine->before - all->dropped;
  for (auto one = all->slots.rbegin(); one != all->slots.rend(); ++one)
    mine->slots.push_front({one->number + earlier, std::move(one->slot)});
  mine->before = all->before + earlier;
  mine->due_to = all->due_to + earlier;
  all = std::move(mine);
}

// Here, where Unread is known.
PromiseBase::PromiseBase() noexcept = default;
PromiseBase::~PromiseBase() = default;

namespace {

// Where the stack was when this thread began to destroy; null: it does not.
constinit thread_local const char* destroying_since = nullptr;

constexpr std::ptrdiff_t kLittleStack = 256 * 1024;  // of a thread of which nothing is known
// Of a thread that is begun for its stack. More would take no less time, and ThreadSanitizer crashes where more than 65536
// calls are on one stack.
constexpr std::ptrdiff_t kMuchStack = 4 * 1024 * 1024;
thread_local std::ptrdiff_t stack_for_destroying = kLittleStack;

// False: there is no thread to be had.
bool destroy_on_another_stack(std::coroutine_handle<> frame) noexcept {
  pthread_attr_t much;
  if (pthread_attr_init(&much) != 0) return false;
  pthread_t thread;
  const auto body = [](void* address) -> void* {
    stack_for_destroying = kMuchStack / 4 * 3;
    const char here = 0;
    destroying_since = &here;
    std::coroutine_handle<>::from_address(address).destroy();
    return nullptr;
  };
  const bool begun = pthread_attr_setstacksize(&much, kMuchStack) == 0 &&
                     pthread_create(&thread, &much, body, frame.address()) == 0;
  pthread_attr_destroy(&much);
  if (begun) pthread_join(thread, nullptr);
  return begun;
}

}  // namespace

// Frames that own each other are destroyed one inside the other, in the order of C++. That takes native stack for each, so a
// long chain goes on on the stack of a thread that is begun for it and waited for.
void PromiseBase::destroy() noexcept {
  if (owner != nullptr) owner->promise_ = nullptr;
  Stepper* const reader = std::exchange(stepping.stepper, nullptr);  // nobody reads the slots in the frame
  const char here = 0;
  const char* const outer =
      std::exchange(destroying_since, destroying_since != nullptr ? destroying_since : &here);
  const bool enough = std::abs(destroying_since - &here) < stack_for_destroying;
  if (enough || !destroy_on_another_stack(handle)) handle.destroy();
  destroying_since = outer;
  stepping.stepper = reader;
}

// The thread that is inside of it destroys it later. It may do so as soon as this one has left, so nothing of the frame is touched
// after that.
bool StreamBase::leave_to_other_thread() noexcept {
  const Reference<PullCore> pull = std::move(pull_);
  promise_->owner = nullptr;
  if (pull->leave()) {  // the other thread has left before
    promise_->owner = this;
    return false;
  }
  promise_ = nullptr;
  return true;
}

void PromiseBase::finish() {
  if (unread_ != nullptr && parent != nullptr && !error) leave_unread_to_parent();
  if (unread_ == nullptr) return pass_on_end();
  unread_->ended = true;
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

void Stepper::fill_with_deadlock() {
  const std::string what = std::string(awaited->name()) + ", which nobody is left to fill";
  awaited->error =
      std::make_exception_ptr(DeadlockError("the stream has come to a halt: " + trail(*current, what)));
  static_cast<void>(awaited->finish(SlotCore::State::filled));
}

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

}  // namespace rondo::streaming
