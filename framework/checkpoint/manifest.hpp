// The manifest of a checkpoint: which part each state is in, and all other data of the run.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

// A manifest's entry for one part. PartWriter::finish() returns it.
struct PartEntry {
  std::uint64_t number = 0;    // names the file: part_name(number)
  std::uint64_t size = 0;      // bytes of the file
  std::uint64_t checksum = 0;  // "the part's checksum" of format.hpp
  std::uint64_t count = 0;     // number of states

  friend bool operator==(const PartEntry&, const PartEntry&) = default;
};

struct Placement {
  StateId id{};
  std::uint64_t part = 0;

  friend bool operator==(const Placement&, const Placement&) = default;
};

// Invariants, checked when a manifest is written and when it is read: parts and placements ascend strictly, the part of every
// placement is listed, each part has as many placements as its `count` says, and every id is below next_id.
struct Manifest {
  std::uint64_t type_hash = 0;
  std::uint64_t round = 0;  // number of rounds that the states have done
  StateId next_id{};
  std::uint64_t seed = 0;
  std::uint64_t random = 0;           // number of random numbers that main has drawn from Master::random()
  std::uint64_t run = 0;              // id of the run
  std::vector<PartEntry> parts;       // by ascending number
  std::vector<Placement> placements;  // by ascending id
  Buffer context;                     // the shared context, as the master encodes it
  Buffer scheduler;                   // the scheduler's data, which only the scheduler interprets
  Buffer program;                     // the program's own data
  std::string arguments;              // the program's arguments, each with a zero byte behind it

  [[nodiscard]] const PartEntry* part(std::uint64_t number) const;
};

[[nodiscard]] Buffer encode(const Manifest& manifest);
// Throws FileError, whose text names `file`, if the bytes are not a valid manifest. Allocates at most a small multiple of
// bytes.size(), also for damaged bytes.
[[nodiscard]] Manifest decode_manifest(Bytes bytes, std::uint64_t type_hash, const Path& file);

// Completes the checkpoint in `folder`. The caller guarantees that every part is on disk. When this returns, the checkpoint
// survives a power cut. If it throws, the checkpoint may or may not be complete: discard it or write a new one.
void commit_manifest(Storage& storage, const Path& folder, const Manifest& manifest);
// The largest size of a manifest that is read: half of this machine's memory, because rank 0 holds a manifest twice while it
// reads it, as bytes and as values. Without this limit a damaged length could end the run for lack of memory.
[[nodiscard]] std::uint64_t manifest_size_max();
// Throws FileError, with Fault::incomplete if the folder has no manifest, and with Fault::io if it is bigger than `size_max`.
// If the first and last bytes of the file contradict its size, throws before it allocates memory for the rest.
[[nodiscard]] Manifest read_manifest(Storage& storage, const Path& folder, std::uint64_t type_hash,
                                     std::uint64_t size_max = manifest_size_max());

}  // namespace rondo::checkpoint
