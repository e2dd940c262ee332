// How the containers of the standard library travel, nested at will.
//
// A container is its count in 64 bits, then its elements in their order; a run of elements that travel as
// bytes is one block. Reading reuses what memory the container has where it can.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <forward_list>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <rondo/detail/codec.hpp>

namespace rondo::detail {

inline constexpr std::size_t kCountSize = sizeof(std::uint64_t);

// The elements of a message as a random access range, at any address: a vector made from it initialises its
// memory once, with them, rather than with zeros first.
template <class T>
class Unaligned {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using pointer = const T*;
  using reference = T;

  explicit Unaligned(const std::byte* at) : at_(at) {}
  T operator*() const {
    alignas(T) std::byte copy[sizeof(T)];
    std::memcpy(copy, at_, sizeof(T));
    return std::move(*std::launder(reinterpret_cast<T*>(copy)));
  }
  Unaligned& operator++() { return at_ += sizeof(T), *this; }
  Unaligned operator++(int) { return Unaligned(std::exchange(at_, at_ + sizeof(T))); }
  Unaligned& operator--() { return at_ -= sizeof(T), *this; }
  Unaligned& operator+=(std::ptrdiff_t n) { return at_ += n * std::ptrdiff_t(sizeof(T)), *this; }
  friend Unaligned operator+(Unaligned a, std::ptrdiff_t n) { return a += n; }
  friend std::ptrdiff_t operator-(Unaligned a, Unaligned b) {
    return (a.at_ - b.at_) / std::ptrdiff_t(sizeof(T));
  }
  friend bool operator==(Unaligned, Unaligned) = default;
  friend auto operator<=>(Unaligned, Unaligned) = default;

 private:
  const std::byte* at_;
};

// Replaces the elements of a vector or string by the next `count` of the message.
template <class Row>
void assign_block(Reader& in, Row& row, std::size_t count) {
  using T = typename Row::value_type;
  const std::byte* from = in.block(count * sizeof(T));
  if constexpr (std::is_trivially_default_constructible_v<T>) {
    if (row.size() == count || copies_slowly(row.data(), from, count * sizeof(T))) {
      row.resize(count);
      copy(row.data(), from, count * sizeof(T));
      return;
    }
  }
  if constexpr (!std::is_copy_assignable_v<T>) {
    row = Row(Unaligned<T>(from), Unaligned<T>(from + count * sizeof(T)), row.get_allocator());
  } else if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) == 0) {
    const T* first = reinterpret_cast<const T*>(from);
    row.assign(first, first + count);
  } else {
    row.assign(Unaligned<T>(from), Unaligned<T>(from + count * sizeof(T)));
  }
}

// --- Sequences.

template <class Sequence>
struct SequenceCodec {
  using T = typename Sequence::value_type;
  static constexpr bool known = true;
  static consteval bool travels() { return can_travel<T>(); }
  static consteval std::size_t smallest() { return kCountSize; }

  template <class Out>
  static void write(Out& out, const Sequence& value) {
    encode_count(out, static_cast<std::size_t>(std::distance(value.begin(), value.end())),
                 detail::smallest<T>());
    for (const T& element : value) encode_item(out, element);
  }
  static void read(Reader& in, Sequence& value) {
    const std::size_t count = decode_count(in, detail::smallest<T>());
    if constexpr (std::is_default_constructible_v<T>) {
      if constexpr (std::is_move_constructible_v<T>) {
        value.resize(count);
      } else {
        value = Sequence(count);
      }
      for (T& element : value) decode(in, element);
    } else {
      value.clear();
      if constexpr (requires { value.reserve(count); })
        value.reserve(count);  // nothing moves after it was read
      for (std::size_t i = 0; i < count; ++i) {
        T element = make<T>(in);
        value.push_back(std::move(element));
        has_moved(in, value.back(), element);
      }
    }
  }
};

template <class T, class A>
struct Codec<std::vector<T, A>> : SequenceCodec<std::vector<T, A>> {
  template <class Out>
  static void write(Out& out, const std::vector<T, A>& value) {
    if constexpr (is_bytes<T>) {
      encode_count(out, value.size(), sizeof(T));
      encode_row(out, value.data(), value.size());
    } else {
      SequenceCodec<std::vector<T, A>>::write(out, value);
    }
  }
  static void read(Reader& in, std::vector<T, A>& value) {
    if constexpr (is_bytes<T>) {
      assign_block(in, value, decode_count(in, sizeof(T)));
    } else {
      SequenceCodec<std::vector<T, A>>::read(in, value);
    }
  }
};
template <class T, class A>
struct Codec<std::deque<T, A>> : SequenceCodec<std::deque<T, A>> {};
template <class T, class A>
struct Codec<std::list<T, A>> : SequenceCodec<std::list<T, A>> {};
template <class T, class A>
struct Codec<std::forward_list<T, A>> : SequenceCodec<std::forward_list<T, A>> {
  static void read(Reader& in, std::forward_list<T, A>& value) {
    const std::size_t count = decode_count(in, smallest<T>());
    value.clear();
    auto last = value.before_begin();
    for (std::size_t i = 0; i < count; ++i) {
      T element = make<T>(in);
      last = value.insert_after(last, std::move(element));
      has_moved(in, *last, element);
    }
  }
};

template <class A>
struct Codec<std::vector<bool, A>> {
  static constexpr bool known = true;
  static consteval bool travels() { return true; }
  static consteval std::size_t smallest() { return kCountSize; }

  template <class Out>
  static void write(Out& out, const std::vector<bool, A>& value) {
    encode_count(out, value.size(), 1);
    auto bit = value.begin();
    for (std::size_t left = value.size(); left != 0;) {
      const std::size_t taken = left < 64 ? left : 64;
      std::uint64_t word = 0;
      for (std::size_t i = 0; i < taken; ++i, ++bit) word |= std::uint64_t{*bit} << i;
      out.block(&word, sizeof word);
      left -= taken;
    }
  }
  static void read(Reader& in, std::vector<bool, A>& value) {
    const auto bits = in.number<std::uint64_t>();
    if (bits > in.left() * std::uint64_t{8}) in.damaged("a count of bits");
    value.resize(static_cast<std::size_t>(bits));
    auto bit = value.begin();
    for (std::size_t left = value.size(); left != 0;) {
      const std::size_t taken = left < 64 ? left : 64;
      const auto word = in.number<std::uint64_t>();
      for (std::size_t i = 0; i < taken; ++i, ++bit) *bit = ((word >> i) & 1) != 0;
      left -= taken;
    }
  }
};

template <class C, class Traits, class A>
struct Codec<std::basic_string<C, Traits, A>> {
  using String = std::basic_string<C, Traits, A>;
  static constexpr bool known = true;
  static consteval bool travels() { return is_bytes<C>; }
  static consteval std::size_t smallest() { return kCountSize; }

  template <class Out>
  static void write(Out& out, const String& value) {
    encode_count(out, value.size(), sizeof(C));
    encode_row(out, value.data(), value.size());
  }
  static void read(Reader& in, String& value) { assign_block(in, value, decode_count(in, sizeof(C))); }
};

// --- Sorted sets and maps: elements come in order, so each goes to the end at once.

template <class Set>
struct SetCodec {
  using K = typename Set::key_type;
  static constexpr bool known = true;
  static consteval bool travels() { return can_travel<K>(); }
  static consteval std::size_t smallest() { return kCountSize; }

  template <class Out>
  static void write(Out& out, const Set& value) {
    encode_count(out, value.size(), detail::smallest<K>());
    for (const K& key : value) encode_item(out, key);
  }
  static void read(Reader& in, Set& value) {
    const std::size_t count = decode_count(in, detail::smallest<K>());
    value.clear();
    for (std::size_t i = 0; i < count; ++i) insert(in, value);
  }
  static void insert(Reader& in, Set& value) {
    K key = make<K>(in);
    const auto place = value.emplace_hint(value.end(), std::move(key));
    has_moved(in, *place, key);
  }
};
template <class K, class C, class A>
struct Codec<std::set<K, C, A>> : SetCodec<std::set<K, C, A>> {};
template <class K, class C, class A>
struct Codec<std::multiset<K, C, A>> : SetCodec<std::multiset<K, C, A>> {};

template <class Map>
struct MapCodec {
  using K = typename Map::key_type;
  using V = typename Map::mapped_type;
  static constexpr bool known = true;
  static consteval bool travels() { return can_travel<K>() && can_travel<V>(); }
  static consteval std::size_t smallest() { return kCountSize; }
  static consteval std::size_t smallest_entry() { return detail::smallest<K>() + detail::smallest<V>(); }

  template <class Out>
  static void write_entry(Out& out, const typename Map::value_type& entry) {
    encode_item(out, entry.first);
    encode_item(out, entry.second);
  }
  template <class Out>
  static void write(Out& out, const Map& value) {
    encode_count(out, value.size(), smallest_entry());
    for (const auto& entry : value) write_entry(out, entry);
  }
  static void read(Reader& in, Map& value) {
    const std::size_t count = decode_count(in, smallest_entry());
    value.clear();
    for (std::size_t i = 0; i < count; ++i) insert(in, value);
  }
  static void insert(Reader& in, Map& value) {
    K key = make<K>(in);
    if constexpr (std::is_default_constructible_v<V>) {
      const auto place = value.emplace_hint(value.end(), std::piecewise_construct,
                                            std::forward_as_tuple(std::move(key)), std::forward_as_tuple());
      has_moved(in, place->first, key);
      decode(in, place->second);
    } else {
      V mapped = make<V>(in);
      const auto place = value.emplace_hint(value.end(), std::move(key), std::move(mapped));
      has_moved(in, place->second, mapped);
    }
  }
};
template <class K, class V, class C, class A>
struct Codec<std::map<K, V, C, A>> : MapCodec<std::map<K, V, C, A>> {};
template <class K, class V, class C, class A>
struct Codec<std::multimap<K, V, C, A>> : MapCodec<std::multimap<K, V, C, A>> {};

// --- Hashed sets and maps.
//
// The copy iterates in the order of the original (a sum over it rounds alike on whatever rank it is): it gets
// as many buckets, and the elements from the last to the first, as a hash table puts a new element before its
// bucket's others and a new bucket before all. The number of buckets and their load stand beside a check, because
// memory is taken by them.

template <class Table, class Elements>
struct HashedCodec : Elements {
  template <class Out>
  static void write(Out& out, const Table& value) {
    encode_count(out, value.size(), smallest_element());
    const std::uint64_t buckets = value.bucket_count();
    const float load = value.max_load_factor();
    const std::uint32_t check = check_of(buckets, std::bit_cast<std::uint32_t>(load));
    out.block(&buckets, sizeof buckets);
    out.block(&load, sizeof load);
    out.block(&check, sizeof check);
    std::vector<const typename Table::value_type*> order;
    order.reserve(value.size());
    for (const auto& element : value) order.push_back(std::addressof(element));
    for (auto element = order.rbegin(); element != order.rend(); ++element) write_element(out, **element);
  }
  static void read(Reader& in, Table& value) {
    const std::size_t count = decode_count(in, smallest_element());
    const auto buckets = in.number<std::uint64_t>();
    const auto load = in.number<float>();
    if (in.number<std::uint32_t>() != check_of(buckets, std::bit_cast<std::uint32_t>(load))) {
      in.damaged("a number of buckets");
    }
    Table fresh(0, value.hash_function(), value.key_eq(), value.get_allocator());
    if (std::bit_cast<std::uint32_t>(load) != std::bit_cast<std::uint32_t>(fresh.max_load_factor()))
      fresh.max_load_factor(load);
    if (buckets > 1) fresh.rehash(static_cast<std::size_t>(buckets));
    for (std::size_t i = 0; i < count; ++i) Elements::insert(in, fresh);
    value = std::move(fresh);
  }

 private:
  static consteval std::size_t smallest_element() {
    if constexpr (requires { Elements::smallest_entry(); }) {
      return Elements::smallest_entry();
    } else {
      return detail::smallest<typename Table::key_type>();
    }
  }
  template <class Out>
  static void write_element(Out& out, const typename Table::value_type& element) {
    if constexpr (requires { Elements::write_entry(out, element); }) {
      Elements::write_entry(out, element);
    } else {
      encode_item(out, element);
    }
  }
};
template <class K, class H, class E, class A>
struct Codec<std::unordered_set<K, H, E, A>>
    : HashedCodec<std::unordered_set<K, H, E, A>, SetCodec<std::unordered_set<K, H, E, A>>> {};
template <class K, class H, class E, class A>
struct Codec<std::unordered_multiset<K, H, E, A>>
    : HashedCodec<std::unordered_multiset<K, H, E, A>, SetCodec<std::unordered_multiset<K, H, E, A>>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_map<K, V, H, E, A>>
    : HashedCodec<std::unordered_map<K, V, H, E, A>, MapCodec<std::unordered_map<K, V, H, E, A>>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_multimap<K, V, H, E, A>>
    : HashedCodec<std::unordered_multimap<K, V, H, E, A>, MapCodec<std::unordered_multimap<K, V, H, E, A>>> {
};

}  // namespace rondo::detail
