// The interface to the file system. Every file operation of a checkpoint uses it, so that tests can refuse, shorten or lose
// any of them.
//
// An operation that fails throws FileError, which names the path. Implementations keep no state between operations: threads
// may use one Storage at the same time on different files. A name is durable after sync_folder() of its folder, and the
// bytes of a file after OutputFile::sync().
//
// No operation reads, writes or removes anything outside of a root. A name below the root that is a link or that belongs to
// another user is refused with Fault::foreign (checkpoint/path.hpp).
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

// A file that is written from the beginning to the end. If it is destroyed without close(), the file stays as it is.
class OutputFile {
 public:
  OutputFile() = default;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;
  virtual ~OutputFile() = default;

  // Appends at least one byte of `bytes`, which must not be empty, and returns how many it has appended.
  [[nodiscard]] virtual std::size_t write(Bytes bytes) = 0;
  // If it fails, the written bytes are lost: systems drop the dirty pages, and a second call would succeed without them.
  virtual void sync() = 0;
  virtual void close() = 0;
};

// A file that is read. Reads copy and do not map the file: if a mapped file is truncated or its disk fails, the process gets
// SIGBUS instead of an error.
class InputFile {
 public:
  InputFile() = default;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  virtual ~InputFile() = default;

  [[nodiscard]] virtual std::uint64_t size() const = 0;
  // Fills the beginning of `into` and returns the number of bytes, which is 0 only at the end of the file. Several threads
  // may read at the same time.
  [[nodiscard]] virtual std::size_t read(std::uint64_t offset, std::span<std::byte> into) const = 0;
};

class Storage {
 public:
  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  virtual ~Storage() = default;

  // Creates one folder, whose parent must exist. Returns false if it exists already (another rank may have been faster).
  virtual bool create_folder(const Path& folder) = 0;
  virtual void sync_folder(const Path& folder) = 0;
  // The names in a folder, ascending; empty if there is no such folder.
  [[nodiscard]] virtual std::vector<std::string> list(const Path& folder) = 0;
  // Creates an empty file. If there is a file of this name, it is replaced and not truncated: programs that have it open, and
  // other names for it, are not affected.
  [[nodiscard]] virtual std::unique_ptr<OutputFile> create(const Path& file) = 0;
  [[nodiscard]] virtual std::unique_ptr<InputFile> open(const Path& file) = 0;
  // Renames within one folder, and replaces a file that has the new name.
  virtual void rename(const Path& from, const Path& to) = 0;
  // Removes a file or an empty folder, if it exists.
  virtual void remove(const Path& path) = 0;
};

}  // namespace rondo::checkpoint
