// Memory for the copies of states that wait to be written, within a limit. What has been written is kept for the next
// checkpoint: to get new memory from the system takes longer than the copy itself.
//
// From any thread.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>

#include <rondo/bytes.hpp>

namespace rondo::engine {

class CopyMemory {
 public:
  // In bytes; one copy that is bigger has room too, alone.
  explicit CopyMemory(std::size_t limit) : limit_(limit) {}

  [[nodiscard]] bool has_room(std::size_t size) const;
  // An empty buffer with room for so many bytes. O(log n).
  [[nodiscard]] Buffer take(std::size_t size);
  // Each that was taken.
  void give_back(Buffer buffer);
  // Bytes, of those that are taken and those that are kept.
  [[nodiscard]] std::size_t held() const;

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::multimap<std::size_t, Buffer> kept_;  // by capacity
  std::size_t kept_bytes_ = 0;
  std::size_t taken_bytes_ = 0;
};

}  // namespace rondo::engine
