// The checkpoints under one root folder: naming a new one, and finding the newest that can be believed.
//
// Lives on rank 0. A root belongs to one run at a time; its checkpoints are numbered in the order in which
// they began. A folder that several runs share has a root for each of them (run_name).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <rondo/ids.hpp>

#include "checkpoint/manifest.hpp"
#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

// How far a checkpoint is looked into before it is believed.
enum class Depth {
  manifest,  // only the manifest: for parts on disks that rank 0 does not see
  parts,     // and every part's header, footer and index: its states are there, in full length
  states,    // and every byte of every state
};

struct Checkpoint {
  std::uint64_t sequence = 0;
  Path folder;
  Manifest manifest;
};

struct Search {
  std::optional<Checkpoint> newest;
  // Why each newer one was refused, newest first; all of them if there is no `newest`.
  std::vector<FileError> refusals;

  // Whether a checkpoint ever ended here, believed or not. If not, a run may start from its begin.
  [[nodiscard]] bool ever_complete() const;
};

// One more than the highest there is, complete or not, so that a new checkpoint never meets files of another.
[[nodiscard]] std::uint64_t next_sequence(Storage& storage, const Path& root);
[[nodiscard]] Path checkpoint_folder(const Path& root, std::uint64_t sequence);
// Makes the root and the checkpoint's folder so that they survive a power cut; what is there already is fine. Returns
// whether the checkpoint's folder is new. Rank 0 calls it before the workers write; a worker calls it too where it has a
// disk of its own.
bool prepare_checkpoint(Storage& storage, const Path& root, std::uint64_t sequence);

// Whether `rank` of `run` can write a small file in the root and read it, which is made if it is not there: throws FileError if not.
// Leaves nothing but the root behind.
void try_root(Storage& storage, const Path& root, std::uint64_t run, Rank rank);

// The newest checkpoint below `before` that nothing is wrong with, down to `depth`. What a worker refuses
// later, while it reads its states, is followed by a search with the refused one's number as `before`.
[[nodiscard]] Search find_newest(Storage& storage, const Path& root, std::uint64_t type_hash, Depth depth,
                                 std::uint64_t before = std::numeric_limits<std::uint64_t>::max());

// What there is in a folder that runs share, for one that has lost its own root, `own`.
struct Shared {
  std::vector<Path> of_own;  // roots of runs that had the same, ascending
  std::vector<Path> others;
};
[[nodiscard]] Shared list_shared(Storage& storage, const Path& shared, const Path& own);
// The roots there of one run, whatever its own root was called then.
[[nodiscard]] std::vector<Path> roots_of_run(Storage& storage, const Path& shared, std::uint64_t run);

// One checkpoint by its folder. Throws FileError for the first thing that is wrong with it: in a folder that runs share also
// if it is not of the run that its root is named after.
[[nodiscard]] Manifest read_checkpoint(Storage& storage, const Path& folder, std::uint64_t type_hash,
                                       Depth depth);

// The sequence numbers of the folders under a root that are named like checkpoints, ascending.
[[nodiscard]] std::vector<std::uint64_t> sequences(Storage& storage, const Path& root);

}  // namespace rondo::checkpoint
