// Bytes of an object that belong to none of its members: what a compiler puts between them and after the last one.
//
// They hold whatever was in that memory before. Where an object travels as one block of memory they become zeros, so that
// equal values have equal bytes: in messages, in checkpoints, and for --rondo-check.
//
// Clang (up to 16 at least) cannot tell where they are inside a class, so there they travel as they are.
#pragma once

#include <array>
#include <complex>
#include <cstddef>
#include <cstring>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace rondo::detail {

#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
#define RONDO_CLEARS_CLASSES
#endif
#endif

// How the objects of a type are made of others. `at` is the first byte of `count` of them in a row, aligned or not.
template <class T>
struct Gaps {
#ifdef RONDO_CLEARS_CLASSES
  static constexpr bool is_made_of_parts =
      std::is_class_v<T> || std::is_union_v<T> || std::is_same_v<T, long double>;
  static constexpr bool any = is_made_of_parts && !std::is_empty_v<T> && std::is_trivially_copyable_v<T> &&
                              !std::has_unique_object_representations_v<T>;
  static void clear(std::byte* at, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) __builtin_clear_padding(reinterpret_cast<T*>(at + i * sizeof(T)));
  }
#else
  static constexpr bool any = false;
#endif
};
template <class T, std::size_t n>
struct Gaps<T[n]> {
  static constexpr bool any = Gaps<T>::any;
  static void clear(std::byte* at, std::size_t count) { Gaps<T>::clear(at, n * count); }
};
template <class T, std::size_t n>
struct Gaps<std::array<T, n>> : Gaps<T[n]> {};
template <class T>
struct Gaps<std::array<T, 0>> {
  static constexpr bool any = false;
};
template <class T>
struct Gaps<std::complex<T>> : Gaps<T[2]> {};

// A pair or a tuple.
template <class Whole, class... T>
struct GapsBetween {
 private:
  template <class Part>
  static constexpr std::size_t size = std::is_empty_v<Part> ? 0 : sizeof(Part);

 public:
  static constexpr bool any = sizeof(Whole) != (size<T> + ...) || (Gaps<T>::any || ...);
  static void clear(std::byte* at, std::size_t count) { clear(at, count, std::index_sequence_for<T...>()); }

 private:
  template <std::size_t... i>
  static void clear(std::byte* at, std::size_t count, std::index_sequence<i...>) {
    alignas(Whole) std::byte memory[sizeof(Whole)];
    const Whole& whole = *reinterpret_cast<const Whole*>(memory);  // only its addresses are looked at
    const std::size_t begins[] = {static_cast<std::size_t>(
        reinterpret_cast<const std::byte*>(std::addressof(std::get<i>(whole))) - memory)...};
    constexpr std::size_t kSizes[] = {size<T>...};
    // the compiler knows all this, and leaves a few stores
    std::size_t gaps[sizeof...(T)] = {};  // after each part but empty ones, which may be inside others
    for (std::size_t part = 0; part < sizeof...(T); ++part) {
      const std::size_t end = begins[part] + kSizes[part];
      std::size_t next = sizeof(Whole);
      for (std::size_t other = 0; other < sizeof...(T); ++other)
        if (kSizes[other] > 0 && begins[other] >= end && begins[other] < next) next = begins[other];
      if (kSizes[part] > 0) gaps[part] = next - end;
    }
    for (std::size_t k = 0; k < count; ++k, at += sizeof(Whole)) {
      (std::memset(at + begins[i] + kSizes[i], 0, gaps[i]), ...);
      (clear_part<T>(at + begins[i]), ...);
    }
  }
  template <class Part>
  static void clear_part(std::byte* at) {
    if constexpr (Gaps<Part>::any) Gaps<Part>::clear(at, 1);
  }
};
template <class A, class B>
struct Gaps<std::pair<A, B>> : GapsBetween<std::pair<A, B>, std::remove_cv_t<A>, std::remove_cv_t<B>> {};
template <class... T>
requires(sizeof...(T) > 0) struct Gaps<std::tuple<T...>>
    : GapsBetween<std::tuple<T...>, std::remove_cv_t<T>...> {
};

#undef RONDO_CLEARS_CLASSES

}  // namespace rondo::detail
