// Reads single states out of one part, by id.
//
// Opening it reads and verifies header, footer, index and schema (not the states); read() verifies the state that it
// reads. So every byte that it hands out was covered by a checksum. Memory: 40 bytes per state of the part;
// nothing is allocated by a length before the file's real size has vouched for it. read() may be called from
// threads.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/format.hpp"
#include "checkpoint/manifest.hpp"

namespace rondo::checkpoint {

class PartReader {
 public:
  struct Record {
    StateId id{};
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t checksum = 0;
    double cost = 0;
  };

  // The part of this header (its manifest's type hash and round) that the manifest lists as `entry`. Refuses
  // one that is not exactly this part. A worker needs no more of a manifest than these.
  PartReader(Storage& storage, const Path& folder, const Header& header, const PartEntry& entry);

  [[nodiscard]] const Path& file() const { return file_; }
  // By ascending id.
  [[nodiscard]] const std::vector<Record>& records() const { return records_; }
  // As it was given to PartWriter::finish().
  [[nodiscard]] Bytes schema() const { return schema_; }
  // Refuses the part as damaged if the state is not in it, against what its manifest said.
  [[nodiscard]] const Record& at(StateId id) const;

  // The record's state, appended to `into`, which stays as it was if the state is refused.
  void read(const Record& record, Buffer& into) const;

 private:
  void read_index(const Header& expected, const PartEntry& entry);
  void read_records(Bytes index, std::uint64_t total);

  Path file_;
  std::unique_ptr<InputFile> input_;
  std::vector<Record> records_;
  Buffer schema_;
};

}  // namespace rondo::checkpoint
