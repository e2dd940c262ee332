#include "engine/state_copies.hpp"

#include <utility>

namespace rondo::engine {

std::vector<detail::Object> copies_of(const detail::Kernel& kernel, const void* state, std::size_t count,
                                      Bytes packed) {
  std::vector<detail::Object> copies;
  copies.reserve(count);
  Buffer own;
  while (copies.size() < count) {
    detail::Object copy = kernel.copy_state(state);
    if (copy == nullptr) {
      if (packed.empty()) {
        kernel.pack_state(state, own);
        packed = own;
      }
      copy = kernel.unpack_state(packed);
    }
    copies.push_back(std::move(copy));
  }
  return copies;
}

Snapshot::Snapshot(const detail::Kernel& kernel, const void* state, Buffer& memory)
    : copy_(kernel.copy_state(state)), packed_(memory) {
  packed_.clear();
  if (copy_ == nullptr) kernel.pack_state(state, packed_);
}

detail::Object Snapshot::restore(const detail::Kernel& kernel) {
  return copy_ != nullptr ? std::move(copy_) : kernel.unpack_state(packed_);
}

}  // namespace rondo::engine
