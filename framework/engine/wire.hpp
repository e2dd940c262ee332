// Writes and reads the parts of a message: trivially copyable values and arrays of them, one after the other, unaligned.
//
// All ranks run the same build (checked at the start), so values travel in the machine's own format.
#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/error.hpp>

namespace rondo::engine {

template <class T>
concept Flat = std::is_trivially_copyable_v<T>;

class Writer {
 public:
  explicit Writer(Buffer& out) : out_(out) {}

  template <Flat T>
  void put(const T& value) {
    std::memcpy(out_.extend(sizeof value), &value, sizeof value);
  }
  template <Flat T>
  void put_all(std::span<const T> values) {
    put(static_cast<std::uint64_t>(values.size()));
    out_.append(std::as_bytes(values));
  }
  void put_text(std::string_view text) { put_all(std::span<const char>(text)); }
  void put_block(Bytes bytes) { put_all(bytes); }

  // A block whose size is known only when it has been written.
  template <class Fill>
  void put_block(const Fill& fill) {
    const std::size_t at = out_.size();
    put(std::uint64_t{0});
    fill(out_);
    const std::uint64_t size = out_.size() - at - sizeof(std::uint64_t);
    std::memcpy(out_.data() + at, &size, sizeof size);
  }

 private:
  Buffer& out_;
};

class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}

  template <Flat T>
  [[nodiscard]] T get() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  template <Flat T>
  [[nodiscard]] std::vector<T> get_all() {
    const auto count = get<std::uint64_t>();
    const Bytes bytes = take(count, sizeof(T));
    std::vector<T> values(count);
    if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  [[nodiscard]] std::string get_text() {
    const Bytes bytes = get_block();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // A view into the message.
  [[nodiscard]] Bytes get_block() { return take(get<std::uint64_t>()); }
  [[nodiscard]] Bytes take(std::size_t count, std::size_t size = 1) {
    if (count > rest_.size() / size) throw Error("a message is shorter than it says");
    const Bytes taken = rest_.first(count * size);
    rest_ = rest_.subspan(count * size);
    return taken;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

}  // namespace rondo::engine
