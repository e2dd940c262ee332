// Stream<T>: a lazy sequence of values and of parallel work, as a coroutine.
//
//   rondo::Stream<Item> items(std::istream& feed) {
//     while (feed) co_yield read(feed);
//   }
//   rondo::Stream<Item> priced(rondo::Stream<Item> in) {
//     while (Item* item = co_await in.next()) {
//       auto look = rondo::work([sku = item->sku] { return look_up(sku); });
//       rondo::Slot<Price> price = co_yield look;
//       ...
//       item->price = co_await price;
//       co_yield std::move(*item);
//     }
//   }
//
// Inside a Stream<T>:
//   co_yield value                  the next value (moved, or copied from an lvalue)
//   co_yield unit                   hands out unit = work(f): f is run outside the stream; gives a Slot
//   co_yield elements_of(stream)    all values of another Stream<T> that are left; O(1) for each, however deep they nest
//   co_await other.next()           the next value of another stream: a pointer, null at the end
//   co_await slot                   a result, or the error; until it is there the stream is given back
//
// g++ 12 frees the members of an aggregate twice, and the captures of a lambda too, if it is a temporary written
// inside the operand of co_yield or co_await. Units of work must have names therefore, on which the compiler insists;
// aggregates with a std::string or another member that owns something must have them too, and that no compiler can
// tell: never `co_yield Item{a, b};` or `co_yield {a, b};`, but `Item item{a, b}; co_yield std::move(item);`. A
// constructor of Item, or a function that returns it, will do as well. Nor does g++ 12 compile aright a `while` or `if`
// with a co_await of next() in its condition and no pointer with a name, where it is the coroutine's first statement:
// write `while (T* item = co_await in.next())`, never `while (co_await in.next())`.
//
// Lifetime: a Stream owns its coroutine, which starts suspended and is destroyed when it has ended, and at the latest with
// the Stream. Parameters should be taken by value, or must outlive the Stream. An exception, take() downstream or a stop
// request may end a coroutine at any co_yield or co_await, while units that it has begun still run. So a unit must not
// refer to locals or parameters of its coroutine: let it have values, or a shared_ptr.
//
// Threads: the body runs on one thread at a time, but not always the same; what it does on one is visible to the next.
// It is destroyed on another one if a long chain of streams would need too much stack.
#pragma once

#include <concepts>
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

template <class T>
class [[nodiscard]] ElementsOf {
 public:
  explicit ElementsOf(Stream<T>&& stream) : stream_(std::move(stream)) {}
  // For Stream's promise.
  [[nodiscard]] Stream<T> take() { return std::move(stream_); }

 private:
  Stream<T> stream_;
};

template <class T>
[[nodiscard]] ElementsOf<T> elements_of(Stream<T> stream) {
  return ElementsOf<T>(std::move(stream));
}

namespace streaming {

// What next() gives: to be awaited at once.
template <class T>
struct [[nodiscard]] Next {
  StreamBase& stream;
  std::exception_ptr* error;  // where to leave what the stream's body threw; null: throw it
  bool* held_up;              // where to tell that it is; null: do not
  std::source_location where;
  Room<T>* room = nullptr;  // where values may be put before the one that is awaited
};

// co_await stream.next()
//
// Mostly the producer has its next value after a few steps of its own. So it is resumed from here, and the
// consumer is not even suspended; only if the producer has no value yet (it hands out work, waits, or pulls
// from too deep) both are left to the Stepper.
template <class T>
class [[nodiscard]] NextAwaiter {
 public:
  NextAwaiter(PromiseBase& consumer, Next<T> next)
      : consumer_(consumer),
        stream_(next.stream),
        error_(next.error),
        held_up_(next.held_up),
        room_(next.room) {
    consumer.where = next.where;
    if (held_up_ != nullptr) *(consumer.held_up = held_up_) = false;
  }

  bool await_ready() noexcept {
    if (stream_.promise() == nullptr) return true;
    PromiseBase& producer = *stream_.promise();
    Stepper& stepper = consumer_.steps();
    producer.consumer = &consumer_;
    producer.room = room_;
    stepper.current = producer.leaf;
    if (producer.stepper != &stepper) [[unlikely]]
      stepper.meets(producer);
    const bool there = stepper.run_for(consumer_);
    return !consumer_.look_back() && there;
  }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  T* await_resume() {
    if (held_up_ != nullptr) {
      consumer_.held_up = nullptr;
      if (*held_up_) return nullptr;
    }
    PromiseBase* producer = stream_.promise();
    if (producer == nullptr) return nullptr;
    if (producer->value == nullptr) [[unlikely]] {
      const std::exception_ptr error = producer->error;
      stream_.destroy();
      if (error && error_ == nullptr) std::rethrow_exception(error);
      if (error) *error_ = error;
      return nullptr;
    }
    return static_cast<T*>(producer->value);
  }

 private:
  PromiseBase& consumer_;
  StreamBase& stream_;
  std::exception_ptr* error_;
  bool* held_up_;
  Room<T>* room_;
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
    core_->retain();
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
  ElementsAwaiter(PromiseBase& parent, Stream<T>&& nested) : parent_(parent), nested_(std::move(nested)) {}
  bool await_ready() const noexcept { return nested_.promise() == nullptr; }
  void await_suspend(std::coroutine_handle<>) noexcept {
    PromiseBase& child = *nested_.promise();
    PromiseBase& root = *parent_.root;
    // one that has been pulled before may be in the middle of nested streams itself
    PromiseBase* const leaf = child.leaf;
    for (PromiseBase* one = leaf; one != &child; one = one->parent) one->root = &root;
    child.parent = &parent_;
    child.root = &root;
    root.leaf = leaf;
    parent_.look_back();
    root.stepper->current = leaf;
    if (child.waits_below != nullptr) root.stepper->meets(child);
  }
  void await_resume() {
    if (nested_.promise() == nullptr) return;
    const std::exception_ptr error = nested_.promise()->error;
    nested_.destroy();
    if (error) std::rethrow_exception(error);
  }

 private:
  PromiseBase& parent_;
  Stream<T> nested_;
};

struct FinalAwaiter {
  PromiseBase& done;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept { done.finish(); }
  void await_resume() const noexcept {}
};

template <class T>
struct Promise final : PromiseBase {
  Stream<T> get_return_object();
  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() noexcept { return {*this}; }
  void unhandled_exception() noexcept { error = std::current_exception(); }
  void return_void() const noexcept {}

  ValueAwaiter<T> yield_value(T&& yielded) noexcept { return {*this, yielded}; }
  KeptValueAwaiter<T> yield_value(const T& yielded) requires std::copy_constructible<T> {
    return {*this, T(yielded)};
  }
  template <class F>
  WorkAwaiter<F> yield_value(Work<F>& unit) {
    return {*this, unit.take()};
  }
  template <class F>
  WorkAwaiter<F> yield_value(Work<F>&& unit) {
    static_assert(std::is_trivially_destructible_v<F>,
                  "rondo::work: name the unit first (auto unit = rondo::work(...); ... = co_yield unit;), "
                  "because g++ 12 "
                  "destroys the captures of a lambda twice that is written inside a co_yield");
    return {*this, unit.take()};
  }
  // Not a value, nor one of these.
  template <class U>
  requires(!std::convertible_to<U, T>) std::suspend_always yield_value(U&&) {
    static_assert(
        std::convertible_to<U, T>,
        "rondo: a Stream<T> can co_yield a T (moved, if it cannot be copied), a unit of rondo::work with a "
        "name, or elements_of(another Stream<T>)");
    return {};
  }
  ElementsAwaiter<T> yield_value(ElementsOf<T>&& nested,
                                 std::source_location here = std::source_location::current()) {
    where = here;
    return {*this, nested.take()};
  }

  template <class U>
  NextAwaiter<U> await_transform(Next<U> next) noexcept {
    return {*this, next};
  }
  template <class U>
  std::suspend_always await_transform(U&&) {
    static_assert(std::is_void_v<U>,
                  "rondo: a Stream can co_await stream.next() or a Slot that is not const");
    return {};
  }
  template <class R>
  SlotAwaiter<R> await_transform(Slot<R>& slot, std::source_location here = std::source_location::current()) {
    where = here;
    return {*this, taken(slot)};
  }
  template <class R>
  SlotAwaiter<R> await_transform(Slot<R>&& slot,
                                 std::source_location here = std::source_location::current()) {
    where = here;
    return {*this, taken(slot)};
  }

 private:
  template <class R>
  Reference<ResultCore<R>> taken(Slot<R>& slot) {
    if (!slot.valid()) {
      throw SlotError(
          "co_await of a slot that has no result: it was awaited before, or moved from, or never set; in " +
          place(*this));
    }
    return slot.take_core();
  }
};

}  // namespace streaming

// Owner of a coroutine that yields values of type T. Move-only. Does nothing until something pulls it:
// another stream, evaluate(), or sequential().
template <class T>
class [[nodiscard]] Stream : public streaming::StreamBase {
 public:
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "rondo::Stream<T>: T is a plain object type");
  using promise_type = streaming::Promise<T>;
  using value_type = T;

  Stream() = default;  // an empty stream

  // To be awaited inside another stream: a pointer to the next value, which may be moved from and is valid
  // until the next call; null at the end. Throws what the stream's body threw.
  [[nodiscard]] streaming::Next<T> next(std::source_location where = std::source_location::current()) {
    return {*this, nullptr, nullptr, where};
  }
  // The same for a stage that pulls ahead of what it has passed on: what the body threw is not thrown here but left in
  // `error`, and null returned. The stage passes on what it has, and throws then.
  [[nodiscard]] streaming::Next<T> next(std::exception_ptr& error,
                                        std::source_location where = std::source_location::current()) {
    return {*this, &error, nullptr, where};
  }
  // Of use where it has something that it could pass on instead: where this stream waits for a slot and nobody is left to
  // fill it, `held_up` is set, and null returned. For this may be what has to be passed on before. Then it pulls again.
  [[nodiscard]] streaming::Next<T> next(std::exception_ptr& error, bool& held_up,
                                        std::source_location where = std::source_location::current()) {
    return {*this, &error, &held_up, where};
  }
  // For a stage that gathers values: those that come before the one that is awaited may have been put into `room`.
  [[nodiscard]] streaming::Next<T> next(streaming::Room<T>& room,
                                        std::source_location where = std::source_location::current()) {
    return {*this, nullptr, nullptr, where, room.is_open() ? &room : nullptr};
  }
  // What a deadlock's trail calls this stream; must outlive it (a string literal does).
  Stream&& named(const char* name) && {
    if (promise_ != nullptr) promise_->name = name;
    return std::move(*this);
  }

 private:
  friend promise_type;
  explicit Stream(promise_type& promise) : StreamBase(promise) {}
};

template <class T>
Stream<T> streaming::Promise<T>::get_return_object() {
  static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
                "rondo::Stream<T>: g++ 12 misplaces a T of more than operator new's alignment in the frame of a "
                "coroutine; yield it in a std::unique_ptr or a std::vector");
  handle = std::coroutine_handle<Promise>::from_promise(*this);
  return Stream<T>(*this);
}

}  // namespace rondo

#pragma GCC visibility pop
