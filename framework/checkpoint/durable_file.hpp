// One file that appears under its name whole or not at all, and is on disk when it does.
//
// Used from one thread. Writes to NAME.tmp; commit() flushes, renames and flushes the folder. Destroyed
// without commit(), or after a failed one, it removes what it wrote (as far as the storage lets it).
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

class DurableFile {
 public:
  DurableFile(Storage& storage, const Path& folder, std::string_view name);
  DurableFile(const DurableFile&) = delete;
  DurableFile& operator=(const DurableFile&) = delete;
  ~DurableFile();

  void append(Bytes bytes);
  void commit();
  // What was appended so far.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const Path& path() const { return path_; }

 private:
  void write_through(Bytes bytes);

  Storage& storage_;
  Path folder_;
  Path path_;
  Path temporary_;
  std::unique_ptr<OutputFile> file_;
  Buffer pending_;
  std::uint64_t size_ = 0;
  bool committed_ = false;
};

}  // namespace rondo::checkpoint
