// What becomes of a key function's results: kept as values, in tables, while the items move about.
#pragma once

#include <concepts>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <variant>

#include <rondo/stream/order.hpp>

namespace rondo::streaming {

/// The key to keep: what the key function gives, or what that refers to where it is clear how to own it.
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

/// Whether it owns all that it is compared by, as far as can be told: of a class with members of its own it cannot.
template <class Key>
struct Owns;
template <class Key>
inline constexpr bool owns = Owns<std::remove_cv_t<Key>>::value;

template <class Key>
[[nodiscard]] consteval bool owns_items() {
  if constexpr (std::ranges::view<Key>) {
    return false;
  } else if constexpr (std::ranges::range<Key>) {
    using Item = std::remove_cvref_t<std::ranges::range_value_t<Key>>;
    if constexpr (std::is_same_v<Item, Key>)
      return true;  // as of a std::filesystem::path
    else
      return owns<Item>;
  } else {
    return !std::is_reference_v<Key>;
  }
}

template <class Key>
struct Owns : std::bool_constant<owns_items<Key>()> {};
template <class T>
struct Owns<std::reference_wrapper<T>> : std::false_type {};
template <class... Parts>
struct Owns<std::tuple<Parts...>> : std::bool_constant<(owns<Parts> && ...)> {};
template <class A, class B>
struct Owns<std::pair<A, B>> : std::bool_constant<owns<A> && owns<B>> {};
template <class T>
struct Owns<std::optional<T>> : std::bool_constant<owns<T>> {};
template <class... Choices>
struct Owns<std::variant<Choices...>> : std::bool_constant<(owns<Choices> && ...)> {};

template <class Key>
concept Hashable = requires(const Key& key) {
  { std::hash<Key>{}(key) } -> std::convertible_to<std::size_t>;
}
&&std::equality_comparable<Key>;
template <class Key>
concept HasLess = requires(const Key& a, const Key& b) {
  { a < b } -> std::convertible_to<bool>;
};

/// Hashed where that is possible. Keys that are trusted have the standard's hash, as std::unordered_map keeps the hashes of
/// strings with them then.
template <class Key, class Value>
struct TableOf {
  using type = std::map<Key, Value, KeyLess>;
};
template <Hashable Key, class Value>
struct TableOf<Key, Value> {
  using type = std::conditional_t<KeyPart<Key>::plain, std::unordered_map<Key, Value>,
                                  std::unordered_map<Key, Value, KeyHash, KeyEqual>>;
};

/// Throws OrderError where it finds that the `<` of a class of the user's has no place for a key that was just put into a
/// table: with two comparisons, as those that the table has made itself are consistent.
template <class Key, class Table>
void check_place(const char* stage, const Table& table, typename Table::const_iterator at) {
  if constexpr (!Hashable<Key> && !KeyPart<Key>::plain) {
    if (KeyLess{}(at->first, at->first)) throw_order_error(stage, OrderFault::before_itself);
    const auto next = std::next(at);
    if (next != table.end() && KeyLess{}(next->first, at->first))
      throw_order_error(stage, OrderFault::each_before_the_other);
  }
}

}  // namespace rondo::streaming
