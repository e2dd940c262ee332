#include "checkpoint/format.hpp"

#include <charconv>
#include <cstdio>
#include <filesystem>
#include <span>

#include "checkpoint/checksum.hpp"

namespace rondo::checkpoint {
namespace {

constexpr std::string_view kPartPrefix = "part-";
constexpr std::string_view kCheckpointPrefix = "checkpoint-";
constexpr std::string_view kRunPrefix = "run-";

std::string numbered(std::string_view prefix, std::size_t digits, std::uint64_t number) {
  std::string text = std::to_string(number);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  return std::string(prefix) + text;
}

std::optional<std::uint64_t> number_after(std::string_view prefix, std::string_view name) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::string digits(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

std::string hex(std::uint64_t number) { return "0x" + digits(number); }

// All that names of the runs with this root begin with.
std::string run_prefix(const Path& own) {
  const std::string text = (std::filesystem::absolute(own.full()) / "").lexically_normal().string();
  return std::string(kRunPrefix) + digits(checksum(std::as_bytes(std::span(text)))) + "-";
}

}  // namespace

std::string part_name(std::uint64_t number) { return numbered(kPartPrefix, 5, number); }

std::string checkpoint_name(std::uint64_t sequence) {
  if (sequence > kSequenceMax)
    throw CheckpointError("no number is left for another checkpoint: remove the folder " +
                          checkpoint_name(kSequenceMax));
  return numbered(kCheckpointPrefix, 12, sequence);
}

std::optional<std::uint64_t> sequence_of(const std::string& name) {
  const std::optional<std::uint64_t> sequence = number_after(kCheckpointPrefix, name);
  // "checkpoint-7" is a folder that somebody else named
  if (!sequence || *sequence > kSequenceMax || checkpoint_name(*sequence) != name) return std::nullopt;
  return sequence;
}

std::string run_name(const Path& own, std::uint64_t run) { return run_prefix(own) + digits(run); }

bool is_run_name(const std::string& name) { return name.starts_with(kRunPrefix); }

bool is_run_name(const std::string& name, std::uint64_t run) {
  return is_run_name(name) && name.ends_with(std::string("-").append(digits(run)));
}

bool is_run_of(const Path& own, const std::string& name) { return name.starts_with(run_prefix(own)); }

bool is_checkpoint_file(const std::string& name) {
  std::string_view base = name;
  if (base.ends_with(kTemporarySuffix)) base.remove_suffix(kTemporarySuffix.size());
  if (base == kManifestName) return true;
  const std::optional<std::uint64_t> number = number_after(kPartPrefix, base);
  return number && part_name(*number) == base;
}

void put_header(Buffer& out, std::uint64_t magic, const Header& header) {
  const std::size_t begin = out.size();
  for (const std::uint64_t number : {magic, kVersion, header.type_hash, header.round, header.number}) {
    put_number(out, number);
  }
  put_number(out, checksum(Bytes(out).subspan(begin)));
}

Header read_header(Bytes bytes, std::uint64_t magic, std::uint64_t type_hash, const Path& file) {
  if (bytes.size() < kHeaderSize) {
    throw FileError(
        Fault::truncated, file,
        std::to_string(bytes.size()) + " bytes; the header alone has " + std::to_string(kHeaderSize));
  }
  if (number_at(bytes, 0) != magic) {
    throw FileError(Fault::damaged, file, 0,
                    "begins with " + hex(number_at(bytes, 0)) + ", not with the magic " + hex(magic));
  }
  if (number_at(bytes, 40) != checksum(bytes.first(40))) {
    throw FileError(Fault::damaged, file, 40, "the header does not have the checksum that it names");
  }
  const std::uint64_t version = number_at(bytes, 8);
  if (version > kVersion) {
    throw FileError(
        Fault::newer_version, file, 8,
        "version " + std::to_string(version) + "; this build reads up to " + std::to_string(kVersion));
  }
  if (version == 0) throw FileError(Fault::damaged, file, 8, "version 0; versions begin with 1");
  if (version < kVersionOldest) {
    throw FileError(Fault::older_version, file, 8,
                    "version " + std::to_string(version) + "; this build reads from version " +
                        std::to_string(kVersionOldest) + " on: end the run with the Rondo that began it");
  }
  if (number_at(bytes, 16) != type_hash) {
    throw FileError(
        Fault::other_type, file, 16,
        "written with the types " + hex(number_at(bytes, 16)) + "; this build has " + hex(type_hash));
  }
  return {.type_hash = type_hash, .round = number_at(bytes, 24), .number = number_at(bytes, 32)};
}

}  // namespace rondo::checkpoint
