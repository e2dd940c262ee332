// The checkpoints under one root folder: names a new one, and finds the newest valid one.
//
// Used on rank 0. Only one run at a time uses a root; its checkpoints are numbered in the order in which they began. A
// folder that several runs share has a root for each of them (run_name).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <rondo/ids.hpp>

#include "checkpoint/manifest.hpp"
#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

// How much of a checkpoint is verified before it is used.
enum class Depth {
  manifest,  // only the manifest; used if parts are on disks that rank 0 cannot read
  parts,     // also every part's header, footer and index, so that all states are there in full length
  states,    // also every byte of every state
};

struct Checkpoint {
  std::uint64_t sequence = 0;
  Path folder;
  Manifest manifest;
};

struct Search {
  std::optional<Checkpoint> newest;
  // Why each newer checkpoint was refused, newest first. If there is no `newest`, all of them were.
  std::vector<FileError> refusals;

  // Whether a checkpoint ever ended here, believed or not. If not, a run may start from its begin.
  [[nodiscard]] bool ever_complete() const;
};

// One more than the highest number there, complete or not, so that a new checkpoint's folder never has files of another.
[[nodiscard]] std::uint64_t next_sequence(Storage& storage, const Path& root);
[[nodiscard]] Path checkpoint_folder(const Path& root, std::uint64_t sequence);
// Creates the root and the checkpoint's folder, if they do not exist, so that they survive a power cut. Returns whether the
// checkpoint's folder is new. Rank 0 calls it before the workers write; a worker with a disk of its own calls it, too.
bool prepare_checkpoint(Storage& storage, const Path& root, std::uint64_t sequence);

// Tests that `rank` of `run` can write and read a small file in the root; throws FileError if it cannot. Creates the root if
// it does not exist, and removes the file.
void try_root(Storage& storage, const Path& root, std::uint64_t run, Rank rank);

// The newest checkpoint below `before` that nothing is wrong with, down to `depth`. What a worker refuses
// later, while it reads its states, is followed by a search with the refused one's number as `before`.
[[nodiscard]] Search find_newest(Storage& storage, const Path& root, std::uint64_t type_hash, Depth depth,
                                 std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

// The roots in a folder that runs share, for a run that has lost its own root, `own`.
struct Shared {
  std::vector<Path> of_own;  // copies of runs whose own root was `own`, ascending
  std::vector<Path> others;  // copies of other runs
};
[[nodiscard]] Shared list_shared(Storage& storage, const Path& shared, const Path& own);
// The roots of one run there, for any name of its own root.
[[nodiscard]] std::vector<Path> roots_of_run(Storage& storage, const Path& shared, std::uint64_t run);

// Verifies one checkpoint and returns its manifest. Throws FileError for the first fault; in a folder that runs share this
// includes a checkpoint of another run than the name of its root says.
[[nodiscard]] Manifest read_checkpoint(Storage& storage, const Path& folder, std::uint64_t type_hash,
                                       Depth depth);

// The numbers of the folders under a root that have the name of a checkpoint, ascending.
[[nodiscard]] std::vector<std::uint64_t> sequences(Storage& storage, const Path& root);

}  // namespace rondo::checkpoint
