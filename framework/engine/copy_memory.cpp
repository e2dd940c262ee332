#include "engine/copy_memory.hpp"

#include <iterator>
#include <utility>

namespace rondo::engine {

bool CopyMemory::has_room(std::size_t size) const {
  const std::lock_guard lock(mutex_);
  return taken_bytes_ == 0 || taken_bytes_ + size <= limit_;
}

Buffer CopyMemory::take(std::size_t size) {
  Buffer buffer;
  {
    const std::lock_guard lock(mutex_);
    const auto drop = [&](auto kept) {
      kept_bytes_ -= kept->first;
      return Buffer(std::move(kept_.extract(kept).mapped()));
    };
    if (const auto fits = kept_.lower_bound(size); fits != kept_.end()) {
      buffer = drop(fits);
    } else if (!kept_.empty()) {
      (void)drop(std::prev(kept_.end()));  // instead of it: states may grow, their number stays
      while (!kept_.empty() && taken_bytes_ + kept_bytes_ + size > limit_) (void)drop(kept_.begin());
    }
  }
  buffer.reserve(size);
  const std::lock_guard lock(mutex_);
  taken_bytes_ += buffer.capacity();
  return buffer;
}

void CopyMemory::give_back(Buffer buffer) {
  const std::size_t capacity = buffer.capacity();
  buffer.clear();
  const std::lock_guard lock(mutex_);
  taken_bytes_ -= capacity;
  if (taken_bytes_ + kept_bytes_ + capacity > limit_) return;
  kept_bytes_ += capacity;
  kept_.emplace(capacity, std::move(buffer));
}

std::size_t CopyMemory::held() const {
  const std::lock_guard lock(mutex_);
  return taken_bytes_ + kept_bytes_;
}

}  // namespace rondo::engine
