// Writes and reads one value, by the way of its type.
//
// encode and decode mirror each other: decode reads into an object that exists. Elements of containers are
// new objects: encode_item and make mirror each other, and differ from the first two only for types that cannot
// be default constructed (there Boost's save_construct_data and load_construct_data have their say).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include <boost/serialization/detail/stack_constructor.hpp>
#include <boost/serialization/version.hpp>

#include <rondo/detail/cursor.hpp>
#include <rondo/detail/gaps.hpp>
#include <rondo/detail/travel.hpp>

namespace rondo::detail {

template <class T>
consteval bool explain();

// The first part of a container that cannot travel is the one that is told.
template <class T, class... More>
consteval bool explain_first_of() {
  if constexpr (!std::is_empty_v<T> && !can_travel<T>()) {
    return explain<T>();
  } else if constexpr (sizeof...(More) > 0) {
    return explain_first_of<More...>();
  } else {
    static_assert(!std::is_same_v<T, T>, "rondo: a part of this type cannot travel");
    return false;
  }
}
template <class T>
struct PartsOf {
  static consteval bool explained() { return explain_first_of<std::allocator<T>>(); }
};
template <template <class...> class Template, class... T>
struct PartsOf<Template<T...>> {
  static consteval bool explained() { return explain_first_of<T...>(); }
};
template <class T, std::size_t n>
struct PartsOf<std::array<T, n>> {
  static consteval bool explained() { return explain_first_of<T>(); }
};
template <class T, std::size_t n>
struct PartsOf<T[n]> {
  static consteval bool explained() { return explain_first_of<T>(); }
};

// Whether a value of this type can be sent. If not, an error says why, and what would do.
template <class T>
consteval bool explain() {
  constexpr Way way = way_of<T>();
  static_assert(
      way != Way::reference,
      "rondo: this type refers to memory of its process (a view, a reference, or a pointer to something "
      "without serialize()) and cannot travel; send what it refers to");
  static_assert(way != Way::member,
                "rondo: this class has a pointer, a reference or a view among its members, which would mean "
                "nothing in the "
                "memory of another process; give the class a serialize(Archive&, unsigned) that sends what "
                "they refer to "
                "(or specialise rondo::travels_as_bytes for it, if the bytes alone are what you mean)");
  static_assert(
      way != Way::unknown,
      "rondo: this type does not say how it travels; give it a serialize(Archive&, unsigned), or make it "
      "trivially copyable (if it is already and its copies are meant, specialise rondo::travels_as_bytes)");
  static_assert(
      way != Way::unsized,
      "rondo: a unique_ptr<T[]>, a shared_ptr<T[]> or a T[] does not tell how long its array is, so it "
      "cannot travel; use a std::vector<T>");
  if constexpr (way == Way::container && !can_travel<T>()) {
    return PartsOf<std::remove_cv_t<T>>::explained();
  } else {
    return can_travel<T>();
  }
}

template <class T>
inline constexpr bool is_bytes = way_of<T>() == Way::bytes;
template <class T>
inline constexpr bool is_boost = way_of<T>() == Way::boost;

// Objects in a row that travel as bytes.
template <class Out, class T>
void encode_bytes(Out& out, const T* first, std::size_t count) {
  if constexpr (std::is_same_v<Out, Writer> && Gaps<T>::any) {
    Gaps<T>::clear(out.block(first, count * sizeof(T)), count);
  } else {
    out.block(first, count * sizeof(T));
  }
}

template <class Out, class T>
void encode(Out& out, const T& value) {
  if constexpr (explain<T>()) {
    if constexpr (is_bytes<T> && std::is_empty_v<T>) {
      out.fill(
          1);  // its one byte may be the first byte of something else (a base class), so it is not touched
    } else if constexpr (is_bytes<T>) {
      encode_bytes(out, std::addressof(value), 1);
    } else if constexpr (is_boost<T>) {
      out.archive() << value;
    } else {
      Codec<T>::write(out, value);
    }
  }
}

template <class T>
void decode(Reader& in, T& value) {
  static_assert(!std::is_const_v<T>, "rondo: cannot read into a const object");
  if constexpr (explain<T>()) {
    if constexpr (std::is_same_v<T, bool>) {
      value =
          in.number<unsigned char>() != 0;  // a bool with another value than 0 and 1 is undefined behaviour
    } else if constexpr (is_bytes<T> && std::is_empty_v<T>) {
      in.skip(1);
    } else if constexpr (is_bytes<T>) {
      in.block(static_cast<void*>(std::addressof(value)), sizeof(T));
    } else if constexpr (is_boost<T>) {
      in.archive() >> value;
    } else {
      Codec<T>::read(in, value);
    }
  }
}

template <class T>
concept MakesItself = requires(Reader& in) {
  Codec<T>::make(in);
};

template <class Out, class T>
void encode_item(Out& out, const T& value) {
  if constexpr (!std::is_default_constructible_v<T> && is_boost<T>) {
    boost::serialization::save_construct_data_adl(out.archive(), std::addressof(value),
                                                  boost::serialization::version<T>::value);
    encode(out, value);
  } else if constexpr (!std::is_default_constructible_v<T> && MakesItself<T>) {
    Codec<T>::write_item(out, value);
  } else {
    encode(out, value);
  }
}

template <class T>
void has_moved(Reader& in, const T& to, const T& from) {
  if constexpr (is_boost<T> && !std::is_pointer_v<T>) {
    in.has_moved(std::addressof(to), std::addressof(from));
  }
}

template <class T>
T make(Reader& in) {
  if constexpr (std::is_default_constructible_v<T>) {
    T value{};
    decode(in, value);
    return value;
  } else if constexpr (is_bytes<T>) {
    union Place {  // NOLINT: holds a T whose bytes are all that there is to it
      Place() {}
      ~Place() {}
      T value;
    } place;
    in.block(static_cast<void*>(std::addressof(place.value)), sizeof(T));
    return std::move(place.value);
  } else if constexpr (is_boost<T>) {
    boost::serialization::detail::stack_construct<InputArchive, T> made(
        in.archive(), boost::serialization::version<T>::value);
    decode(in, made.reference());
    T value(std::move(made.reference()));
    has_moved(in, value, made.reference());
    return value;
  } else {
    static_assert(MakesItself<T>,
                  "rondo: an element of a container needs a default constructor, or "
                  "load_construct_data as Boost.Serialization documents it");
    return Codec<T>::make(in);
  }
}

// --- Runs of elements.

// Elements that may take no bytes at all (a class whose serialize() writes nothing) get one each beside the
// count, so that a damaged count is found before memory is taken for it.
template <class Out>
void encode_count(Out& out, std::size_t count, std::size_t smallest) {
  const std::uint64_t elements = count;
  out.block(&elements, sizeof elements);
  if (smallest == 0) out.fill(count);
}
inline std::size_t decode_count(Reader& in, std::size_t smallest) {
  const std::size_t count = in.count(smallest == 0 ? 1 : smallest);
  if (smallest == 0) in.skip(count);
  return count;
}

// `count` existing elements in a row, without their count.
template <class Out, class T>
void encode_row(Out& out, const T* first, std::size_t count) {
  if constexpr (is_bytes<T>) {
    encode_bytes(out, first, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) encode(out, first[i]);
  }
}
template <class T>
void decode_row(Reader& in, T* first, std::size_t count) {
  if constexpr (is_bytes<T>) {
    if (count > in.left() / sizeof(T)) in.skip(SIZE_MAX);
    in.block(static_cast<void*>(first), count * sizeof(T));
  } else {
    for (std::size_t i = 0; i < count; ++i) decode(in, first[i]);
  }
}

}  // namespace rondo::detail
