// What is wrong with one file of a checkpoint, for programs (the fault) and for people (the text).
//
// Users see it as rondo::CheckpointError; the text names the file, where in it, what was found and what would
// be right.
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
  missing,        // the manifest lists it, and it is not there
  incomplete,     // a folder without a manifest: its checkpoint never ended
  truncated,      // shorter than it says itself or than its manifest says
  damaged,        // its bytes contradict their checksums, or each other
  other_type,     // written by a build with other types
  newer_version,  // written in a version of the format that this build does not know
  foreign,        // a link, or of another user: it is not looked into
  exposed,        // of this user, in a folder that users share, and others may write to it
  older_version,  // written in a version of the format that this build does not read any more
};

[[nodiscard]] const char* name(Fault fault);

class FileError : public CheckpointError {
 public:
  FileError(Fault fault, std::filesystem::path file, const std::string& text);
  FileError(Fault fault, std::filesystem::path file, std::uint64_t offset, const std::string& text);
  // An operation that the operating system refused (Fault::missing if there is no such file, else Fault::io).
  FileError(std::filesystem::path file, const std::string& operation, std::error_code code);

  [[nodiscard]] Fault fault() const { return fault_; }
  [[nodiscard]] const std::filesystem::path& file() const { return file_; }
  // Where in the file, if the fault has a place.
  [[nodiscard]] std::optional<std::uint64_t> offset() const { return offset_; }
  // The operating system's reason, if it was asked.
  [[nodiscard]] std::error_code code() const { return code_; }

 private:
  Fault fault_;
  std::filesystem::path file_;
  std::optional<std::uint64_t> offset_;
  std::error_code code_;
};

}  // namespace rondo::checkpoint
