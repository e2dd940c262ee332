// Reads single states out of one part, by id.
//
// The constructor reads and verifies header, footer, index and schema; read() verifies the state that it reads. So every
// byte that it returns has been verified by a checksum. It takes 40 bytes of memory per state of the part, and compares a
// length in the file with the file's size before it allocates memory for it. Several threads may call read() at a time.
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

  // Opens the part that the manifest lists as `entry`; `header` has the manifest's type hash and round. Throws FileError if
  // the file is not exactly this part. A worker needs nothing else from the manifest.
  PartReader(Storage& storage, const Path& folder, const Header& header, const PartEntry& entry);

  [[nodiscard]] const Path& file() const { return file_; }
  // The records by ascending id.
  [[nodiscard]] const std::vector<Record>& records() const { return records_; }
  // The schema that was given to PartWriter::finish().
  [[nodiscard]] Bytes schema() const { return schema_; }
  // The record of a state that is in this part according to the manifest. Throws FileError (Fault::damaged) if it is not.
  [[nodiscard]] const Record& at(StateId id) const;

  // Appends the record's state to `into`. If the state is damaged, throws FileError and leaves `into` unchanged.
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
