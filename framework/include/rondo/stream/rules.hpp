// What becomes of an earlier and a later item with equal keys: the rules of group_by, deduplicate and aggregate.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include <rondo/stream/sort.hpp>

namespace rondo {

/// What combining two items gives: none, one or two items.
template <class T>
class Combined {
 public:
  Combined() = default;
  /// One item.
  Combined(T one) : first(std::move(one)) {}
  /// Two items.
  Combined(T one, T two) : first(std::move(one)), second(std::move(two)) {}

  /// The first item, if there is one.
  std::optional<T> first;
  /// The second item, if there is one.
  std::optional<T> second;
};

template <class Key, class T>
concept KeyFunction = std::invocable<const Key&, const T&>;
/// What it gives, if it gives anything.
template <class Key, class T>
concept KeyThatCanBeKept =
    !KeyFunction<Key, T> ||
    std::copy_constructible<std::remove_cvref_t<std::invoke_result_t<const Key&, const T&>>>;
template <class F, class T>
concept CombineFunction = requires(const F& f, T a, T b) {
  { std::invoke(f, std::move(a), std::move(b)) } -> std::convertible_to<T>;
}
|| requires(const F& f, T& a, T b) {
  { std::invoke(f, a, std::move(b)) } -> std::same_as<void>;
};
/// What can be called with a temporary in the place of T& cannot be meant to change it.
template <class F, class T>
concept ChangesNothing = requires(const F& f, T a, T b) {
  { std::invoke(f, std::move(a), std::move(b)) } -> std::same_as<void>;
};

namespace streaming {

// An item and its place in the stream.
template <class T>
struct Placed {
  std::uint64_t place;
  T item;
  bool repeated = false;
};

enum class Fate : std::uint8_t { kept, gone, both };

// Rules: what becomes of an earlier and a later item with equal keys. `associative`: chunks may be combined
// before they are folded.
template <class Combine>
struct GroupRule {
  static constexpr bool associative = true;
  Combine combine;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>& later) const {
    if constexpr (requires {
                    { std::invoke(combine, earlier.item, std::move(later.item)) } -> std::same_as<void>;
                  }) {
      std::invoke(combine, earlier.item, std::move(later.item));
    } else {
      earlier.item = std::invoke(combine, std::move(earlier.item), std::move(later.item));
    }
    return Fate::kept;
  }
  template <class T>
  static consteval bool fits() {
    static_assert(
        !ChangesNothing<Combine, T>,
        "rondo::group_by: a function that returns nothing has to take the earlier item as T&, or what it "
        "does is lost");
    return CombineFunction<Combine, T>;
  }
};

struct KeepNoneRule {
  static constexpr bool associative = true;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>&) const {
    earlier.repeated = true;
    return Fate::kept;
  }
  template <class T>
  static consteval bool fits() {
    return true;
  }
};

template <class Rank, class Better>
struct KeepBestRule {
  static constexpr bool associative = true;
  Rank rank;
  Better better;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>& later) const {
    using K = std::remove_cvref_t<std::invoke_result_t<const Rank&, const T&>>;
    if constexpr (asks<Better, K> != Asks::something_else) {
      check_sound("deduplicate", K(std::invoke(rank, std::as_const(earlier.item))));
      check_sound("deduplicate", K(std::invoke(rank, std::as_const(later.item))));
    }
    if (is_better(later.item, earlier.item)) {
      if (is_better(earlier.item, later.item))
        throw_order_error("deduplicate", OrderFault::each_before_the_other);
      earlier = std::move(later);
    }
    return Fate::kept;
  }
  template <class T>
  static consteval bool fits() {
    return SortKey<Rank, Better, T>;
  }

 private:
  template <class T>
  [[nodiscard]] bool is_better(const T& a, const T& b) const {
    return goes_before(better, std::invoke(rank, a), std::invoke(rank, b));
  }
};

template <class Combine>
struct CombineRule {
  static constexpr bool associative = false;
  Combine combine;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>& later) const {
    Combined<T> result = std::invoke(combine, std::move(earlier.item), std::move(later.item));
    if (!result.first) return Fate::gone;
    earlier.item = std::move(*result.first);
    if (!result.second) return Fate::kept;
    later.item = std::move(*result.second);
    return Fate::both;
  }
  template <class T>
  static consteval bool fits() {
    return requires(const Combine& f, T a, T b) {
      { std::invoke(f, std::move(a), std::move(b)) } -> std::convertible_to<Combined<T>>;
    };
  }
};

}  // namespace streaming
}  // namespace rondo
