// How a type travels: as one block of memory, as a container of things that travel, or through
// Boost.Serialization.
//
// Only traits; no code runs. Everything here is decided from the type alone, so the serialize() of a type has
// to be declared before the type is first used with Rondo (the usual rule for specialisations).
#pragma once

#include <array>
#include <bitset>
#include <complex>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <variant>

#include <boost/serialization/is_bitwise_serializable.hpp>
#include <boost/serialization/serialization.hpp>

#include <rondo/detail/fields.hpp>

namespace rondo {

namespace detail {
template <class T>
consteval bool bytes_by_default();
}

// Whether a T travels as the bytes of its memory. By default: arithmetic types, enums, and trivially copyable
// classes that have no serialize(), and pairs, tuples and arrays of such. A class that is seen to have a pointer, a reference
// or a view among its members does not: the members of an aggregate are seen, private members are not. Specialise it to
// overrule:
//   template <> inline constexpr bool rondo::travels_as_bytes<Thing> = true;
template <class T>
inline constexpr bool travels_as_bytes = detail::bytes_by_default<T>();

namespace detail {

class OutputArchive;

// --- Does a class have a serialize() of its own?

// Looks up the name through a class that inherits it twice if T has it, whatever its access and its
// parameters.
struct NameOfSerialize {
  int serialize;
};
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
template <class T>
struct InheritsBoth : T, NameOfSerialize {};
#pragma GCC diagnostic pop
template <class T>
concept LacksTheName = requires {
  &InheritsBoth<T>::serialize;
};
template <class T>
concept HasPublicMember = requires(T& value, OutputArchive& archive) {
  value.serialize(archive, 0u);
};

// A free serialize() in the namespace of T or in boost::serialization is more specialised than Boost's
// catch-all. The catch-all has a twin here, so a call that could only mean the catch-all is ambiguous.
namespace twin {
template <class Archive, class T>
void serialize(Archive&, T&, const unsigned int);
template <class T>
concept FreeSerialize = requires(OutputArchive& archive, T& value,
                                 const boost::serialization::version_type version) {
  serialize(archive, value, version);
};
}  // namespace twin

template <class T>
consteval bool has_serialize() {
  if constexpr (!std::is_class_v<T> && !std::is_union_v<T>) {
    return false;
  } else if constexpr (twin::FreeSerialize<T>) {
    return true;
  } else if constexpr (std::is_final_v<T> || std::is_union_v<T>) {
    // nobody can inherit from it, so a private serialize() is not seen; a class that is no bytes had better
    // have one
    return HasPublicMember<T> || (std::is_class_v<T> && !std::is_trivially_copyable_v<T>);
  } else if constexpr (!std::is_destructible_v<T>) {
    return true;  // cannot be inherited from either; a class with a hidden destructor needs its own serialize
  } else {
    return !LacksTheName<T>;
  }
}

// --- Types that refer to memory of this process.
template <class T>
inline constexpr bool is_reference_like = std::is_reference_v<T> || std::is_null_pointer_v<T> ||
                                          std::is_member_pointer_v<T> ||
                                          std::ranges::enable_borrowed_range<T> ||
                                          (std::is_class_v<T> && std::input_or_output_iterator<T>);
template <class T>
inline constexpr bool is_reference_like<std::reference_wrapper<T>> = true;
template <class T>
inline constexpr bool is_reference_like<std::initializer_list<T>> = true;
template <class T>
inline constexpr bool is_reference_like<std::coroutine_handle<T>> = true;
template <>
inline constexpr bool is_reference_like<std::type_index> = true;
template <>
inline constexpr bool is_reference_like<std::error_code> = true;
template <>
inline constexpr bool is_reference_like<std::error_condition> = true;

// Owns an array and does not know how long it is.
template <class T>
inline constexpr bool owns_unsized_array = false;
template <class T, class Deleter>
inline constexpr bool owns_unsized_array<std::unique_ptr<T[], Deleter>> = true;
template <class T>
inline constexpr bool owns_unsized_array<std::shared_ptr<T[]>> = true;

// Trivially copyable at times, but a bad tag in a damaged message must be found, so they are written part by
// part.
template <class T>
inline constexpr bool is_tagged = false;
template <class T>
inline constexpr bool is_tagged<std::optional<T>> = true;
template <class... T>
inline constexpr bool is_tagged<std::variant<T...>> = true;

// Types of the standard library that are seen through: they are bytes if their parts are.
template <class T>
struct Parts {
  static constexpr bool known = false;
};
template <bool allBytes>
struct KnownParts {
  static constexpr bool known = true;
  static constexpr bool bytes = allBytes;
};
template <class T, std::size_t n>
struct Parts<T[n]> : KnownParts<travels_as_bytes<T>> {};
template <class T, std::size_t n>
struct Parts<std::array<T, n>> : KnownParts<n != 0 && travels_as_bytes<T>> {};
template <class A, class B>
struct Parts<std::pair<A, B>> : KnownParts<travels_as_bytes<A> && travels_as_bytes<B>> {};
template <class... T>
struct Parts<std::tuple<T...>> : KnownParts<sizeof...(T) != 0 && (travels_as_bytes<T> && ...)> {};
template <class T>
struct Parts<std::complex<T>> : KnownParts<travels_as_bytes<T>> {};
template <std::size_t n>
struct Parts<std::bitset<n>> : KnownParts<true> {};

// Whether a value refers to memory of this process through one of its parts, as far as these can be seen.
template <class T>
consteval bool refers_to_memory();
struct RefersToMemory {
  template <class T>
  static consteval bool holds() {
    return refers_to_memory<T>();
  }
};
template <class T>
consteval bool has_referring_member() {
  if constexpr ((std::is_class_v<T> || std::is_union_v<T>)&&std::is_aggregate_v<T>) {
    return FieldSearch<T, RefersToMemory>::result() == Found::yes;
  } else {
    return false;
  }
}
template <class T>
inline constexpr bool has_referring_part = false;
template <template <class...> class Template, class... T>
inline constexpr bool has_referring_part<Template<T...>> = (refers_to_memory<T>() || ...);
template <class T, std::size_t n>
inline constexpr bool has_referring_part<std::array<T, n>> = refers_to_memory<T>();
template <class T>
consteval bool refers_to_memory() {
  using Plain = std::remove_cv_t<T>;
  if constexpr (std::is_pointer_v<Plain> || is_reference_like<Plain>) {
    return true;
  } else if constexpr (std::is_array_v<Plain>) {
    return refers_to_memory<std::remove_extent_t<Plain>>();
  } else if constexpr (is_tagged<Plain> || Parts<Plain>::known) {
    return has_referring_part<Plain>;
  } else {
    return !travels_as_bytes<Plain> && has_referring_member<Plain>();
  }
}

template <class T>
consteval bool bytes_by_default() {
  if constexpr (!std::is_same_v<T, std::remove_cv_t<T>>) {
    return travels_as_bytes<std::remove_cv_t<T>>;
  } else if constexpr (std::is_void_v<T> || std::is_function_v<T> || is_reference_like<T> || is_tagged<T>) {
    return false;
  } else if constexpr (Parts<T>::known) {
    return Parts<T>::bytes;
  } else if constexpr (std::is_pointer_v<T> || std::is_unbounded_array_v<T>) {
    return false;
  } else if constexpr (boost::serialization::is_bitwise_serializable<T>::value) {
    return true;
  } else if constexpr (!std::is_class_v<T> && !std::is_union_v<T>) {
    return true;  // arithmetic types, enums, and the compiler's own (__int128)
  } else if constexpr (!std::is_trivially_copyable_v<T>) {
    return false;
  } else {
    // a class that forbids copies has a reason that the bytes do not tell (an atomic, a lock)
    return (std::is_copy_constructible_v<T> || std::is_move_constructible_v<T> ||
            std::is_copy_assignable_v<T> || std::is_move_assignable_v<T>)&&!has_serialize<T>() &&
           !has_referring_member<T>();
  }
}

// --- The way of a type.

// Reads and writes one kind of container; the specialisations are in containers.hpp.
template <class T>
struct Codec {
  static constexpr bool known = false;
};

enum class Way {
  bytes,      // one block
  container,  // by Codec<T>
  boost,      // by the serialize() of the type, or a pointer to such a type
  reference,  // refused: refers to memory of this process
  member,     // refused: one of its members does
  unsized,    // refused: how much there is to send is not known
  unknown,    // refused: nobody said how
};

template <class T>
consteval Way way_of() {
  using Plain = std::remove_cv_t<T>;
  if constexpr (std::is_reference_v<T>) {
    return Way::reference;
  } else if constexpr (travels_as_bytes<Plain>) {
    return Way::bytes;
  } else if constexpr (owns_unsized_array<Plain> || std::is_unbounded_array_v<Plain>) {
    return Way::unsized;
  } else if constexpr (Codec<Plain>::known) {
    return Way::container;
  } else if constexpr (std::is_pointer_v<Plain>) {
    // Boost makes a new object for a pointer, which has to be of a class that it knows
    using Pointee = std::remove_cv_t<std::remove_pointer_t<Plain>>;
    return has_serialize<Pointee>() || std::is_polymorphic_v<Pointee> ? Way::boost : Way::reference;
  } else if constexpr (has_serialize<Plain>()) {
    return Way::boost;
  } else {
    return is_reference_like<Plain>                                               ? Way::reference
           : std::is_trivially_copyable_v<Plain> && has_referring_member<Plain>() ? Way::member
                                                                                  : Way::unknown;
  }
}

template <class T>
consteval bool can_travel() {
  if constexpr (way_of<T>() == Way::container) {
    return Codec<std::remove_cv_t<T>>::travels();
  } else {
    return way_of<T>() == Way::bytes || way_of<T>() == Way::boost;
  }
}

// The fewest bytes that any T takes in a message; lengths are checked with it before memory is taken.
template <class T>
consteval std::size_t smallest() {
  if constexpr (way_of<T>() == Way::bytes) {
    return sizeof(T);
  } else if constexpr (way_of<T>() == Way::container) {
    return Codec<std::remove_cv_t<T>>::smallest();
  } else {
    return 0;
  }
}

}  // namespace detail
}  // namespace rondo
