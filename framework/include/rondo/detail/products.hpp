// How arrays, pairs, tuples, optionals and variants travel: part by part, where they are not bytes
// altogether.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include <rondo/detail/codec.hpp>

namespace rondo::detail {

template <class T, std::size_t n>
struct RowCodec {
  static constexpr bool known = true;
  static consteval bool travels() { return can_travel<T>(); }
  static consteval std::size_t smallest() { return n * detail::smallest<T>(); }
};
template <class T, std::size_t n>
struct Codec<T[n]> : RowCodec<T, n> {
  template <class Out>
  static void write(Out& out, const T (&value)[n]) {
    encode_row(out, value, n);
  }
  static void read(Reader& in, T (&value)[n]) { decode_row(in, value, n); }
};
template <class T, std::size_t n>
struct Codec<std::array<T, n>> : RowCodec<T, n> {
  template <class Out>
  static void write(Out& out, const std::array<T, n>& value) {
    encode_row(out, value.data(), n);
  }
  static void read(Reader& in, std::array<T, n>& value) { decode_row(in, value.data(), n); }

  template <class Out>
  static void write_item(Out& out, const std::array<T, n>& value) {
    for (const T& element : value) encode_item(out, element);
  }
  static std::array<T, n> make(Reader& in) {
    return [&in]<std::size_t... i>(std::index_sequence<i...>) {
      return std::array<T, n>{(static_cast<void>(i), detail::make<T>(in))...};
    }
    (std::make_index_sequence<n>());
  }
};

template <class... T>
struct ProductParts {
  static constexpr bool known = true;
  static consteval bool travels() { return (can_travel<T>() && ... && true); }
  static consteval std::size_t smallest() { return (detail::smallest<T>() + ... + 0); }
};
template <class A, class B>
struct Codec<std::pair<A, B>> : ProductParts<A, B> {
  using Pair = std::pair<A, B>;
  template <class Out>
  static void write(Out& out, const Pair& value) {
    encode(out, value.first);
    encode(out, value.second);
  }
  static void read(Reader& in, Pair& value) {
    decode(in, value.first);
    decode(in, value.second);
  }
  template <class Out>
  static void write_item(Out& out, const Pair& value) {
    encode_item(out, value.first);
    encode_item(out, value.second);
  }
  static Pair make(Reader& in) {
    A first = detail::make<A>(in);
    return Pair(std::move(first), detail::make<B>(in));
  }
};
template <class... T>
struct Codec<std::tuple<T...>> : ProductParts<T...> {
  using Tuple = std::tuple<T...>;
  template <class Out>
  static void write(Out& out, const Tuple& value) {
    std::apply([&](const T&... part) { (encode(out, part), ...); }, value);
  }
  static void read(Reader& in, Tuple& value) {
    std::apply([&](T&... part) { (decode(in, part), ...); }, value);
  }
  template <class Out>
  static void write_item(Out& out, const Tuple& value) {
    std::apply([&](const T&... part) { (encode_item(out, part), ...); }, value);
  }
  static Tuple make(Reader& in) { return Tuple{detail::make<T>(in)...}; }  // braces: from left to right
};

// --- Sums.

template <class T>
struct Codec<std::optional<T>> {
  static constexpr bool known = true;
  static consteval bool travels() { return can_travel<T>(); }
  static consteval std::size_t smallest() { return 1; }

  template <class Out>
  static void write(Out& out, const std::optional<T>& value) {
    const unsigned char has = value.has_value() ? 1 : 0;
    out.block(&has, 1);
    if (value) encode_item(out, *value);
  }
  static void read(Reader& in, std::optional<T>& value) {
    const auto has = in.number<unsigned char>();
    if (has > 1) in.damaged("the tag of an optional");
    value.reset();
    if (has == 0) return;
    if constexpr (std::is_default_constructible_v<T>) {
      decode(in, value.emplace());
    } else {
      T made = detail::make<T>(in);
      has_moved(in, value.emplace(std::move(made)), made);
    }
  }
};

template <class... T>
struct Codec<std::variant<T...>> {
  static constexpr bool known = true;
  static consteval bool travels() { return (can_travel<T>() && ...); }
  static consteval std::size_t smallest() { return sizeof(std::uint16_t); }

  template <class Out>
  static void write(Out& out, const std::variant<T...>& value) {
    const auto index = static_cast<std::uint16_t>(value.index());
    out.block(&index, sizeof index);
    std::visit([&out](const auto& held) { encode_item(out, held); }, value);  // throws if it holds nothing
  }
  static void read(Reader& in, std::variant<T...>& value) {
    const auto index = in.number<std::uint16_t>();
    if (index >= sizeof...(T)) in.damaged("the index of a variant");
    [&]<std::size_t... i>(std::index_sequence<i...>) { ((i == index ? read_as<i>(in, value) : void()), ...); }
    (std::index_sequence_for<T...>());
  }

 private:
  template <std::size_t i>
  static void read_as(Reader& in, std::variant<T...>& value) {
    using Held = std::variant_alternative_t<i, std::variant<T...>>;
    if constexpr (std::is_default_constructible_v<Held>) {
      decode(in, value.template emplace<i>());
    } else {
      Held made = detail::make<Held>(in);
      has_moved(in, value.template emplace<i>(std::move(made)), made);
    }
  }
};

}  // namespace rondo::detail
