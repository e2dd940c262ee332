// The archives that the serialize() of a user's class sees: Boost's machinery (versions, tracking, pointers,
// base classes) over the bytes of a message, and back to Rondo's own way for whatever needs no machinery, so
// that a class with a vector of doubles costs one copy and a constant.
//
// Made once per message and pass, when the first such class comes by. What Boost writes for itself (class
// ids, object ids, versions) stands beside a running check: Boost follows these numbers blindly when it
// reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <type_traits>
#include <typeindex>
#include <utility>
#include <vector>

#include <boost/archive/basic_archive.hpp>
#include <boost/archive/detail/common_iarchive.hpp>
#include <boost/archive/detail/common_oarchive.hpp>
#include <boost/archive/detail/iserializer.hpp>
#include <boost/archive/detail/oserializer.hpp>
#include <boost/archive/detail/register_archive.hpp>
#include <boost/serialization/array_wrapper.hpp>

#include <boost/serialization/wrapper.hpp>

#include <rondo/detail/codec.hpp>
#include <rondo/detail/descent.hpp>
#include <rondo/detail/schema.hpp>
#include <rondo/detail/shape.hpp>

#pragma GCC visibility push(default)

namespace rondo::detail {

// What Boost's own bookkeeping is made of.
template <class T>
inline constexpr bool is_token =
    std::is_base_of_v<boost::archive::class_id_type, T> ||
    std::is_base_of_v<boost::archive::object_id_type, T> || std::is_same_v<T, boost::archive::version_type> ||
    std::is_same_v<T, boost::archive::tracking_type>;
template <class T>
inline constexpr bool is_array_wrapper = false;
template <class T>
inline constexpr bool is_array_wrapper<boost::serialization::array_wrapper<T>> = true;

// Values that stand for another one, which the archive is given next.
template <class T>
inline constexpr bool stands_for_another = boost::serialization::is_wrapper<T>::type::value;
template <class T>
inline constexpr bool stands_for_another<boost::serialization::array_wrapper<T>> = false;
template <class T>
inline constexpr bool stands_for_another<std::unique_ptr<T>> = way_of<std::remove_cv_t<T>*>() == Way::boost;

// Counts as a value inside of another: a pointer and what it points to are one.
template <class T>
inline constexpr bool is_nested_value = !std::is_pointer_v<T> && !stands_for_another<std::remove_const_t<T>>;

// What a schema keeps of a T. Integers and enums of one size are alike, as a save() may write a size_t where load() reads
// an unsigned long.
template <class T>
const Item& item_of() {
  static const Item item = [] {
    using Target = std::remove_cv_t<std::remove_pointer_t<T>>;
    constexpr Make make = is_boost<T> ? Make::sequence : is_bytes<T> ? Make::leaf : Make::bag;
    Shape shape;
    if constexpr (std::is_integral_v<T> || std::is_enum_v<T>) {
      constexpr char size = sizeof(T);
      shape.add(std::string_view("integer"));
      shape.add(std::string_view(&size, 1));
    } else {
      shape.describe<T>();
    }
    constexpr unsigned version = is_boost<T> ? boost::serialization::version<Target>::value : 0;
    return Item{shape.hash(), make, typeid(Target).name(), std::is_pointer_v<T> ? "*" : "", version};
  }();
  return item;
}
template <class T>
const Item& item_of_row() {
  static const Item item{item_of<T>().type * 31 + 1, Make::bag, typeid(T).name(), "[]"};
  return item;
}
const Item& item_of_block();  // of save_binary

// Tells a recorder or a checker, if there is one, of the value that `work` saves or loads.
template <class Watch, class Work>
void watched(Watch* watch, const Item& item, const Work& work) {
  if (watch == nullptr) return work();
  watch->enter(item);
  work();
  watch->leave(item);
}

// An object that several shared_ptrs own has a number, from 1; its value follows the first one.
struct Shared {
  std::uint32_t number;
  bool is_new;
};

class OutputArchive final : public boost::archive::detail::common_oarchive<OutputArchive> {
  using Base = boost::archive::detail::common_oarchive<OutputArchive>;

 public:
  explicit OutputArchive(Counter& counter);
  explicit OutputArchive(Writer& writer);
  ~OutputArchive() override;

  void save_binary(const void* data, std::size_t size) {
    watched(recorder_, item_of_block(), [&] { save_block(data, size); });
  }
  template <class T>
  void save_array(const boost::serialization::array_wrapper<T>& array, unsigned) {
    watched(recorder_, item_of_row<std::remove_cv_t<T>>(),
            [&] { put([&array](auto& out) { encode_row(out, array.address(), array.count()); }); });
  }
  template <class T>
  void save(const T& value) {
    put([&value](auto& out) { encode(out, value); });
  }

  template <class T>
  void save_override(const T& value) {
    if constexpr (std::is_same_v<T, boost::archive::class_id_optional_type>) {
      return;
    } else if constexpr (is_token<T>) {
      save_token(static_cast<std::uint32_t>(value));
    } else if constexpr (std::is_same_v<T, boost::archive::class_name_type>) {
      save_name(value);
    } else if constexpr (is_array_wrapper<T>) {
      save_array(value, 0);
    } else if constexpr (explain<T>()) {
      if constexpr (stands_for_another<T>) {
        save_as_it_is(value);
      } else {
        watched(recorder_, item_of<std::remove_cv_t<T>>(), [&] { save_as_it_is(value); });
      }
    }
  }
  template <class T>
  void save_by_boost(const T& value) {
    if constexpr (is_nested_value<T>) {
      descend<T>([&] { Base::save_override(value); });
    } else {
      Base::save_override(value);
    }
  }
  Shared number_of(const void* object, const std::type_info& type);

 private:
  template <class Put>
  void put(Put&& what) {
    if (writer_ != nullptr) {
      what(*writer_);
    } else {
      what(*counter_);
    }
  }
  template <class T>
  void save_as_it_is(const T& value) {
    if constexpr (is_boost<T>) {
      save_by_boost(value);
    } else {
      save(value);
    }
  }
  void save_block(const void* data, std::size_t size) {
    put([&](auto& out) { out.block(data, size); });
  }
  void save_token(std::uint32_t token);
  void save_name(const char* name);

  Counter* counter_ = nullptr;  // one of these two
  Writer* writer_ = nullptr;
  Recorder* recorder_ = nullptr;  // if what is written is to be known later
  std::uint32_t check_ = 0;
  std::map<std::pair<const void*, std::type_index>, std::uint32_t> shared_;
};

class InputArchive final : public boost::archive::detail::common_iarchive<InputArchive> {
  using Base = boost::archive::detail::common_iarchive<InputArchive>;

 public:
  explicit InputArchive(Reader& reader);
  ~InputArchive() override;

  void load_binary(void* data, std::size_t size) {
    watched(checker_, item_of_block(), [&] { reader_.block(data, size); });
  }
  template <class T>
  void load_array(const boost::serialization::array_wrapper<T>& array, unsigned) {
    watched(checker_, item_of_row<T>(), [&] { decode_row(reader_, array.address(), array.count()); });
  }
  template <class T>
  void load(T& value) {
    decode(reader_, value);
  }

  template <class T>
  void load_override(T& value) {
    using Plain = std::remove_const_t<T>;
    if constexpr (std::is_same_v<Plain, boost::archive::class_id_optional_type>) {
      return;
    } else if constexpr (std::is_base_of_v<boost::archive::class_id_type, Plain>) {
      value = Plain(boost::archive::class_id_type(static_cast<int>(load_token())));
    } else if constexpr (std::is_base_of_v<boost::archive::object_id_type, Plain>) {
      value = Plain(boost::archive::object_id_type(static_cast<std::size_t>(load_token())));
    } else if constexpr (std::is_same_v<Plain, boost::archive::version_type>) {
      value = Plain(load_token());
    } else if constexpr (std::is_same_v<Plain, boost::archive::tracking_type>) {
      value = Plain(load_token() != 0);
    } else if constexpr (std::is_same_v<Plain, boost::archive::class_name_type>) {
      load_name(value);
    } else if constexpr (is_array_wrapper<Plain>) {
      load_array(value, 0);
    } else if constexpr (explain<Plain>()) {
      if constexpr (stands_for_another<Plain>) {
        load_as_it_is(value);
      } else {
        watched(checker_, item_of<Plain>(), [&] { load_as_it_is(value); });
      }
    }
  }
  template <class T>
  void load_by_boost(T& value) {
    if constexpr (is_nested_value<T>) {
      descend<T>([&] { Base::load_override(value); });
    } else {
      Base::load_override(value);
    }
  }

  // Whether the value of this shared object follows.
  bool is_new(std::uint32_t number);
  void remember(std::uint32_t number, std::shared_ptr<void> object, const std::type_info& type);
  const std::shared_ptr<void>& shared(std::uint32_t number, const std::type_info& type);

 private:
  struct Known {
    std::shared_ptr<void> object;
    const std::type_info* type = nullptr;  // none while its value is being read
  };
  template <class T>
  void load_as_it_is(T& value) {
    if constexpr (is_boost<std::remove_const_t<T>>) {
      load_by_boost(value);
    } else {
      load(value);
    }
  }
  std::uint32_t load_token();
  void load_name(char* name);  // into memory of Boost's, of its longest name

  Reader& reader_;
  Checker* const checker_;  // if it is not sure that a reader of the same build wrote the bytes
  std::uint32_t check_ = 0;
  std::vector<Known> known_;
};

}  // namespace rondo::detail

#pragma GCC visibility pop

// Lets BOOST_CLASS_EXPORT in users' code, before or after this point, register classes with these archives.
BOOST_SERIALIZATION_REGISTER_ARCHIVE(rondo::detail::OutputArchive)
BOOST_SERIALIZATION_REGISTER_ARCHIVE(rondo::detail::InputArchive)
