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
// the Stream. Parameters should be taken by value, or must outlive the Stream. The captures of a lambda are no parameters: its
// coroutine refers to the lambda, which must outlive the Stream, and a temporary does not. `[n]() -> Stream<int> {...}()` reads n
// when it is gone; `[](int n) -> Stream<int> {...}(n)` is right, and so is a lambda behind `|`, which the pipeline keeps. The
// object of a member function must outlive the Stream, too; see framework/docs/coroutines.md. An exception, take()
// downstream or a stop request may end a coroutine at any co_yield or co_await, while units that it has begun still run. So
// a unit must not refer to locals or parameters of its coroutine: let it have values, or a shared_ptr.
//
// Threads: the body runs on one thread at a time, but not always the same; what it does on one is visible to the next. The
// bodies of two streams may run at the same time if one of them is before a stage with work units and the other is behind
// it, because results do not wait for the source; see evaluate.hpp.
// It is destroyed on another one if a long chain of streams would need too much stack.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>

#include <rondo/stream/awaiters.hpp>

#pragma GCC visibility push(default)

namespace rondo {

/// For `co_yield elements_of(stream)`: all values of another stream, without a loop that passes each on.
template <class T>
[[nodiscard]] ElementsOf<T> elements_of(Stream<T> stream) {
  return ElementsOf<T>(std::move(stream));
}

namespace streaming {

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

/// Owner of a coroutine that yields values of type T. Move-only. Does nothing until something pulls it:
/// another stream, evaluate(), or sequential().
template <class T>
class [[nodiscard]] Stream : public streaming::StreamBase {
 public:
  static_assert(std::is_object_v<T> && !std::is_const_v<T>, "rondo::Stream<T>: T is a plain object type");
  /// For the compiler: the promise of the coroutine.
  using promise_type = streaming::Promise<T>;
  /// The type of the values.
  using value_type = T;

  Stream() = default;  // an empty stream

  /// To be awaited inside another stream: a pointer to the next value, which may be moved from and is valid
  /// until the next call; null at the end. Throws what the stream's body threw.
  [[nodiscard]] streaming::Next<T> next(std::source_location where = std::source_location::current()) {
    return {*this, where};
  }
  /// The same for a stage that pulls ahead of what it has passed on: what the body threw is not thrown here but left in
  /// `error`, and null returned. The stage passes on what it has, and throws then.
  [[nodiscard]] streaming::Next<T> next(std::exception_ptr& error,
                                        std::source_location where = std::source_location::current()) {
    return {*this, where, &error};
  }
  /// Of use where it has something that it could pass on instead: where this stream waits for a slot and nobody is left to
  /// fill it, `held_up` is set, and null returned. For this may be what has to be passed on before. Then it pulls again.
  [[nodiscard]] streaming::Next<T> next(std::exception_ptr& error, bool& held_up,
                                        std::source_location where = std::source_location::current()) {
    return {*this, where, &error, &held_up};
  }
  /// The same for a stage that has begun what is to become the result in `front`, and passes it on as soon as it is
  /// there. If this stream has no value yet when `front` is ready, because it waits or blocks, `held_up` is set, and null
  /// returned. The stage awaits `front` then, passes it on, and pulls again. Until then another thread may be inside of
  /// this stream: what the two share needs a lock.
  template <class R>
  [[nodiscard]] streaming::Next<T> next(std::exception_ptr& error, bool& held_up, const Slot<R>& front,
                                        std::source_location where = std::source_location::current()) {
    return {*this, where, &error, &held_up, front.core()};
  }
  /// For a stage that gathers values: those that come before the one that is awaited may have been put into `room`.
  [[nodiscard]] streaming::Next<T> next(streaming::Room<T>& room,
                                        std::source_location where = std::source_location::current()) {
    return {*this, where, nullptr, nullptr, nullptr, room.is_open() ? &room : nullptr};
  }
  /// What a deadlock's trail calls this stream; must outlive it (a string literal does).
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
  static_assert(
      alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__,
      "rondo::Stream<T>: g++ 12 misplaces a T of more than operator new's alignment in the frame of a "
      "coroutine; yield it in a std::unique_ptr or a std::vector");
  handle = std::coroutine_handle<Promise>::from_promise(*this);
  return Stream<T>(*this);
}

}  // namespace rondo

#pragma GCC visibility pop
