// Removes checkpoints that are no longer needed, and the files of checkpoints that were never completed.
//
// A crash at any moment is safe: a checkpoint's manifest is removed first, so that a checkpoint without all of its parts
// never looks complete. Only files that checkpoints write are removed, and folders that are then empty. The last complete
// checkpoint always stays. So do checkpoints of another type or of a newer version, and checkpoints that cannot be read at
// the moment, because their value is unknown. A completed checkpoint that is refused stays until a newer one is complete.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/catalog.hpp"

namespace rondo::checkpoint {

struct Pruned {
  std::vector<std::uint64_t> kept;     // complete checkpoints, ascending
  std::vector<std::uint64_t> removed;  // ascending
  // The files that could not be removed. They are not thrown as errors, because the kept checkpoints are valid.
  std::vector<FileError> failures;
};

// Of the checkpoints with numbers below `writing`, keeps the newest `keep` complete ones (at least 1) and removes the others.
// Checkpoints from `writing` on are not touched, because they may not be written completely yet; if none is being written,
// pass next_sequence(). `depth` says how completeness is verified: Depth::parts, or Depth::manifest if rank 0 cannot read
// the parts.
Pruned prune(Storage& storage, const Path& root, std::uint64_t type_hash, std::uint64_t keep,
             std::uint64_t writing, Depth depth);

// Removes exactly the given checkpoints. Used after a checkpoint failed, since on a full disk its files take the space of the
// next one. A worker with a disk of its own, which has no manifests, removes with it what prune() on rank 0 has removed.
Pruned remove_checkpoints(Storage& storage, const Path& root, const std::vector<std::uint64_t>& unwanted);

}  // namespace rondo::checkpoint
