// How the owning pointers of the standard library travel.
//
// A pointer to a class with a serialize() goes through Boost, which finds the most derived class and knows
// the object again if another pointer of the message has it too. Boost has no way for what they own else (a
// vector, a number), so that is here: there or not there for unique_ptr, numbered for shared_ptr.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/serialization/shared_ptr.hpp>

#include <rondo/detail/archive.hpp>
#include <rondo/detail/codec.hpp>

namespace rondo::detail {

template <class T>
consteval bool owned_by_boost() {
  return way_of<std::remove_cv_t<T>*>() == Way::boost;
}

template <class T>
struct OwnerParts {
  static constexpr bool known = true;
  static consteval bool travels() { return owned_by_boost<T>() || can_travel<std::remove_cv_t<T>>(); }
};

// A new object for an owner, read in place where it can be.
template <class Plain>
std::unique_ptr<Plain> make_owned(Reader& in) {
  if constexpr (std::is_default_constructible_v<Plain>) {
    auto made = std::make_unique<Plain>();
    decode(in, *made);
    return made;
  } else {
    return std::make_unique<Plain>(make<Plain>(in));
  }
}

template <class T>
struct Codec<std::unique_ptr<T>> : OwnerParts<T> {
  using Plain = std::remove_cv_t<T>;
  static consteval std::size_t smallest() { return owned_by_boost<T>() ? 0 : 1; }

  template <class Out>
  static void write(Out& out, const std::unique_ptr<T>& value) {
    if constexpr (owned_by_boost<T>()) {
      const Plain* const pointer = value.get();
      out.archive() << pointer;
    } else {
      const unsigned char has = value != nullptr ? 1 : 0;
      out.block(&has, 1);
      if (value) encode_item(out, *value);
    }
  }
  static void read(Reader& in, std::unique_ptr<T>& value) {
    value.reset();
    if constexpr (owned_by_boost<T>()) {
      Plain* pointer = nullptr;
      in.archive() >> pointer;
      value.reset(pointer);
    } else {
      const auto has = in.number<unsigned char>();
      if (has > 1) in.damaged("the tag of a unique_ptr");
      if (has != 0) value = make_owned<Plain>(in);
    }
  }
};

template <class T>
struct Codec<std::shared_ptr<T>> : OwnerParts<T> {
  using Plain = std::remove_cv_t<T>;
  static consteval std::size_t smallest() { return owned_by_boost<T>() ? 0 : sizeof(std::uint32_t); }

  template <class Out>
  static void write(Out& out, const std::shared_ptr<T>& value) {
    if constexpr (owned_by_boost<T>()) {
      const auto pointer = std::const_pointer_cast<Plain>(value);
      out.archive().save_by_boost(pointer);
    } else {
      const Shared shared = out.archive().number_of(value.get(), typeid(Plain));
      out.block(&shared.number, sizeof shared.number);
      if (shared.is_new) encode_item(out, *value);
    }
  }
  static void read(Reader& in, std::shared_ptr<T>& value) {
    value.reset();
    if constexpr (owned_by_boost<T>()) {
      std::shared_ptr<Plain> pointer;
      in.archive().load_by_boost(pointer);
      value = std::move(pointer);
    } else {
      const auto number = in.number<std::uint32_t>();
      if (number == 0) return;
      if (in.archive().is_new(number)) {
        std::shared_ptr<Plain> made = make_owned<Plain>(in);
        in.archive().remember(number, made, typeid(Plain));
        value = std::move(made);
      } else {
        value = std::static_pointer_cast<Plain>(in.archive().shared(number, typeid(Plain)));
      }
    }
  }
};

}  // namespace rondo::detail
