// Writes and reads messages, field by field, from their structs.
//
// A message struct names its fields once, in `static auto fields(auto& m) { return std::tie(m.a, m.b); }`; Writer and Reader
// are the two visitors of that list. A field is one of
//   - a trivially copyable value, which travels as its bytes;
//   - a std::string, or a std::vector of fields;
//   - a Block: bytes that somebody else packs or unpacks;
//   - a std::optional, std::variant or std::array of fields, or a struct that has fields() itself;
//   - Items<Item>, which must be the last field: a run of structs until the end of the message. append() adds one, and
//     the reader reads each when it comes to it.
//
// All ranks run the same build (the handshake checks that), so values travel in the machine's own format, unaligned.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/error.hpp>

namespace rondo::engine {

template <class T>
concept HasFields = requires(T& value) {
  T::fields(value);
};

// A view's bytes are an address, so no type with a view in it may travel as its bytes: such a struct has fields().
class Block;
template <class Item>
class Items;
template <class T>
inline constexpr bool is_view = std::is_pointer_v<T> || std::is_same_v<T, Block> || std::is_same_v<T, Bytes>;
template <class Item>
inline constexpr bool is_view<Items<Item>> = true;
template <class T, std::size_t n>
inline constexpr bool is_view<std::array<T, n>> = is_view<T>;
template <class T>
inline constexpr bool is_view<std::optional<T>> = is_view<T>;

template <class T>
concept Flat = std::is_trivially_copyable_v<T> && !HasFields<T> && !is_view<T>;

// Bytes of somebody else. To be written, it refers to the bytes, or to a function that packs them into a Buffer&, and both have to
// outlive it; read, it is a view into the message.
class Block {
 public:
  Block() = default;
  Block(Bytes bytes) : bytes_(bytes) {}                   // NOLINT: a block is its bytes
  Block(const Buffer& buffer) : bytes_(Bytes(buffer)) {}  // NOLINT
  template <std::invocable<Buffer&> Fill>
  explicit Block(const Fill& fill)
      : fill_([](const void* object, Buffer& out) { (*static_cast<const Fill*>(object))(out); }),
        filler_(&fill) {}

  [[nodiscard]] Bytes bytes() const { return bytes_; }
  [[nodiscard]] bool is_filled_later() const { return fill_ != nullptr; }
  void fill(Buffer& out) const { fill_(filler_, out); }

 private:
  Bytes bytes_;
  void (*fill_)(const void* filler, Buffer& out) = nullptr;
  const void* filler_ = nullptr;
};

class Writer {
 public:
  explicit Writer(Buffer& out) : out_(out) {}

  template <Flat T>
  void put(const T& value) {
    std::memcpy(out_.extend(sizeof value), &value, sizeof value);
  }
  template <HasFields T>
  void put(const T& value) {
    std::apply([this](const auto&... fields) { (this->put(fields), ...); }, T::fields(value));
  }
  void put(const std::string& text) { put_span(std::span<const char>(text)); }
  template <class T>
  void put(const std::vector<T>& values) {
    if constexpr (Flat<T>) {
      put_span(std::span<const T>(values));
    } else {
      put(static_cast<std::uint64_t>(values.size()));
      for (const T& value : values) put(value);
    }
  }
  template <class T, std::size_t n>
  requires(!Flat<std::array<T, n>>) void put(const std::array<T, n>& values) {
    for (const T& value : values) put(value);
  }
  template <class T>
  requires(!Flat<std::optional<T>>) void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class... T>
  requires(!Flat<std::variant<T...>>) void put(const std::variant<T...>& value) {
    put(static_cast<std::uint8_t>(value.index()));
    std::visit([this](const auto& alternative) { this->put(alternative); }, value);
  }
  void put(const Block& block) {
    if (!block.is_filled_later()) return put_span(block.bytes());
    const std::size_t at = out_.size();
    put(std::uint64_t{0});
    block.fill(out_);
    const std::uint64_t size = out_.size() - at - sizeof(std::uint64_t);
    std::memcpy(out_.data() + at, &size, sizeof size);
  }
  template <class Item>
  void put(const Items<Item>& items) {
    out_.append(items.bytes());
  }

 private:
  template <class T, std::size_t n>
  void put_span(std::span<const T, n> values) {
    put(static_cast<std::uint64_t>(values.size()));
    out_.append(std::as_bytes(values));
  }

  Buffer& out_;
};

class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  template <Flat T>
  void get(T& value) {
    std::memcpy(static_cast<void*>(&value), take(1, sizeof value).data(), sizeof value);
  }
  template <HasFields T>
  void get(T& value) {
    std::apply([this](auto&... fields) { (this->get(fields), ...); }, T::fields(value));
  }
  void get(std::string& text) {
    const Bytes bytes = take_block();
    text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  template <class T>
  void get(std::vector<T>& values) {
    const auto count = get<std::uint64_t>();
    if constexpr (Flat<T>) {
      const Bytes bytes = take(count, sizeof(T));
      values.resize(count);
      if (count > 0) std::memcpy(static_cast<void*>(values.data()), bytes.data(), bytes.size());
    } else {
      values.clear();
      for (std::uint64_t i = 0; i < count; ++i) get(values.emplace_back());
    }
  }
  template <class T, std::size_t n>
  requires(!Flat<std::array<T, n>>) void get(std::array<T, n>& values) {
    for (T& value : values) get(value);
  }
  template <class T>
  requires(!Flat<std::optional<T>>) void get(std::optional<T>& value) {
    value.reset();
    if (get<bool>()) get(value.emplace());
  }
  template <class... T>
  requires(!Flat<std::variant<T...>>) void get(std::variant<T...>& value) {
    get_alternative(value, get<std::uint8_t>(), std::index_sequence_for<T...>());
  }
  void get(Block& block) { block = Block(take_block()); }
  template <class Item>
  void get(Items<Item>& items) {
    items = Items<Item>(std::exchange(rest_, {}));
  }
  template <class T>
  [[nodiscard]] T get() {
    T value{};
    get(value);
    return value;
  }

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] Bytes rest() const { return rest_; }

 private:
  [[nodiscard]] Bytes take(std::uint64_t count, std::size_t size) {
    if (count > rest_.size() / size) throw Error("a message is shorter than it says");
    const Bytes taken = rest_.first(count * size);
    rest_ = rest_.subspan(count * size);
    return taken;
  }
  [[nodiscard]] Bytes take_block() { return take(get<std::uint64_t>(), 1); }
  template <class Variant, std::size_t... i>
  void get_alternative(Variant& value, std::size_t index, std::index_sequence<i...>) {
    const bool known = ((index == i && (get(value.template emplace<i>()), true)) || ...);
    if (!known) throw Error("a message has a field of unknown kind");
  }

  Bytes rest_;
};

// The run of structs at the end of a message, as a range that reads each when it is reached.
template <class Item>
class Items {
 public:
  class Iterator {
   public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(Bytes rest) : rest_(rest) { next(); }
    // Throws Error behind the last item.
    const Item& operator*() const {
      if (ended_) throw Error("a message is shorter than it says");
      return item_;
    }
    const Item* operator->() const { return &**this; }
    Iterator& operator++() {
      next();
      return *this;
    }
    void operator++(int) { next(); }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.ended_; }

   private:
    void next() {
      ended_ = rest_.empty();
      if (ended_) return;
      Reader in(rest_);
      in.get(item_);
      rest_ = in.rest();
    }
    Bytes rest_;
    Item item_{};
    bool ended_ = true;
  };

  Items() = default;
  explicit Items(Bytes bytes) : bytes_(bytes) {}
  [[nodiscard]] Iterator begin() const { return Iterator(bytes_); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] Bytes bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

// Adds an item to the end of a message that ends with Items<Item>. If packing it throws, the message is as it was before.
template <class Item>
void append(Buffer& message, const Item& item) {
  const std::size_t before = message.size();
  try {
    Writer(message).put(item);
  } catch (...) {
    message.truncate(before);
    throw;
  }
}

}  // namespace rondo::engine
