// Removes checkpoints that are no longer needed, and what is left of those that never ended.
//
// Safe at any moment of a crash: a checkpoint's manifest goes first, so that one without all of its parts
// never looks complete. Removes only files that checkpoints write, and folders that are then empty. The last
// complete checkpoint stays, whatever is asked for; so do checkpoints of another type, of a newer version, or
// that cannot be read just now: nobody here can say what they are worth. One that ended but is refused stays
// until a newer one is complete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/catalog.hpp"

namespace rondo::checkpoint {

struct Pruned {
  std::vector<std::uint64_t> kept;     // complete checkpoints, ascending
  std::vector<std::uint64_t> removed;  // ascending
  // What could not be removed. Not thrown: the checkpoints that are kept are as good without it.
  std::vector<FileError> failures;
};

// Keeps the newest `keep` complete checkpoints below `writing` (at least 1) and removes the rest of them.
// Checkpoints from `writing` on are left alone: they may be being written. With nothing being written, pass
// next_sequence(). `depth` says what complete means: Depth::parts, or Depth::manifest where rank 0 does not
// see the parts.
Pruned prune(Storage& storage, const Path& root, std::uint64_t type_hash, std::uint64_t keep,
             std::uint64_t writing, Depth depth);

// Removes exactly the given ones: an attempt that failed (on a full disk its leftovers take the space of the
// next), and on a worker with a disk of its own, which has no manifests to judge by, what rank 0's prune has
// already removed.
Pruned remove_checkpoints(Storage& storage, const Path& root, const std::vector<std::uint64_t>& unwanted);

}  // namespace rondo::checkpoint
