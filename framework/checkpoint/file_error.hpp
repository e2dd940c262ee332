// An error about one file of a checkpoint, with a fault for programs and a text for people.
//
// Users catch it as rondo::CheckpointError. The text names the file and the place in it, what was found, and what was expected.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include <rondo/error.hpp>

namespace rondo::checkpoint {

enum class Fault {
  io,             // the operating system refused: no space, no permission, a broken disk
  missing,        // the manifest lists it, but it does not exist
  incomplete,     // a folder without a manifest: its checkpoint was never completed
  truncated,      // shorter than its own header or its manifest says
  damaged,        // its bytes contradict their checksums, or each other
  other_type,     // written by a build with other types
  newer_version,  // written in a version of the format that this build does not know
  foreign,        // a link, or a file of another user: it is not read
  exposed,        // a file of this user, in a folder that users share, which other users may write
  older_version,  // written in a version of the format that this build does not read any more
};

[[nodiscard]] const char* name(Fault fault);

class FileError : public CheckpointError {
 public:
  FileError(Fault fault, std::filesystem::path file, const std::string& text);
  FileError(Fault fault, std::filesystem::path file, std::uint64_t offset, const std::string& text);
  // For an operation that the operating system has refused: Fault::missing if there is no such file, otherwise Fault::io.
  FileError(std::filesystem::path file, const std::string& operation, std::error_code code);

  [[nodiscard]] Fault fault() const { return fault_; }
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  // The offset of the fault in the file, if it has one.
  [[nodiscard]] std::optional<std::uint64_t> offset() const { return offset_; }
  // The operating system's error, if there was one.
  [[nodiscard]] std::error_code code() const { return code_; }

 private:
  Fault fault_;
  std::filesystem::path file_;
  std::optional<std::uint64_t> offset_;
  std::error_code code_;
};

}  // namespace rondo::checkpoint
