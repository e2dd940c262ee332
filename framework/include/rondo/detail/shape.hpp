// What a type looks like to a reader of its bytes, as a number: two types that are read differently differ in it (as far
// as is said below), and equal programs make equal numbers. It guards checkpoints.
//
// A Shape is an archive that loads nothing: serialize() runs once, on a default-made object, with an archive of zeros,
// empty containers and default-made pointees, and what it asks for is noted, in its order:
// - the names of types, as far down as they can be seen;
// - numbers and other types that travel as bytes: size and alignment, and of an aggregate the types of its first 32
//   numbers, in their order;
// - containers, optional, variant, owning pointers: what they may hold, not what they do hold;
// - classes with a serialize(): what it asks for.
// Not seen: fields of a trivially copyable class that has private ones (its name and size are); two fields of one type
// that change places; names of fields; parts of a serialize() that it leaves out where it reads zeros; the classes behind a
// pointer to an abstract one; a class that is held in a container and has no default constructor (its name is noted);
// anything after the first kPartsMost parts, or after an exception.
//
// A class whose BOOST_CLASS_VERSION is above 0 counts by its name alone: its serialize() says which versions it can read.
// That is also the way out for one that cannot bear zeros.
#pragma once

#include <array>
#include <bitset>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <boost/mpl/bool.hpp>
#include <boost/serialization/binary_object.hpp>
#include <boost/serialization/nvp.hpp>
#include <boost/serialization/version.hpp>

#include <rondo/detail/archive.hpp>
#include <rondo/detail/codec.hpp>
#include <rondo/detail/containers.hpp>
#include <rondo/detail/owners.hpp>
#include <rondo/detail/products.hpp>

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

template <class T>
inline constexpr bool is_nvp = false;
template <class T>
inline constexpr bool is_nvp<boost::serialization::nvp<T>> = true;

template <class T>
inline constexpr bool is_owner = false;
template <class T>
inline constexpr bool is_owner<std::unique_ptr<T>> = true;
template <class T>
inline constexpr bool is_owner<std::shared_ptr<T>> = true;

class Shape {
 public:
  static constexpr std::size_t kPartsMost = 10'000;

  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  // The type of the object that `make` makes.
  template <class T, class Make>
  void note_object(const Make& make) {
    guarded([&] {
      const auto object = std::unique_ptr<T>(new T(make()));
      note(*object);
    });
  }
  template <class T>
  void note_type() {
    guarded([&] { describe<T>(); });
  }

  // --- What a serialize() may want of an archive that it loads from.
  using is_loading = boost::mpl::true_;
  using is_saving = boost::mpl::false_;

  template <class T>
  Shape& operator>>(T&& value) {
    note(const_cast<std::remove_cvref_t<T>&>(value));  // as Boost does, for its wrappers
    return *this;
  }
  template <class T>
  Shape& operator&(T&& value) {
    return *this >> std::forward<T>(value);
  }
  void load_binary(void* data, std::size_t size) {
    add("binary");
    std::memset(data, 0, size);
  }
  template <class T>
  void register_type(const T* = nullptr) {}
  void reset_object_address(const void*, const void*) {}
  [[nodiscard]] unsigned get_library_version() const { return 0; }
  [[nodiscard]] unsigned get_flags() const { return 0; }

 private:
  struct Enough {};

  template <class Function>
  void guarded(const Function& noting) {
    try {
      noting();
    } catch (...) {
      add_uncounted("...");  // zeros are too little for it, and will be the next time
    }
  }
  void add_uncounted(std::string_view text) {  // FNV-1a
    for (const char c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100'0000'01b3;
    hash_ = (hash_ ^ 0xff) * 0x100'0000'01b3;
  }
  void add(std::string_view text) {
    if (++parts_ > kPartsMost) throw Enough{};
    add_uncounted(text);
  }
  void add(std::size_t number) {
    add(std::string_view(reinterpret_cast<const char*>(&number), sizeof number));
  }

  // An object that is there: it gets zeros, as what comes next may depend on it.
  template <class T>
  void note(T& value) {
    if constexpr (is_array_wrapper<T>) {
      describe<std::remove_cvref_t<decltype(*value.address())>>();
      for (std::size_t i = 0; i < value.count(); ++i) clear(value.address()[i]);
    } else if constexpr (is_nvp<T>) {
      note(value.value());
    } else if constexpr (std::is_same_v<T, boost::serialization::binary_object>) {
      load_binary(const_cast<void*>(value.m_t), value.m_size);
    } else if constexpr (std::is_pointer_v<T>) {
      describe<T>();
      value = made<std::remove_pointer_t<T>>().release();
    } else if constexpr (is_boost<T>) {
      add(typeid(T).name());
      read(value);
    } else {
      describe<T>();
      clear(value);
    }
  }

  template <class T>
  void clear(T& value) {
    if constexpr (is_bytes<T>) {
      if constexpr (!std::is_empty_v<T>)
        std::memset(static_cast<void*>(std::addressof(value)), 0, sizeof value);
    } else if constexpr (is_owner<T>) {
      value = made<typename T::element_type>();
    }
  }

  // For who goes on with what it has read. Nothing inside an object of the same type: that has no end.
  template <class T>
  std::unique_ptr<std::remove_cv_t<T>> made() {
    using Plain = std::remove_cv_t<T>;
    if constexpr (std::is_default_constructible_v<Plain> && std::is_destructible_v<Plain>) {
      if (!inside_.contains(typeid(Plain))) return std::make_unique<Plain>();
    }
    return nullptr;
  }

  template <class T>
  void read(T& value) {
    constexpr unsigned kVersion = boost::serialization::version<T>::value;
    if constexpr (kVersion == 0 && has_serialize<T>())
      boost::serialization::serialize_adl(*this, value, kVersion);
  }

  // A type of which there is no object.
  template <class T>
  void describe() {
    using Plain = std::remove_cv_t<T>;
    add(typeid(Plain).name());
    if constexpr (std::is_pointer_v<Plain>) {
      describe<std::remove_pointer_t<Plain>>();
    } else if constexpr (is_boost<Plain>) {
      describe_class<Plain>();
    } else if constexpr (is_bytes<Plain>) {
      add(sizeof(Plain));
      add(alignof(Plain));
      if constexpr (Parts<Plain>::known) {
        describe_parts(static_cast<Plain*>(nullptr));
      } else if constexpr (std::is_class_v<Plain> && std::is_aggregate_v<Plain>) {
        for (const std::string_view field : Fields<Plain>::names()) add(field);
      }
    } else {
      describe_parts(static_cast<Plain*>(nullptr));
    }
  }
  template <class T>
  void describe_class() {
    const bool is_new = inside_.insert(typeid(T)).second;
    if (!is_new) return;
    if constexpr (std::is_default_constructible_v<T> && std::is_destructible_v<T>) {
      guarded([&] { read(*std::make_unique<T>()); });
    }
    inside_.erase(typeid(T));
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
  std::size_t parts_ = 0;
  std::set<std::type_index> inside_;  // types that are being described
};

template <class T>
std::uint64_t shape_of() {
  static const std::uint64_t hash = [] {
    Shape shape;
    shape.note_type<T>();
    return shape.hash();
  }();
  return hash;
}

}  // namespace rondo::detail
