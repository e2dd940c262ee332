// Copies of a state that share no memory with it: by its copy constructor where that is known to be safe, otherwise by
// packing it (rondo/detail/copies.hpp says which types are which).
//
// Any thread may use these, for a state that nothing else changes meanwhile.
#pragma once

#include <cstddef>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/detail/program.hpp>

namespace rondo::engine {

/// `count` copies of one state; it is packed once at the most, and not at all if its bytes are given as `packed`. Throws what
/// the user's code throws.
[[nodiscard]] std::vector<detail::Object> copies_of(const detail::Kernel& kernel, const void* state,
                                                    std::size_t count, Bytes packed = {});

/// A state as it was when the snapshot was taken. If its copy constructor may share memory it stays packed until it is wanted.
class Snapshot {
 public:
  /// `memory` is for the packed state; it outlives the snapshot. Throws what the user's code throws.
  Snapshot(const detail::Kernel& kernel, const void* state, Buffer& memory);
  /// Returns the state. To be called once. Throws what the user's code throws.
  [[nodiscard]] detail::Object restore(const detail::Kernel& kernel);

 private:
  detail::Object copy_;
  Buffer& packed_;  // used if there is no copy
};

}  // namespace rondo::engine
