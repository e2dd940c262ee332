// A file that appears under its name only when all of it is on disk.
//
// One thread uses it. It writes to NAME.tmp; commit() flushes the file, renames it and flushes the folder. If it is destroyed
// without commit(), or after commit() has failed, it removes the file, if the storage permits that.
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
  // The number of bytes that have been appended.
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
