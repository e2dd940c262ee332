// Writes the states of one worker into one file of a checkpoint, one after the other.
//
// One thread uses it, which may be any. It keeps a write block and 32 bytes per state in memory, not the states. If it is
// destroyed without finish(), or after an exception, it removes the part, if the storage permits that.
#pragma once

#include <cstdint>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/durable_file.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/manifest.hpp"

namespace rondo::checkpoint {

class PartWriter {
 public:
  // header.number names the part; each worker has its own number. The folder must exist.
  PartWriter(Storage& storage, const Path& folder, const Header& header);

  // Appends a state. The bits of `cost` are stored unchanged; only the scheduler interprets it.
  void add(StateId id, double cost, Bytes state);
  // Completes the part, which is on disk under its name when this returns. `schema` describes the types of the states and is
  // stored unread. The caller sends the entry to rank 0, for the manifest.
  [[nodiscard]] PartEntry finish(Bytes schema = {});

 private:
  Header header_;
  DurableFile file_;
  Buffer header_bytes_;
  Buffer index_;  // followed by the schema in finish()
  std::vector<StateId> ids_;
  std::uint64_t total_ = 0;
};

}  // namespace rondo::checkpoint
