// The order, the equality and the hash of keys, as all stages use them.
//
// The `<` of floating-point numbers is no order as soon as there is a NaN: a NaN is neither before nor after any number.
// The same holds for every type that is compared by its parts, such as a std::tuple with a double in it. So the stages
// compare keys of the standard types part by part, with this rule for floating-point parts:
//
//   * A NaN comes after all numbers, infinity included.
//   * All NaNs are equal, whatever their sign and their other bits.
//   * -0.0 and 0.0 are equal.
//
// All other parts are compared as their own `<` and `==` say. An empty std::optional comes before all values, and a
// std::variant is compared by index first, as the standard says.
//
// The rule holds for floating-point types, std::chrono::duration and time_point, std::optional, pair, tuple, array,
// variant, vector, deque, list, forward_list, set, multiset, map, multimap and reference_wrapper, and for any nesting of
// these. A class of the user's is compared by its own `<` and `==`. If such a class says that a key is not equal to
// itself, there is most likely a NaN in it, and the stage throws OrderError.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/error.hpp>

#pragma GCC visibility push(default)

namespace rondo {

/// A comparison of keys is no strict weak order: it puts a key before itself, or each of two keys before the other, or it
/// finds keys a, b and c such that a equals b and b equals c, but a does not equal c. Mostly that is a `<=` where a `<`
/// is needed, or a comparison of several members that is not lexicographic, or a `<` that meets a NaN. No order of the
/// items would be right then, so the evaluation ends with this error.
///
/// A stage looks for this with a few comparisons per block of items and per key, so it finds most wrong comparisons, but
/// not every one in every run.
class OrderError : public Error {
 public:
  using Error::Error;
};

namespace streaming {

/// What the stages do with a key of type T, or with a part of one. The primary template is for types without parts.
///
///   plain        The type's own comparison is trusted: it is a weak order for all values.
///   order(a, b)  The order of two values.
///   equal, hash  The same for hashed keys; only where std::hash<T> exists.
///   sound(a)     False: the value is not equal to itself, so there is no place for it in any order.
template <class T>
struct KeyPart {
  static constexpr bool plain = !std::is_class_v<T> || std::three_way_comparable<T, std::weak_ordering>;

  [[nodiscard]] static std::weak_ordering order(const T& a, const T& b) {
    if constexpr (std::three_way_comparable<T, std::weak_ordering>) {
      return std::compare_three_way{}(a, b);
    } else {
      if (a < b) return std::weak_ordering::less;
      return b < a ? std::weak_ordering::greater : std::weak_ordering::equivalent;
    }
  }
  [[nodiscard]] static bool equal(const T& a, const T& b) { return a == b; }
  [[nodiscard]] static std::size_t hash(const T& a) { return std::hash<T>{}(a); }
  [[nodiscard]] static bool sound(const T& a) {
    if constexpr (!plain && std::equality_comparable<T>) {
      return a == a;
    } else {
      return true;
    }
  }
};

template <class T>
using KeyPartOf = KeyPart<std::remove_cvref_t<T>>;

template <std::floating_point T>
struct KeyPart<T> {
  static constexpr bool plain = false;
  [[nodiscard]] static bool is_nan(T a) { return __builtin_isnan(a); }
  [[nodiscard]] static std::weak_ordering order(T a, T b) {
    if (a < b) return std::weak_ordering::less;
    if (a > b) return std::weak_ordering::greater;
    return is_nan(a) <=> is_nan(b);
  }
  [[nodiscard]] static bool equal(T a, T b) { return order(a, b) == 0; }
  [[nodiscard]] static std::size_t hash(T a) { return is_nan(a) ? 1 : std::hash<T>{}(a); }
  [[nodiscard]] static bool sound(T) { return true; }
};

// A type that is compared by one part. `Get` is a function object without state that gives it.
template <class T, class Part, class Get>
struct OnePart {
  static constexpr bool plain = KeyPartOf<Part>::plain;
  [[nodiscard]] static std::weak_ordering order(const T& a, const T& b) {
    return KeyPartOf<Part>::order(Get{}(a), Get{}(b));
  }
  [[nodiscard]] static bool sound(const T& a) { return KeyPartOf<Part>::sound(Get{}(a)); }
};

struct GetCount {
  template <class T>
  auto operator()(const T& a) const {
    return a.count();
  }
};
struct GetDuration {
  template <class T>
  auto operator()(const T& a) const {
    return a.time_since_epoch();
  }
};
struct GetReferent {
  template <class T>
  const auto& operator()(const T& a) const {
    return a.get();
  }
};
template <class Rep, class Period>
struct KeyPart<std::chrono::duration<Rep, Period>>
    : OnePart<std::chrono::duration<Rep, Period>, Rep, GetCount> {};
template <class Clock, class Duration>
struct KeyPart<std::chrono::time_point<Clock, Duration>>
    : OnePart<std::chrono::time_point<Clock, Duration>, Duration, GetDuration> {};
template <class T>
struct KeyPart<std::reference_wrapper<T>> : OnePart<std::reference_wrapper<T>, T, GetReferent> {};

// std::tuple, pair and array.
template <class T, class... Parts>
struct TupleParts {
  static constexpr bool plain = (KeyPartOf<Parts>::plain && ...);
  [[nodiscard]] static std::weak_ordering order(const T& a, const T& b) {
    return [&]<std::size_t... at>(std::index_sequence<at...>) {
      std::weak_ordering result = std::weak_ordering::equivalent;
      static_cast<void>((((result = KeyPartOf<Parts>::order(std::get<at>(a), std::get<at>(b))) == 0) && ...));
      return result;
    }
    (std::index_sequence_for<Parts...>());
  }
  [[nodiscard]] static bool sound(const T& a) {
    return std::apply([](const auto&... parts) { return (KeyPartOf<Parts>::sound(parts) && ...); }, a);
  }
};
template <class... Parts>
struct KeyPart<std::tuple<Parts...>> : TupleParts<std::tuple<Parts...>, Parts...> {};
template <class A, class B>
struct KeyPart<std::pair<A, B>> : TupleParts<std::pair<A, B>, A, B> {};

// Containers, compared item by item; std::optional is one with at most one item.
template <class T, class Item>
struct ItemParts {
  static constexpr bool plain = KeyPartOf<Item>::plain;
  [[nodiscard]] static std::weak_ordering order(const T& a, const T& b) {
    auto at = a.begin(), bt = b.begin();
    for (; at != a.end() && bt != b.end(); ++at, ++bt)
      if (const auto result = KeyPartOf<Item>::order(*at, *bt); result != 0) return result;
    return (at != a.end()) <=> (bt != b.end());
  }
  [[nodiscard]] static bool sound(const T& a) {
    for (auto&& item : a)
      if (!KeyPartOf<Item>::sound(item)) return false;
    return true;
  }
};
template <class T, std::size_t count>
struct KeyPart<std::array<T, count>> : ItemParts<std::array<T, count>, T> {};
template <class T, class A>
struct KeyPart<std::vector<T, A>> : ItemParts<std::vector<T, A>, T> {};
template <class T, class A>
struct KeyPart<std::deque<T, A>> : ItemParts<std::deque<T, A>, T> {};
template <class T, class A>
struct KeyPart<std::list<T, A>> : ItemParts<std::list<T, A>, T> {};
template <class T, class A>
struct KeyPart<std::forward_list<T, A>> : ItemParts<std::forward_list<T, A>, T> {};
template <class T, class C, class A>
struct KeyPart<std::set<T, C, A>> : ItemParts<std::set<T, C, A>, T> {};
template <class T, class C, class A>
struct KeyPart<std::multiset<T, C, A>> : ItemParts<std::multiset<T, C, A>, T> {};
template <class K, class T, class C, class A>
struct KeyPart<std::map<K, T, C, A>> : ItemParts<std::map<K, T, C, A>, std::pair<const K, T>> {};
template <class K, class T, class C, class A>
struct KeyPart<std::multimap<K, T, C, A>> : ItemParts<std::multimap<K, T, C, A>, std::pair<const K, T>> {};

template <class T>
struct KeyPart<std::optional<T>> {
  using Part = KeyPartOf<T>;
  static constexpr bool plain = Part::plain;
  [[nodiscard]] static std::weak_ordering order(const std::optional<T>& a, const std::optional<T>& b) {
    return a && b ? Part::order(*a, *b) : std::weak_ordering(a.has_value() <=> b.has_value());
  }
  [[nodiscard]] static bool equal(const std::optional<T>& a, const std::optional<T>& b) {
    return a && b ? Part::equal(*a, *b) : a.has_value() == b.has_value();
  }
  [[nodiscard]] static std::size_t hash(const std::optional<T>& a) { return a ? Part::hash(*a) : 2; }
  [[nodiscard]] static bool sound(const std::optional<T>& a) { return !a || Part::sound(*a); }
};

template <class... Choices>
struct KeyPart<std::variant<Choices...>> {
  using V = std::variant<Choices...>;
  static constexpr bool plain = (KeyPartOf<Choices>::plain && ...);
  [[nodiscard]] static std::weak_ordering order(const V& a, const V& b) {
    // The one without a value comes first.
    if (a.index() != b.index()) return a.index() + 1 <=> b.index() + 1;
    return same_choice(a, b, std::weak_ordering(std::weak_ordering::equivalent),
                       [](auto part, const auto& x, const auto& y) { return decltype(part)::order(x, y); });
  }
  [[nodiscard]] static bool equal(const V& a, const V& b) {
    return a.index() == b.index() && same_choice(a, b, true, [](auto part, const auto& x, const auto& y) {
             return decltype(part)::equal(x, y);
           });
  }
  [[nodiscard]] static std::size_t hash(const V& a) {
    const std::size_t of_value = same_choice(
        a, a, std::size_t{0}, [](auto part, const auto& x, const auto&) { return decltype(part)::hash(x); });
    return of_value * 31 + a.index();
  }
  [[nodiscard]] static bool sound(const V& a) {
    return same_choice(a, a, true,
                       [](auto part, const auto& x, const auto&) { return decltype(part)::sound(x); });
  }

 private:
  // f(part, x, y) of the two values, which are of the same choice; `otherwise` if there are none.
  template <std::size_t at = 0, class R, class F>
  [[nodiscard]] static R same_choice(const V& a, const V& b, R otherwise, F f) {
    if constexpr (at == sizeof...(Choices)) {
      return otherwise;
    } else {
      if (a.index() != at) return same_choice<at + 1>(a, b, otherwise, f);
      const auto& value = std::get<at>(a);
      return f(KeyPartOf<decltype(value)>{}, value, std::get<at>(b));
    }
  }
};

/// The order in which sort_by, keep_lowest and the tables of group_by, deduplicate and aggregate see their keys.
struct KeyLess {
  template <class K>
  [[nodiscard]] bool operator()(const K& a, const K& b) const {
    if constexpr (KeyPart<K>::plain) {
      return std::less<>{}(a, b);
    } else {
      return KeyPart<K>::order(a, b) < 0;
    }
  }
};
struct KeyEqual {
  template <class K>
  [[nodiscard]] bool operator()(const K& a, const K& b) const {
    return KeyPart<K>::equal(a, b);
  }
};
struct KeyHash {
  template <class K>
  [[nodiscard]] std::size_t operator()(const K& a) const {
    return KeyPart<K>::hash(a);
  }
};

// The comparison `less` with its operands exchanged.
template <class Compare>
struct Reversed {
  Compare less;
  template <class K>
  requires std::predicate<const Compare&, K, K>
  [[nodiscard]] bool operator()(K&& a, K&& b) const {
    return std::invoke(less, std::forward<K>(b), std::forward<K>(a));
  }
};

// Whether `Compare` is a function object of the standard library that asks for the order of keys of this type, or for the
// reverse. Then it gets the order of this file. Any other comparison is used as it is.
enum class Asks : std::uint8_t { something_else, for_order, for_reverse };

template <class Compare, class K>
inline constexpr Asks asks = Asks::something_else;
template <class K>
inline constexpr Asks asks<std::ranges::less, K> = Asks::for_order;
template <class K>
inline constexpr Asks asks<std::less<>, K> = Asks::for_order;
template <class K>
inline constexpr Asks asks<std::less<K>, K> = Asks::for_order;
template <class K>
inline constexpr Asks asks<std::ranges::greater, K> = Asks::for_reverse;
template <class K>
inline constexpr Asks asks<std::greater<>, K> = Asks::for_reverse;
template <class K>
inline constexpr Asks asks<std::greater<K>, K> = Asks::for_reverse;
template <class Compare, class K>
inline constexpr Asks asks<Reversed<Compare>, K> =
    asks<Compare, K> == Asks::for_order     ? Asks::for_reverse
    : asks<Compare, K> == Asks::for_reverse ? Asks::for_order
                                            : Asks::something_else;

// compare(a, b), for keys of type K.
template <class Compare, class K>
[[nodiscard]] bool goes_before(const Compare& compare, K&& a, K&& b) {
  constexpr Asks what = asks<Compare, std::remove_cvref_t<K>>;
  if constexpr (what == Asks::for_order) {
    return KeyLess{}(a, b);
  } else if constexpr (what == Asks::for_reverse) {
    return KeyLess{}(b, a);
  } else {
    return static_cast<bool>(std::invoke(compare, std::forward<K>(a), std::forward<K>(b)));
  }
}

// What is wrong with a comparison, or with a key.
enum class OrderFault : std::uint8_t {
  unsound_key,            // it is not equal to itself
  before_itself,          // a < a
  each_before_the_other,  // a < b and b < a
  not_transitive,         // a == b and b == c, but a < c; or a < b, b < c and c < a
  nan,                    // the same, and b is a key with a NaN in it
};
[[noreturn]] void throw_order_error(const char* stage, OrderFault fault);

template <class K>
void check_sound(const char* stage, const K& key) {
  if constexpr (!KeyPart<K>::plain) {
    if (!KeyPart<K>::sound(key)) throw_order_error(stage, OrderFault::unsound_key);
  }
}

}  // namespace streaming
}  // namespace rondo

#pragma GCC visibility pop
