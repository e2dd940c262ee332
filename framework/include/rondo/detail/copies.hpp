// Which types the engine may copy with their copy constructor.
//
// A fork, a resample and a rollback need copies that share no memory with the original: otherwise the result of an update
// would depend on which copies are on one worker. A copy constructor may share (a shared_ptr, a class that counts
// references), so it is used only for types whose copies are known to be whole. All others are copied by packing them.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <type_traits>

#include <rondo/detail/codec.hpp>
#include <rondo/detail/containers.hpp>
#include <rondo/detail/owners.hpp>
#include <rondo/detail/products.hpp>

namespace rondo {

/// Specialise this for a class with a serialize() whose copy constructor copies all that it owns. Forks, resamples and
/// --rondo-rollback then use that copy constructor, and not serialize(), which may take much longer:
///   template <> inline constexpr bool rondo::copies_deeply<Thing> = true;
/// Not needed for what detail::is_deep() sees by itself.
template <class T>
inline constexpr bool copies_deeply = false;

namespace detail {

// Whether the copy constructor of T is known to make a copy that shares no memory with the original:
// - of a trivially copyable type that travels as bytes;
// - of a container, optional, variant, pair or tuple whose parts are so;
// - of an aggregate (all public, no constructor) with a serialize() whose members are so: it copies member by member;
// - of a class that says so.
// A class with private members may hide a shared_ptr. `Inside` are the types that hold a T: a tree is deep if its other
// members are.
template <class T, class... Inside>
consteval bool is_deep();

// The arguments of a template of the standard library: parts of the value, or allocators, comparisons and hashes, which
// are harmless if they hold nothing.
template <class T, class... Inside>
inline constexpr bool has_deep_parts = false;
template <template <class...> class Template, class... T, class... Inside>
inline constexpr bool has_deep_parts<Template<T...>, Inside...> =
    ((std::is_empty_v<T> || is_deep<T, Inside...>()) && ...);
template <class T, std::size_t n, class... Inside>
inline constexpr bool has_deep_parts<std::array<T, n>, Inside...> = is_deep<T, Inside...>();
template <class T, class... Inside>
inline constexpr bool has_deep_parts<std::shared_ptr<T>, Inside...> = false;

template <class... Inside>
struct Shares {
  template <class T>
  static consteval bool holds() {
    return !is_deep<T, Inside...>();
  }
};

template <class T, class... Inside>
consteval bool is_deep() {
  if constexpr ((std::is_same_v<T, Inside> || ...)) {
    return true;
  } else if constexpr (!std::is_copy_constructible_v<T>) {
    return false;
  } else if constexpr (copies_deeply<T>) {
    return true;
  } else if constexpr (way_of<T>() == Way::bytes) {
    return std::is_trivially_copyable_v<T> || has_deep_parts<T>;
  } else if constexpr (way_of<T>() == Way::container) {
    return has_deep_parts<T, Inside...>;
  } else if constexpr (way_of<T>() == Way::boost && std::is_class_v<T> && std::is_aggregate_v<T>) {
    return FieldSearch<T, Shares<T, Inside...>>::result() == Found::no;
  } else {
    return false;
  }
}

}  // namespace detail
}  // namespace rondo
