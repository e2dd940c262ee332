// Memory that messages are made of.
#pragma once

#include <rondo/detail/compiler.hpp>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace rondo {

/// A view of bytes, which somebody else owns.
using Bytes = std::span<const std::byte>;

/// A growable block of uninitialised memory; unlike std::vector it does not write zeros before the data.
/// Move-only. clear() keeps the memory, so that a buffer that is used again allocates nothing.
class Buffer {
 public:
  Buffer() = default;
  /// The other buffer is empty and has no memory.
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  /// Swaps the contents and the memory of the two.
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Buffer() { std::free(data_); }

  /// The first byte; null if it has never had memory. Valid until the next growth.
  [[nodiscard]] std::byte* data() { return data_; }
  /// The same, to read.
  [[nodiscard]] const std::byte* data() const { return data_; }
  /// Bytes that it holds.
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Bytes that it can hold without growing.
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  /// Whether it holds no bytes.
  [[nodiscard]] bool empty() const { return size_ == 0; }
  /// A view of its bytes, valid until the next growth.
  operator Bytes() const { return {data_, size_}; }  // NOLINT: a buffer is its bytes

  /// Drops all bytes and keeps the memory.
  void clear() { size_ = 0; }
  /// Keeps the first bytes, drops the rest.
  void truncate(std::size_t size) { size_ = size < size_ ? size : size_; }

  /// Room for exactly `capacity` bytes in all, if there is not as much already.
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    void* grown = std::realloc(data_, capacity);
    if (grown == nullptr) throw std::bad_alloc();
    data_ = static_cast<std::byte*>(grown);
    capacity_ = capacity;
  }

  /// `size` more bytes at the end, not initialised; amortised O(1) per byte. The pointer is valid until the next growth.
  std::byte* extend(std::size_t size) {
    if (size > capacity_ - size_) {
      // a first use or a big message gets what it asks for; many small ones grow by halves
      const std::size_t needed = size_ + size;
      reserve(size_ == 0 || needed > capacity_ + capacity_ / 2 ? needed : capacity_ + capacity_ / 2);
    }
    std::byte* place = data_ + size_;
    size_ += size;
    return place;
  }

  /// A copy of these bytes at the end. They are not part of this buffer. Throws std::bad_alloc.
  void append(Bytes bytes) {
    if (!bytes.empty()) std::memcpy(extend(bytes.size()), bytes.data(), bytes.size());
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace rondo
