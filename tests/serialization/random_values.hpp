// Random values of the types that travel, small and of all shapes, from a seed.
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

using Engine = std::mt19937_64;

template <class T>
struct RandomValue;

template <class T>
T random_value(Engine& engine) {
  return RandomValue<T>::make(engine);
}

// Mostly short, now and then long enough to be a big block.
template <class Element>
std::size_t random_count(Engine& engine) {
  constexpr bool nests = requires { typename Element::value_type; };
  return !nests && engine() % 20 == 0 ? engine() % 3000 : engine() % 6;
}

template <class T>
struct RandomValue {
  static T make(Engine& engine) {
    if constexpr (std::is_same_v<T, bool>) {
      return engine() % 2 == 0;
    } else if constexpr (std::is_enum_v<T>) {
      return static_cast<T>(engine() % 3);
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(engine());
    } else if constexpr (std::is_floating_point_v<T>) {
      return std::normal_distribution<T>()(engine);
    } else if constexpr (requires { T::random(engine); }) {
      return T::random(engine);
    } else if constexpr (requires(T t) { t.emplace_back(random_value<typename T::value_type>(engine)); }) {
      T value;
      for (std::size_t left = random_count<typename T::value_type>(engine); left != 0; --left) {
        value.emplace_back(random_value<typename T::value_type>(engine));
      }
      return value;
    } else if constexpr (requires(T t) { t.insert(t.end(), random_value<typename T::value_type>(engine)); }) {
      T value;
      for (std::size_t left = random_count<typename T::value_type>(engine); left != 0; --left) {
        value.insert(value.end(), random_value<typename T::value_type>(engine));
      }
      return value;
    } else {
      T value;  // forward_list
      for (std::size_t left = random_count<typename T::value_type>(engine); left != 0; --left) {
        value.push_front(random_value<typename T::value_type>(engine));
      }
      return value;
    }
  }
};
template <class T>
struct RandomValue<std::complex<T>> {
  static std::complex<T> make(Engine& engine) { return {random_value<T>(engine), random_value<T>(engine)}; }
};
template <class A, class B>
struct RandomValue<std::pair<A, B>> {
  static std::pair<A, B> make(Engine& engine) {
    return {random_value<std::remove_const_t<A>>(engine), random_value<B>(engine)};
  }
};
template <class... T>
struct RandomValue<std::tuple<T...>> {
  static std::tuple<T...> make(Engine& engine) { return {random_value<T>(engine)...}; }
};
template <class T, std::size_t n>
struct RandomValue<std::array<T, n>> {
  static std::array<T, n> make(Engine& engine) {
    std::array<T, n> value;
    for (T& element : value) element = random_value<T>(engine);
    return value;
  }
};
template <class T>
struct RandomValue<std::optional<T>> {
  static std::optional<T> make(Engine& engine) {
    if (engine() % 3 == 0) return std::nullopt;
    return random_value<T>(engine);
  }
};
template <class... T>
struct RandomValue<std::variant<T...>> {
  static std::variant<T...> make(Engine& engine) {
    std::variant<T...> value;
    const std::size_t chosen = engine() % sizeof...(T);
    [&]<std::size_t... i>(std::index_sequence<i...>) {
      ((i == chosen ? void(value.template emplace<i>(random_value<T>(engine))) : void()), ...);
    }
    (std::index_sequence_for<T...>());
    return value;
  }
};
template <>
struct RandomValue<std::monostate> {
  static std::monostate make(Engine&) { return {}; }
};
template <class T>
struct RandomValue<std::unique_ptr<T>> {
  static std::unique_ptr<T> make(Engine& engine) {
    return engine() % 3 == 0 ? nullptr : std::make_unique<T>(random_value<T>(engine));
  }
};
template <class T>
struct RandomValue<std::shared_ptr<T>> {
  static std::shared_ptr<T> make(Engine& engine) {
    return engine() % 3 == 0
               ? nullptr
               : std::make_shared<std::remove_const_t<T>>(random_value<std::remove_const_t<T>>(engine));
  }
};

// --- Equality by value, through pointers too, and in order for the hashed containers too.

template <class T>
bool same(const T& a, const T& b) {
  if constexpr (requires { a.get(), *a; }) {
    return (a == nullptr) == (b == nullptr) && (a == nullptr || same(*a, *b));
  } else if constexpr (requires { a.has_value(), *a; }) {
    return a.has_value() == b.has_value() && (!a.has_value() || same(*a, *b));
  } else if constexpr (requires { a.valueless_by_exception(); }) {
    const auto same_held = [&b](const auto& held) {
      return same(held, std::get<std::remove_cvref_t<decltype(held)>>(b));
    };
    return a.index() == b.index() && std::visit(same_held, a);
  } else if constexpr (requires { a.first, a.second; }) {
    return same(a.first, b.first) && same(a.second, b.second);
  } else if constexpr (!std::is_same_v<T, std::string> && requires { a.begin(), a.end(); }) {
    auto left = a.begin();
    auto right = b.begin();
    for (; left != a.end() && right != b.end(); ++left, ++right) {
      if (!same(*left, *right)) return false;
    }
    return left == a.end() && right == b.end();
  } else {
    return a == b;
  }
}
