// What the bytes of a type depend on, as a number, as far as the type alone tells: no code of the type runs.
//
// Two types whose numbers differ are read differently. It guards checkpoints, together with the record of what was saved
// (rondo/detail/schema.hpp). Noted are:
// - the names of types, as far down as they can be seen;
// - of numbers and other types that travel as bytes the size and the alignment, and of an aggregate the types of its first
//   32 numbers, in their order;
// - of containers, optional, variant and owning pointers what they may hold;
// - that a class has a serialize(), but not what that writes, and not its version: what was written is compared when it
//   is read.
// Not seen: members of a trivially copyable class that has private ones (its name and size are); two members of one type
// that change places; names of members.
#pragma once

#include <array>
#include <bitset>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <rondo/detail/codec.hpp>
#include <rondo/detail/travel.hpp>

namespace rondo::detail {

// Converts to X and to nothing else, so that it finds a field of this type. Arrays and aggregates inside an aggregate may
// lose their braces, so what is found is the numbers in the order of their memory.
template <class X>
struct Exactly {
  template <std::same_as<X> Y>
  operator Y() const;
};
struct Anything {
  template <class Y>
  operator Y() const;
};
template <class T, class... Found>
inline constexpr bool begins_with = requires {
  T{std::declval<Found>()...};
};

// The types of an aggregate's first numbers; "?" is a field of some other type.
template <class T>
struct Fields {
  static constexpr std::size_t kMost = 32;

  [[nodiscard]] static std::vector<std::string_view> names() {
    std::vector<std::string_view> found;
    after<>(found);
    return found;
  }

 private:
  template <class...>
  struct List {};
  using Numbers = List<double, float, int, unsigned, long, unsigned long, bool, char, signed char,
                       unsigned char, short, unsigned short, long long, unsigned long long, long double>;

  template <class... Found>
  static void after(std::vector<std::string_view>& names) {
    if constexpr (sizeof...(Found) < kMost) next<Found...>(names, Numbers());
  }
  template <class... Found, class X, class... More>
  static void next(std::vector<std::string_view>& names, List<X, More...>) {
    if constexpr (begins_with<T, Found..., Exactly<X>>) {
      names.push_back(typeid(X).name());
      after<Found..., Exactly<X>>(names);
    } else {
      next<Found...>(names, List<More...>());
    }
  }
  template <class... Found>
  static void next(std::vector<std::string_view>& names, List<>) {
    if constexpr (begins_with<T, Found..., Anything>) {
      names.push_back("?");
      after<Found..., Anything>(names);
    }
  }
};

class Shape {
 public:
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  void add(std::string_view text) {  // FNV-1a
    for (const char c : text) add_byte(static_cast<unsigned char>(c));
    add_byte(0xff);
  }

  template <class T>
  void describe() {
    using Plain = std::remove_cv_t<T>;
    if constexpr (std::is_pointer_v<Plain>) {
      add("*");
      describe<std::remove_pointer_t<Plain>>();
    } else {
      add(typeid(Plain).name());
      if constexpr (is_boost<Plain>) {
        add("serialize");
      } else if constexpr (is_bytes<Plain> && !Parts<Plain>::known) {
        add(sizeof(Plain));
        add(alignof(Plain));
        if constexpr (std::is_class_v<Plain> && std::is_aggregate_v<Plain>) {
          for (const std::string_view field : Fields<Plain>::names()) add(field);
        }
      } else {
        describe_parts(static_cast<Plain*>(nullptr));
      }
    }
  }

 private:
  void add_byte(unsigned byte) { hash_ = (hash_ ^ byte) * 0x100'0000'01b3; }
  void add(std::size_t number) {
    add(std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
  }

  // What the templates of the standard library are made of, but for allocators, comparisons and the like.
  template <class T>
  void describe_part() {
    if constexpr (!std::is_empty_v<T> && can_travel<T>()) describe<T>();
  }
  template <template <class...> class Template, class... T>
  void describe_parts(Template<T...>*) {
    (describe_part<T>(), ...);
  }
  template <class T, std::size_t n>
  void describe_parts(std::array<T, n>*) {
    describe_part<T>();
  }
  template <class T, std::size_t n>
  void describe_parts(T (*)[n]) {
    describe_part<T>();
  }
  template <std::size_t n>
  void describe_parts(std::bitset<n>*) {}

  std::uint64_t hash_ = 0xcbf2'9ce4'8422'2325;
};

template <class T>
std::uint64_t shape_of() {
  static const std::uint64_t hash = [] {
    Shape shape;
    shape.describe<T>();
    return shape.hash();
  }();
  return hash;
}

}  // namespace rondo::detail
