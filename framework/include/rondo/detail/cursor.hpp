// The three ways over a message: counting its bytes, writing them, reading them.
//
// A message is written in two passes of the same code: a Counter finds its size, a Writer fills a block of
// exactly that size. Each opens a Boost archive over the same bytes when the first class with a serialize()
// comes by.
//
// Invariant: no pointer leaves [begin, end) of the message, whatever the bytes say or a serialize() does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include <rondo/bytes.hpp>

#pragma GCC visibility push(default)

namespace rondo::detail {

class OutputArchive;
class InputArchive;
class Recorder;
class Checker;

[[noreturn]] void fail_short(std::size_t at, std::size_t wanted, std::size_t size);
[[noreturn]] void fail_length(std::size_t at, std::uint64_t count, std::size_t smallest, std::size_t size);
[[noreturn]] void fail_long(std::size_t used, std::size_t size);
[[noreturn]] void fail_damaged(std::size_t at, const char* what, std::size_t size);
[[noreturn]] void fail_recount(std::size_t counted);

// Spreads a small number over 32 bits; a damaged number does not fit the check beside it.
constexpr std::uint32_t check_of(std::uint64_t value, std::uint32_t before = 0x52'6f'6e'64u) {
  std::uint64_t mixed = (value ^ before) * 0x9e37'79b9'7f4a'7c15u;
  mixed ^= mixed >> 32;
  mixed *= 0xd6e8'feb8'6659'fd93u;
  return static_cast<std::uint32_t>(mixed >> 32);
}

// A block of this size or more begins at a multiple of kAlignment from the message's begin. A processor that
// copies by microcode (rep movsb, glibc's choice for big blocks) takes up to 16 times as long where target
// and source differ by 1 to 15 bytes modulo a page. Big memory is aligned alike by every allocator, so
// without the padding 8 bytes of count before the block would be just that.
inline constexpr std::size_t kBigBlock = 2048;
inline constexpr std::size_t kAlignment = 16;
inline constexpr std::size_t kPage = 4096;

constexpr std::size_t padding(std::size_t at, std::size_t size) {
  return size < kBigBlock ? 0 : (kAlignment - at % kAlignment) % kAlignment;
}
// Whether a copy would hit the slow case all the same, as the message itself may begin anywhere.
inline bool copies_slowly(const void* to, const void* from, std::size_t size) {
  const auto difference = reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from);
  return size >= kBigBlock && difference % kPage - 1 < kAlignment - 1;
}
void copy_by_detour(void* to, const void* from, std::size_t size);
inline void copy(void* to, const void* from, std::size_t size) {
  if (copies_slowly(to, from, size)) {
    copy_by_detour(to, from, size);
  } else if (size != 0) {
    std::memcpy(to, from, size);
  }
}

class Counter {
 public:
  Counter() = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;
  ~Counter() {
    if (archive_ != nullptr) close();
  }

  void block(const void*, std::size_t size) { size_ += padding(size_, size) + size; }
  void fill(std::size_t size) { size_ += size; }
  [[nodiscard]] std::size_t size() const { return size_; }
  OutputArchive& archive() { return archive_ != nullptr ? *archive_ : open(); }

 private:
  OutputArchive& open();
  void close();

  std::size_t size_ = 0;
  OutputArchive* archive_ = nullptr;
};

class Writer {
 public:
  Writer(std::byte* begin, std::size_t size, Recorder* recorder = nullptr)
      : begin_(begin), at_(begin), end_(begin + size), recorder_(recorder) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() {
    if (archive_ != nullptr) close();
  }

  // Returns where the copy is.
  std::byte* block(const void* data, std::size_t size) {
    fill(padding(static_cast<std::size_t>(at_ - begin_), size));
    std::byte* const place = room(size);
    copy(place, data, size);
    return place;
  }
  // Zeros.
  void fill(std::size_t size) {
    if (size != 0) std::memset(room(size), 0, size);
  }
  void finish() const {
    if (at_ != end_) fail_recount(static_cast<std::size_t>(end_ - begin_));
  }
  OutputArchive& archive() { return archive_ != nullptr ? *archive_ : open(); }
  // Watches what is given to the archive; null: nothing does.
  [[nodiscard]] Recorder* recorder() const { return recorder_; }

 private:
  // Counted before, so it fits; but a serialize() may say something else the second time.
  std::byte* room(std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - at_)) fail_recount(static_cast<std::size_t>(end_ - begin_));
    std::byte* place = at_;
    at_ += size;
    return place;
  }
  OutputArchive& open();
  void close();

  std::byte* begin_;
  std::byte* at_;
  std::byte* end_;
  Recorder* recorder_;
  OutputArchive* archive_ = nullptr;
};

class Reader {
 public:
  explicit Reader(Bytes bytes, Checker* checker = nullptr)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()), checker_(checker) {}
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() {
    if (archive_ != nullptr) close();
  }

  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  void skip(std::size_t size) {
    if (size > left()) fail_short(used(), size, used() + left());
    at_ += size;
  }
  // Where a block is; the message outlives the reader.
  const std::byte* block(std::size_t size) {
    skip(padding(used(), size));
    skip(size);
    return at_ - size;
  }
  void block(void* data, std::size_t size) { copy(data, block(size), size); }
  // A number that was written as a block.
  template <class Number>
  Number number() {
    static_assert(std::is_integral_v<Number> || std::is_floating_point_v<Number>);
    Number value;
    std::memcpy(&value, block(sizeof value), sizeof value);
    return value;
  }
  // The count of a container; its elements, of at least `smallest` bytes each, are known to fit what is left.
  std::size_t count(std::size_t smallest) {
    const auto elements = number<std::uint64_t>();
    if (elements > left() / smallest) fail_length(used(), elements, smallest, used() + left());
    return static_cast<std::size_t>(elements);
  }
  [[noreturn]] void damaged(const char* what) const { fail_damaged(used(), what, used() + left()); }
  void finish() const {
    if (at_ != end_) fail_long(used(), used() + left());
  }
  InputArchive& archive() { return archive_ != nullptr ? *archive_ : open(); }
  // Watches what is asked of the archive; null: nothing does.
  [[nodiscard]] Checker* checker() const { return checker_; }
  // An object that the archive read has another address now; a pointer to it may follow.
  void has_moved(const void* to, const void* from);

 private:
  [[nodiscard]] std::size_t used() const { return static_cast<std::size_t>(at_ - begin_); }
  InputArchive& open();
  void close();

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  Checker* checker_;
  InputArchive* archive_ = nullptr;
};

}  // namespace rondo::detail

#pragma GCC visibility pop
