// What the members of an aggregate are, found at compile time by trying what its braces take.
//
// A probe is a class that converts to some types only. If T{any, any, probe} compiles, the third member is of such a type. A
// member that is an array counts as its elements, because its braces may be left out.
//
// Seen are the first 64 members, where an array of numbers is one member and an array of classes is its elements, and no more
// than 1024 elements in all. Members behind these, and members that can be made from anything, are unknown.
#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

namespace rondo::detail {

// Never called: they have bodies because some compilers want one for a type that only one file knows.
struct AnyProbe {
  template <class Y>
  operator Y() const {
    __builtin_unreachable();
  }
};
struct ClassProbe {
  template <class Y>
  requires(std::is_class_v<Y> || std::is_union_v<Y>) operator Y() const { __builtin_unreachable(); }
};
struct ReferenceProbe {
  template <class Y>
  operator Y&() const {
    __builtin_unreachable();
  }
};
struct ConstReferenceProbe {
  template <class Y>
  requires(std::is_const_v<Y>) operator Y&() const { __builtin_unreachable(); }
};
template <class Property>
struct PropertyProbe {
  template <class Y>
  requires(Property::template holds<Y>()) operator Y() const { __builtin_unreachable(); }
};
template <class Property>
struct ClassPropertyProbe {
  template <class Y>
  requires((std::is_class_v<Y> || std::is_union_v<Y>)&&Property::template holds<Y>()) operator Y() const {
    __builtin_unreachable();
  }
};
struct NoProbe {};  // only a constructor that takes anything takes this

template <class T, class... Probes>
concept BeginsWith = requires {
  T{std::declval<Probes>()...};
};
// A member comes after these, whatever it can be made from.
template <class T, class... Probes>
concept GoesOnAfter = requires {
  T{std::declval<Probes>()..., {}};
}
|| requires { T{std::declval<Probes>()..., {std::declval<AnyProbe>()}}; };

enum class Found {
  yes,
  no,
  unknown,  // some members cannot be seen, and none of the others has the property
};

// Whether any member of the aggregate T has a property: Property::holds<Member>(). A reference has any property.
//
// Braces may be left out around the members of a member too. So a class that has not the property, but a member of a class
// that has it, counts as having it.
template <class T, class Property>
class FieldSearch {
  static constexpr std::size_t kStepsMost = 64;
  static constexpr std::size_t kElementsMost = 1024;
  static constexpr std::size_t kGivenMost = 32;

  template <class...>
  struct List {};
  template <std::size_t, class Probe>
  struct Repeated {
    using type = Probe;
  };

 public:
  static consteval Found result() {
    constexpr Found found = after<0>();
    // A member that has to be given (a reference, a class without default constructor) lets no shorter list compile.
    if constexpr (found == Found::unknown && !BeginsWith<T, AnyProbe>) {
      return among_all(std::make_index_sequence<kGivenMost>());
    } else {
      return found;
    }
  }

 private:
  // One member after the other.
  template <std::size_t steps, class... Before>
  static consteval Found after() {
    if constexpr (steps == kStepsMost || sizeof...(Before) > kElementsMost) {
      return GoesOnAfter<T, Before...> ? Found::unknown : Found::no;
    } else if constexpr (BeginsWith<T, Before..., NoProbe>) {
      return Found::unknown;
    } else if constexpr (BeginsWith<T, Before..., ConstReferenceProbe>) {
      return Found::yes;
    } else if constexpr (BeginsWith<T, Before..., ClassProbe>) {
      if constexpr (BeginsWith<T, Before..., ClassPropertyProbe<Property>>) {
        return Found::yes;
      } else {
        return after<steps + 1, Before..., AnyProbe>();
      }
    } else if constexpr (BeginsWith<T, Before..., AnyProbe>) {
      if constexpr (BeginsWith<T, Before..., PropertyProbe<Property>>) {
        return Found::yes;
      } else {
        constexpr std::size_t count = elements_from<1, Before...>();
        return skip<steps + 1, Before...>(std::make_index_sequence<count>());
      }
    } else if constexpr (GoesOnAfter<T, Before...> || (sizeof...(Before) == 0 && !std::is_empty_v<T>)) {
      return Found::unknown;
    } else {
      return BeginsWith<T, Before..., ReferenceProbe> ? Found::yes : Found::no;
    }
  }
  template <std::size_t steps, class... Before, std::size_t... i>
  static consteval Found skip(std::index_sequence<i...>) {
    return after<steps, Before..., typename Repeated<i, AnyProbe>::type...>();
  }

  // The elements of the array that comes next: at least `few`. A member that is no array and no class has one.
  template <std::size_t few, class... Before>
  static consteval std::size_t elements_from() {
    if constexpr (few > kElementsMost) {
      return few;
    } else if constexpr (has_elements<Before...>(std::make_index_sequence<2 * few>())) {
      return elements_from<2 * few, Before...>();
    } else {
      return elements_between<few, 2 * few, Before...>();
    }
  }
  template <std::size_t few, std::size_t many, class... Before>
  static consteval std::size_t elements_between() {
    if constexpr (many - few <= 1) {
      return few;
    } else {
      constexpr std::size_t middle = few + (many - few) / 2;
      if constexpr (has_elements<Before...>(std::make_index_sequence<middle>())) {
        return elements_between<middle, many, Before...>();
      } else {
        return elements_between<few, middle, Before...>();
      }
    }
  }
  template <class... Before, std::size_t... i>
  static consteval bool has_elements(std::index_sequence<i...>) {
    return requires {
      T{std::declval<Before>()..., {std::declval<typename Repeated<i, AnyProbe>::type>()...}};
    };
  }

  // All members at once.
  template <std::size_t... i>
  static consteval Found among_all(std::index_sequence<i...> all) {
    if constexpr (BeginsWith<T, typename Repeated<i, ReferenceProbe>::type...>) {
      return (has_at<i>(all) || ...) ? Found::yes : Found::unknown;
    } else if constexpr (sizeof...(i) == 1) {
      return Found::unknown;
    } else {
      return among_all(std::make_index_sequence<sizeof...(i) - 1>());
    }
  }
  template <std::size_t at, std::size_t... i>
  static consteval bool has_at(std::index_sequence<i...> all) {
    return !takes<at, NoProbe>(all) && (takes<at, PropertyProbe<Property>>(all) ||
                                        takes<at, ConstReferenceProbe>(all) || !takes<at, AnyProbe>(all));
  }
  template <std::size_t at, class Probe, std::size_t... i>
  static consteval bool takes(std::index_sequence<i...>) {
    return BeginsWith<T, std::conditional_t<i == at, Probe, ReferenceProbe>...>;
  }
};

}  // namespace rondo::detail
