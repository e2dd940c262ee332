// What becomes of a key function's results: kept as values, in tables, while the items move about.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>

namespace rondo::streaming {

// The key to keep: what the key function gives, or what that refers to where it is clear how to own it.
template <class K>
struct Owning {
  using type = K;
};
template <class C, class Traits>
struct Owning<std::basic_string_view<C, Traits>> {
  using type = std::basic_string<C, Traits>;
};
template <class... Parts>
struct Owning<std::tuple<Parts...>> {
  using type = std::tuple<typename Owning<std::remove_cvref_t<Parts>>::type...>;
};
template <class A, class B>
struct Owning<std::pair<A, B>> {
  using type =
      std::pair<typename Owning<std::remove_cvref_t<A>>::type, typename Owning<std::remove_cvref_t<B>>::type>;
};

// Whether it owns all that it is compared by, as far as can be told.
template <class Key>
inline constexpr bool owns = !std::ranges::view<Key>;
template <class T>
inline constexpr bool owns<std::reference_wrapper<T>> = false;
template <class... Parts>
inline constexpr bool owns<std::tuple<Parts...>> = (owns<Parts> && ...);
template <class A, class B>
inline constexpr bool owns<std::pair<A, B>> = owns<A>&& owns<B>;

template <class Key>
concept Hashable = requires(const Key& key) {
  { std::hash<Key>{}(key) } -> std::convertible_to<std::size_t>;
}
&&std::equality_comparable<Key>;
template <class Key>
concept HasLess = requires(const Key& a, const Key& b) {
  { a < b } -> std::convertible_to<bool>;
};

// Hashed where that is possible.
template <class Key, class Value>
struct TableOf {
  using type = std::map<Key, Value>;
};
template <Hashable Key, class Value>
struct TableOf<Key, Value> {
  using type = std::unordered_map<Key, Value>;
};

}  // namespace rondo::streaming
