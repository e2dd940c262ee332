// What a user subclasses: the function that takes a state from one round to the next.
#pragma once

#include <concepts>
#include <type_traits>

#include <rondo/call.hpp>
#include <rondo/serialization.hpp>

namespace rondo {

namespace detail {
template <class T>
inline constexpr bool is_value =
    std::is_object_v<T> && !std::is_array_v<T> && std::is_same_v<T, std::remove_cv_t<T>>;
}  // namespace detail

/// One instance per worker, made by the default constructor or by the factory given to run(); one thread uses it, so it
/// may keep scratch memory. Its own data must not influence the outputs: which states it sees depends on the schedule. Nor may
/// global variables, addresses, or what an object holds beside what it packs. Run each program once with --rondo-check: it does
/// every update twice, the second time on an object that was unpacked from the same bytes and by another Update, and ends the
/// run at the first difference (CheckError). It makes up to five Updates per worker.
///
/// All four types are whatever rondo/serialization.hpp can send. Input, Output and Context are default constructible.
/// A State that is not has a way to make an empty one to unpack into: a static function `StateType empty_state()` of the
/// subclass.
///
/// Copies of a state (forks, resamples, --rondo-rollback) share no memory with it. Numbers, containers of them and the like
/// are copied by their copy constructor; a class with a serialize() is copied by packing it, as it may hide a shared_ptr.
/// rondo/detail/copies.hpp says more, and how a class can have its copy constructor used.
///
/// All updates of a worker see the same input object (of update(const Input&) and evolve) and the same context. A state
/// that keeps a shared_ptr of these would share its target with the other states of that worker: copy the target instead.
template <class State, class Input, class Output, class Context = Nothing>
class Update {
  static_assert(
      detail::is_value<State> && detail::is_value<Input> && detail::is_value<Output> &&
          detail::is_value<Context>,
      "rondo: the State, Input, Output and Context of an Update are types of values: not void, const, "
      "references or arrays; use rondo::Nothing where there is no value");

 public:
  /// The type of the states.
  using StateType = State;
  /// The type of the inputs.
  using InputType = Input;
  /// The type of the outputs.
  using OutputType = Output;
  /// The type of the shared context.
  using ContextType = Context;
  /// What an update may know of itself.
  using Call = rondo::Call<Context>;

  virtual ~Update() = default;

  /// Changes the state and returns the output. An exception ends the round: see UpdateError.
  virtual Output update(State& state, const Input& input, const Call& call) = 0;
};

template <class U>
concept UpdateClass = std::derived_from<
    U, Update<typename U::StateType, typename U::InputType, typename U::OutputType, typename U::ContextType>>;

}  // namespace rondo
