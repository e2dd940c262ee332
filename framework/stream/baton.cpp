#include "stream/baton.hpp"

#include <algorithm>

#include "stream/sections.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#else
#include <thread>
#endif

namespace rondo::streaming {

namespace {

// A few microseconds: about what it costs to sleep and be woken. Longer would take the core from a thread
// with work.
constexpr int kSpins = 100;

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#else
  std::this_thread::yield();
#endif
}

}  // namespace

bool Baton::try_take() {
  return !held_.load(std::memory_order_relaxed) && !held_.exchange(true, std::memory_order_seq_cst);
}

Baton::Taken Baton::take(Roster& roster, Sections& sections, Stepper*& part) {
  if (fair_) return take_in_order(roster, sections, part);
  for (int spin = 0; spin < kSpins; ++spin) {
    if (closed_.load(std::memory_order_acquire)) return Taken::closed;
    if (try_take()) return Taken::yes;
    pause_briefly();
  }
  std::unique_lock lock(mutex_);
  // A thread that puts the baton back after this sees a sleeper; try_take sees one that did so before.
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  auto taken = Taken::yes;
  for (;;) {
    // Cleared before looking: a thread that still saw it set has put the baton back before this look.
    waking_.store(false, std::memory_order_seq_cst);
    if (closed_.load(std::memory_order_acquire)) {
      taken = Taken::closed;
      break;
    }
    part = sections.take_over();
    if (part != nullptr) {
      taken = Taken::part;
      break;
    }
    if (roster.leave()) {
      taken = Taken::dismissed;
      break;
    }
    if (try_take()) break;
    free_.wait(lock);
  }
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  // The wake-up may have been meant for the baton, and this thread goes away without it.
  if (taken == Taken::dismissed || taken == Taken::part) free_.notify_one();
  return taken;
}

void Baton::put_back() {
  if (fair_) return put_back_in_order();
  held_.store(false, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  if (waking_.exchange(true, std::memory_order_seq_cst)) return;
  { const std::scoped_lock lock(mutex_); }  // a sleeper that has looked already is inside wait() now
  free_.notify_one();
}

Baton::Taken Baton::take_in_order(Roster& roster, Sections& sections, Stepper*& part) {
  std::unique_lock lock(mutex_);
  if (closed_) return Taken::closed;
  if ((part = sections.take_over()) != nullptr) return Taken::part;
  if (roster.leave()) return Taken::dismissed;
  if (queue_.empty() && try_take()) return Taken::yes;
  Place place;
  queue_.push_back(&place);
  auto taken = Taken::yes;
  place.turn.wait(lock, [&] {
    if (place.given) return true;
    if (closed_) {
      taken = Taken::closed;
    } else if ((part = sections.take_over()) != nullptr) {
      taken = Taken::part;
    } else if (roster.leave()) {
      taken = Taken::dismissed;
    }
    return taken != Taken::yes;
  });
  if (!place.given) queue_.erase(std::find(queue_.begin(), queue_.end(), &place));
  return taken;
}

void Baton::put_back_in_order() {
  const std::scoped_lock lock(mutex_);
  if (queue_.empty()) {
    held_.store(false, std::memory_order_seq_cst);
    return;
  }
  queue_.front()->given = true;
  queue_.front()->turn.notify_one();
  queue_.pop_front();
}

void Baton::look_again() {
  const std::scoped_lock lock(mutex_);
  free_.notify_all();
  for (Place* place : queue_) place->turn.notify_one();
}

Baton::Parked Baton::park(SlotCore& slot) {
  const bool own = slot.filled_by() == FilledBy::evaluation;
  if (!slot.await(shared_from_this())) return Parked::no;
  // From here on somebody else may hold the baton, so the slot may be gone. Counting down late only delays:
  // the count is never under the truth, so a 0 is a real halt.
  if (own && actors_.fetch_sub(1) == 1) return Parked::halted;
  return Parked::yes;
}

Baton::Parked Baton::park(std::span<SlotCore* const> slots, std::shared_ptr<Ticket>& ticket) {
  const bool own =
      std::ranges::all_of(slots, [](auto* slot) { return slot->filled_by() == FilledBy::evaluation; });
  const auto mine =
      std::make_shared<Ticket>(shared_from_this(), own ? FilledBy::evaluation : FilledBy::outside);
  ticket = mine;
  for (SlotCore* slot : slots)
    if (!slot->await(mine)) return Parked::no;
  if (!mine->arm()) return Parked::no;
  // As above.
  if (own && actors_.fetch_sub(1) == 1) return Parked::halted;
  return Parked::yes;
}

void Baton::take_parked(FilledBy by) {
  if (by == FilledBy::evaluation) actors_.fetch_add(1, std::memory_order_relaxed);
}

void Baton::resume(FilledBy by) {
  take_parked(by);
  put_back();
}

bool Baton::resume_for(const Waiter& baton, FilledBy by) {
  take_parked(by);
  if (&baton == this) return true;
  put_back();
  return false;
}

void Baton::ring() {
  rung_.store(true);
  {
    const std::scoped_lock lock(mutex_);
    if (stand_in_ && sleepers_.load() == 0 && queue_.empty()) stand_in_();
  }
  look_again();
  invite();
}

void Baton::on_ring(std::function<void()> stand_in) {
  const std::scoped_lock lock(mutex_);
  stand_in_ = std::move(stand_in);
}

void Baton::rest(unsigned seen, std::optional<std::chrono::nanoseconds> at_most) {
  const auto invited = [&] { return invitations_ != seen; };
  std::unique_lock lock(rest_mutex_);
  if (at_most) {
    rest_.wait_for(lock, *at_most, invited);
  } else {
    rest_.wait(lock, invited);
  }
}

void Baton::invite() {
  {
    const std::scoped_lock lock(rest_mutex_);
    ++invitations_;
  }
  rest_.notify_all();
}

void Baton::close() {
  closed_.store(true, std::memory_order_seq_cst);
  look_again();
  invite();
}

}  // namespace rondo::streaming
