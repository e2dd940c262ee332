// What a coroutine that is a Stream awaits: values of other streams, slots, units that it hands out, and its own consumer.
// Only the promise of Stream (stream.hpp) uses them.
#pragma once

#include <coroutine>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <type_traits>
#include <utility>

#include <rondo/stream/promise.hpp>
#include <rondo/stream/room.hpp>
#include <rondo/stream/slot.hpp>

#pragma GCC visibility push(default)

namespace rondo {

template <class T>
class Stream;

/// `co_yield elements_of(stream)` inside a Stream: all values of another stream, as if they were yielded one by one.
template <class T>
class [[nodiscard]] ElementsOf {
 public:
  /// Use elements_of().
  explicit ElementsOf(Stream<T>&& stream) : stream_(std::move(stream)) {}
  /// For Stream's promise.
  [[nodiscard]] Stream<T> take() { return std::move(stream_); }

 private:
  Stream<T> stream_;
};

namespace streaming {

// What next() gives: to be awaited at once.
template <class T>
struct [[nodiscard]] Next {
  StreamBase& stream;
  std::source_location where;
  std::exception_ptr* error = nullptr;  // where to leave what the stream's body threw; null: throw it
  bool* held_up = nullptr;              // where to tell that it is; null: do not
  SlotCore* front = nullptr;            // the result that the consumer would rather pass on; null: none
  Room<T>* room = nullptr;              // where values may be put before the one that is awaited
};

// co_await stream.next()
//
// Mostly the producer has its next value after a few steps of its own. So it is resumed from here, and the
// consumer is not even suspended; only if the producer has no value yet (it hands out work, waits, or pulls
// from too deep) both are left to the Stepper. A stage that pulls ahead is suspended at once, so that another thread may
// resume it while this one is inside of the producer.
template <class T>
class [[nodiscard]] NextAwaiter {
 public:
  NextAwaiter(PromiseBase& consumer, const Next<T>& next)
      : pull_{&consumer, &next.stream, next.front, next.held_up, next.room}, error_(next.error) {
    consumer.where = next.where;
    if (pull_.held_up != nullptr) *pull_.held_up = false;
  }

  bool await_ready() noexcept {
    PromiseBase* const producer = pull_.stream->promise();
    if (producer == nullptr) return true;
    if (is_left_to_stepper()) return false;
    PromiseBase& consumer = *pull_.consumer;
    Stepper& stepper = consumer.steps();
    producer->consumer = &consumer;
    producer->room = pull_.room;
    stepper.current = producer->leaf;
    if (producer->stepper != &stepper) [[unlikely]]
      stepper.meets(*producer);
    const bool there = stepper.run_for(consumer);
    return !consumer.look_back() && there;
  }
  void await_suspend(std::coroutine_handle<>) noexcept {
    if (!is_left_to_stepper()) return;
    pull_.consumer->look_back();
    pull_.consumer->steps().begin(pull_);
  }
  T* await_resume() {
    if (pull_.held_up != nullptr && *pull_.held_up) return nullptr;
    PromiseBase* producer = pull_.stream->promise();
    if (producer == nullptr) return nullptr;
    if (producer->value == nullptr) [[unlikely]] {
      const std::exception_ptr error = producer->error;
      pull_.stream->destroy();
      if (error && error_ == nullptr) std::rethrow_exception(error);
      if (error) *error_ = error;
      return nullptr;
    }
    return static_cast<T*>(producer->value);
  }

 private:
  [[nodiscard]] bool is_left_to_stepper() const {
    return pull_.held_up != nullptr || pull_.stream->pull() != nullptr;
  }
  PullAhead pull_;
  std::exception_ptr* error_;
};

// co_await slot
template <class R>
class [[nodiscard]] SlotAwaiter {
 public:
  SlotAwaiter(PromiseBase& reader, Reference<ResultCore<R>> core) : reader_(reader), core_(std::move(core)) {}

  bool await_ready() const noexcept { return core_->complete(); }
  void await_suspend(std::coroutine_handle<>) noexcept {
    Stepper& stepper = reader_.steps();
    stepper.current = &reader_;
    stepper.awaited = core_.get();
    stepper.outcome = Stepper::Outcome::waiting;
  }
  R await_resume() {
    if (core_->dropped())
      throw DeadlockError(trail(reader_, std::string(core_->name()) + ", whose filler was dropped"));
    if (core_->error) std::rethrow_exception(core_->error);
    if constexpr (!std::is_void_v<R>) return std::move(*core_->value);
  }

 private:
  PromiseBase& reader_;
  Reference<ResultCore<R>> core_;
};

// co_yield work(f)
template <class F>
class [[nodiscard]] WorkAwaiter {
 public:
  using R = typename Work<F>::Result;
  WorkAwaiter(PromiseBase& giver, F&& function)
      : giver_(giver), core_(new UnitCore<F, R>(std::move(function))) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) noexcept {
    Stepper& stepper = giver_.steps();
    stepper.current = &giver_;
    core_->retain_alone();
    stepper.unit = UnitReference(core_.get());
    giver_.look_back();
    stepper.outcome = Stepper::Outcome::unit;
  }
  Slot<R> await_resume() noexcept { return Slot<R>(std::move(core_)); }

 private:
  PromiseBase& giver_;
  Reference<ResultCore<R>> core_;
};

// True: the value is where it has to go, and the coroutine goes on. Inlined, as it is done for each value; g++ would not.
template <class T>
[[nodiscard, gnu::always_inline]] inline bool put_into_room(PromiseBase& giver, T& value) noexcept {
  if (giver.look_back()) return false;
  if constexpr (Room<T>::is_possible) {
    auto* room = static_cast<Room<T>*>(giver.root->room);
    return room != nullptr && !giver.steps().cancelled() && room->put(value);
  }
  return false;
}

// co_yield value: the value is where `value` refers to, in the coroutine's frame, until the coroutine is
// resumed.
template <class T>
class [[nodiscard]] ValueAwaiter {
 public:
  ValueAwaiter(PromiseBase& giver, T& value) : giver_(giver), value_(value) {}
  bool await_ready() const noexcept { return put_into_room(giver_, value_); }
  void await_suspend(std::coroutine_handle<>) const noexcept { giver_.hand_over(std::addressof(value_)); }
  void await_resume() const noexcept {}

 private:
  PromiseBase& giver_;
  T& value_;
};

template <class T>
class [[nodiscard]] KeptValueAwaiter {
 public:
  KeptValueAwaiter(PromiseBase& giver, T&& value) : giver_(giver), value_(std::move(value)) {}
  bool await_ready() noexcept { return put_into_room(giver_, value_); }
  void await_suspend(std::coroutine_handle<>) noexcept { giver_.hand_over(std::addressof(value_)); }
  void await_resume() const noexcept {}

 private:
  PromiseBase& giver_;
  T value_;
};

// co_yield elements_of(stream)
template <class T>
class [[nodiscard]] ElementsAwaiter {
 public:
  ElementsAwaiter(PromiseBase& parent, Stream<T>&& nested)
      : parent_(parent), nested_(std::move(nested)), pull_{{&parent, &nested_}, this} {}
  ElementsAwaiter(const ElementsAwaiter&) = delete;
  ElementsAwaiter& operator=(const ElementsAwaiter&) = delete;

  bool await_ready() const noexcept { return nested_.promise() == nullptr; }
  void await_suspend(std::coroutine_handle<>) noexcept {
    Stepper& stepper = parent_.steps();
    parent_.look_back();
    if (nested_.pull() == nullptr) return link(stepper);
    // Another thread is inside of it, on behalf of a pull that it was held up in.
    pull_.then = [](PullAhead& pull, Stepper& all, bool came) {
      all.pop_pull();
      static_cast<Joined&>(pull).awaiter->go_on(all, came);
    };
    stepper.begin(pull_);
  }
  void await_resume() {
    if (nested_.promise() == nullptr) return;
    const std::exception_ptr error = nested_.promise()->error;
    nested_.destroy();
    if (error) std::rethrow_exception(error);
  }

 private:
  struct Joined : PullAhead {
    ElementsAwaiter* awaiter;
  };

  void link(Stepper& stepper) noexcept {
    PromiseBase& child = *nested_.promise();
    PromiseBase& root = *parent_.root;
    // one that has been pulled before may be in the middle of nested streams itself
    PromiseBase* const leaf = child.leaf;
    for (PromiseBase* one = leaf; one != &child; one = one->parent) one->root = &root;
    child.parent = &parent_;
    child.root = &root;
    child.ahead = nullptr;
    root.leaf = leaf;
    stepper.current = leaf;
    if (child.turn_below != nullptr) stepper.meets(child);
  }
  void go_on(Stepper& stepper, bool came) noexcept {
    PromiseBase& child = *nested_.promise();
    void* const value = child.value;
    link(stepper);
    if (!came) return;
    if (value != nullptr) return child.leaf->hand_over(value);
    parent_.root->leaf = &parent_;
    stepper.current = &parent_;
  }

  PromiseBase& parent_;
  Stream<T> nested_;
  Joined pull_;
};

struct FinalAwaiter {
  PromiseBase& done;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept { done.finish(); }
  void await_resume() const noexcept {}
};

}  // namespace streaming
}  // namespace rondo

#pragma GCC visibility pop
