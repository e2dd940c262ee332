// The seam to the file system: every file operation of a checkpoint goes through it, so that tests can
// refuse, shorten or lose any of them.
//
// Every operation throws FileError if it fails, and says which path. Implementations keep no state between
// operations: threads may use one Storage at the same time, on different files. A name is durable only after
// sync_folder of its folder, a file's bytes only after OutputFile::sync.
//
// Nothing outside of a root is ever read, written or removed. A name below the root that is a link, or that belongs to
// another user, is refused with Fault::foreign (checkpoint/path.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <rondo/bytes.hpp>

#include "checkpoint/file_error.hpp"
#include "checkpoint/path.hpp"

namespace rondo::checkpoint {

// A file that is being written, from its begin to its end. Destroying it without close() leaves it as it is.
class OutputFile {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  virtual ~OutputFile() = default;

  // Appends at least one byte of `bytes` (which is not empty) and says how many it took.
  [[nodiscard]] virtual std::size_t write(Bytes bytes) = 0;
  // After a failure what was written is lost: systems drop the dirty pages, and a second try would succeed
  // without them.
  virtual void sync() = 0;
  virtual void close() = 0;
};

// A file that is being read. Reads go by copy and not through a mapping: a mapped file that someone shortens,
// or whose disk breaks, ends the process with SIGBUS instead of an error.
class InputFile {
 public:
  InputFile() = default;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  virtual ~InputFile() = default;

  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Fills the front of `into` and says how much of it; 0 only at the end of the file. Threads may read at the
  // same time.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, std::span<std::byte> into) const = 0;
};

class Storage {
 public:
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  virtual ~Storage() = default;

  // One level; its parent must exist. False if the folder was there already (another rank may have been
  // faster).
  virtual bool create_folder(const Path& folder) = 0;
  virtual void sync_folder(const Path& folder) = 0;
  // The names in a folder, ascending; none if there is no such folder.
  [[nodiscard]] virtual std::vector<std::string> list(const Path& folder) = 0;
  // An empty file, in place of one that may be there. It is a new one: whatever else has the old one open, or another name
  // for it, is not affected.
  [[nodiscard]] virtual std::unique_ptr<OutputFile> create(const Path& file) = 0;
  [[nodiscard]] virtual std::unique_ptr<InputFile> open(const Path& file) = 0;
  // Within one folder, in place of a file that may be there.
  virtual void rename(const Path& from, const Path& to) = 0;
  // A file or an empty folder; one that is not there is fine.
  virtual void remove(const Path& path) = 0;
};

}  // namespace rondo::checkpoint
