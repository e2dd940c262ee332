// Writes the states of one worker into one file of a checkpoint, as they come.
//
// Used from one thread, any thread. Holds a write block and 32 bytes per state, never the states. Destroyed
// without finish(), or after anything threw, it leaves no part behind (as far as the storage lets it).
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
  // header.number names the part; no two workers of a checkpoint use the same. The folder must be there.
  PartWriter(Storage& storage, const Path& folder, const Header& header);

  // The cost is kept as it is, bit for bit, whatever it means to the scheduler.
  void add(StateId id, double cost, Bytes state);
  // `schema` says of which types the states are; nobody here looks inside. The part is on disk under its name when this
  // returns. The entry goes to rank 0, into the manifest.
  [[nodiscard]] PartEntry finish(Bytes schema = {});

 private:
  Header header_;
  DurableFile file_;
  Buffer header_bytes_;
  Buffer index_;  // and, at last, the schema
  std::vector<StateId> ids_;
  std::uint64_t total_ = 0;
};

}  // namespace rondo::checkpoint
