#include "checkpoint/file_error.hpp"

#include <utility>

namespace rondo::checkpoint {
namespace {

bool is_missing(std::error_code code) { return code == std::errc::no_such_file_or_directory; }

}  // namespace

const char* name(Fault fault) {
  switch (fault) {
    case Fault::io: return "not accessible";
    case Fault::missing: return "missing";
    case Fault::incomplete: return "incomplete";
    case Fault::truncated: return "truncated";
    case Fault::damaged: return "damaged";
    case Fault::other_type: return "of another type";
    case Fault::newer_version: return "of a newer version";
    case Fault::foreign: return "not trusted";
    case Fault::exposed: return "not protected";
    case Fault::older_version: return "of an older version";
  }
  return "unknown fault";
}

FileError::FileError(Fault fault, std::filesystem::path file, const std::string& text)
    : CheckpointError(file.string() + ": " + name(fault) + ": " + text),
      fault_(fault),
      file_(std::move(file)) {}

FileError::FileError(Fault fault, std::filesystem::path file, std::uint64_t offset, const std::string& text)
    : CheckpointError(file.string() + ": " + name(fault) + " at byte " + std::to_string(offset) + ": " +
                      text),
      fault_(fault),
      file_(std::move(file)),
      offset_(offset) {}

FileError::FileError(std::filesystem::path file, const std::string& operation, std::error_code code)
    : CheckpointError(file.string() + (is_missing(code) ? ": missing: cannot " : ": cannot ") + operation +
                      ": " + code.message()),
      fault_(is_missing(code) ? Fault::missing : Fault::io),
      file_(std::move(file)),
      code_(code) {}

}  // namespace rondo::checkpoint
