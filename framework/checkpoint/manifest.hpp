// The manifest: everything of a checkpoint but the states, and where each state is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

// What a manifest knows of one part; made by PartWriter::finish.
struct PartEntry {
  std::uint64_t number = 0;    // names the file: part_name(number)
  std::uint64_t size = 0;      // of the file
  std::uint64_t checksum = 0;  // "the part's checksum" of format.hpp
  std::uint64_t count = 0;     // of states

  friend bool operator==(const PartEntry&, const PartEntry&) = default;
};

struct Placement {
  StateId id{};
  std::uint64_t part = 0;

  friend bool operator==(const Placement&, const Placement&) = default;
};

// Invariants, checked when it is written and when it is read: parts and placements ascend strictly, every
// placement's part is listed and has as many states as it says, and every id is below next_id.
struct Manifest {
  std::uint64_t type_hash = 0;
  std::uint64_t round = 0;  // the number of rounds that the states have been through
  StateId next_id{};
  std::uint64_t seed = 0;
  std::uint64_t random = 0;           // how many random numbers the program's main has drawn
  std::uint64_t run = 0;              // its id
  std::vector<PartEntry> parts;       // by ascending number
  std::vector<Placement> placements;  // by ascending id
  Buffer context;                     // the shared context, as the master encodes it
  Buffer scheduler;                   // what the scheduler wants back; nobody else looks inside
  Buffer program;                     // the program's own
  std::string arguments;              // the program's, each with a zero byte behind it

  [[nodiscard]] const PartEntry* part(std::uint64_t number) const;
};

[[nodiscard]] Buffer encode(const Manifest& manifest);
// `file` is for the text of refusals. Allocates no more than a small multiple of bytes.size(), whatever they
// say.
[[nodiscard]] Manifest decode_manifest(Bytes bytes, std::uint64_t type_hash, const Path& file);

// Completes the checkpoint in `folder`: every part must be in place before, on its disk. When this returns
// the checkpoint survives a power cut. When it throws, the checkpoint may be complete or not: discard it or
// write a new one.
void commit_manifest(Storage& storage, const Path& folder, const Manifest& manifest);
// Half of this machine's memory. Rank 0 holds a manifest twice while it reads it, as bytes and as values, and one that takes
// more cannot be used here, whatever it is. Without a limit a damaged length could end the run for want of memory.
[[nodiscard]] std::uint64_t manifest_size_max();
// Throws FileError, with Fault::incomplete if the folder has no manifest, and with Fault::io if it is bigger than `size_max`.
// Takes no memory for what its first and last bytes contradict.
[[nodiscard]] Manifest read_manifest(Storage& storage, const Path& folder, std::uint64_t type_hash,
                                     std::uint64_t size_max = manifest_size_max());

}  // namespace rondo::checkpoint
