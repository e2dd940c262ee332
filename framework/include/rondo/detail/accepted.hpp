// The mistakes in an Update that can be seen from its types. Each is told in one sentence, where a Master or a run of it is named
// first; then none of its values is packed, so that no errors from inside of templates come after the sentence.
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>

#include <rondo/serialization.hpp>
#include <rondo/update.hpp>

namespace rondo::detail {

// The types of an Update, with Nothing in the place of those that it cannot have.
template <class T>
using ValueType = std::conditional_t<is_value<T>, T, Nothing>;
template <class U>
struct TypesOf {
  using State = Nothing;
  using Input = Nothing;
  using Output = Nothing;
  using Context = Nothing;
};
template <UpdateClass U>
struct TypesOf<U> {
  using State = ValueType<typename U::StateType>;
  using Input = ValueType<typename U::InputType>;
  using Output = ValueType<typename U::OutputType>;
  using Context = ValueType<typename U::ContextType>;
};
template <class T>
consteval bool travels_or_is_told() {
  if constexpr (is_value<T>) {
    return explain<T>();
  } else {
    return false;
  }
}

template <class U>
concept MakesEmptyState = requires {
  { U::empty_state() } -> std::convertible_to<typename U::StateType>;
};

template <class T>
consteval bool can_be_made() {
  static_assert(
      std::default_initializable<T>,
      "rondo: the Input, the Output and the Context of an Update are unpacked into a new object, so each "
      "needs a default constructor");
  return std::default_initializable<T>;
}

template <class U>
consteval bool state_can_be_made() {
  using State = typename U::StateType;
  static_assert(
      std::move_constructible<State>,
      "rondo: the State of an Update has to be movable; one that is not can be held by a unique_ptr");
  constexpr bool made = std::default_initializable<State> || MakesEmptyState<U>;
  static_assert(
      made,
      "rondo: a State without a default constructor needs a static function empty_state() in its Update, "
      "which makes the object that a packed State is unpacked into");
  return std::move_constructible<State> && made;
}

template <class U>
consteval bool is_update() {
  constexpr bool derived = UpdateClass<U>;  // a number: GCC would tell more errors of a concept
  static_assert(derived,
                "rondo: the class U of Master<U> and run<U>() has to be derived publicly from "
                "rondo::Update<State, Input, Output> or rondo::Update<State, Input, Output, Context>");
  return derived;
}

template <UpdateClass U>
consteval bool types_travel() {
  constexpr bool state = travels_or_is_told<typename U::StateType>();
  constexpr bool input = travels_or_is_told<typename U::InputType>();
  constexpr bool output = travels_or_is_told<typename U::OutputType>();
  return travels_or_is_told<typename U::ContextType>() && state && input && output;
}

/// Whether this is an Update, with types that Rondo can send and make. If not, an error says what is wrong.
template <class U>
consteval bool is_accepted() {
  if constexpr (!UpdateClass<U>) {
    return is_update<U>();
  } else if constexpr (types_travel<U>()) {
    constexpr bool made = state_can_be_made<U>();
    constexpr bool taken = can_be_made<typename U::InputType>();
    constexpr bool given = can_be_made<typename U::OutputType>();
    return can_be_made<typename U::ContextType>() && made && taken && given;
  } else {
    return false;
  }
}

/// Whether this is an Update that run() can make by its default constructor.
template <class U>
consteval bool is_made_without_factory() {
  if constexpr (std::is_abstract_v<U>) {
    static_assert(
        !std::is_abstract_v<U>,
        "rondo: this Update has no update(), or one with another signature; it needs exactly `Output "
        "update(State&, const Input&, const Call&) override`, with the types of its rondo::Update<...>");
    return false;
  } else {
    static_assert(
        std::default_initializable<U>,
        "rondo: this Update has no public default constructor; give it one, or give run() a factory that "
        "makes it: run<U>(argc, argv, factory, main)");
    return std::default_initializable<U>;
  }
}

template <class U, class Factory>
concept MakesUpdate = std::invocable<Factory&> &&
    (std::convertible_to<std::invoke_result_t<Factory&>, std::unique_ptr<U>> ||
     std::same_as<std::invoke_result_t<Factory&>, U> ||
     std::constructible_from<U, std::invoke_result_t<Factory&>>);

/// Whether this function makes an Update for run().
template <class U, class Factory>
consteval bool is_factory() {
  static_assert(
      MakesUpdate<U, Factory>,
      "rondo: the factory that is given to run() has to be callable without arguments and to return a U or "
      "a std::unique_ptr<U>");
  return MakesUpdate<U, Factory>;
}

}  // namespace rondo::detail
