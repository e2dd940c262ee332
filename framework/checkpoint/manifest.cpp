#include "checkpoint/manifest.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "checkpoint/checksum.hpp"
#include "checkpoint/durable_file.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/input.hpp"

namespace rondo::checkpoint {
namespace {

// What contradicts the invariants of a manifest, if anything does.
std::optional<std::string> contradiction(const Manifest& manifest) {
  for (std::size_t i = 1; i < manifest.parts.size(); ++i) {
    if (manifest.parts[i - 1].number >= manifest.parts[i].number) {
      return "part " + std::to_string(manifest.parts[i].number) + " is listed after part " +
             std::to_string(manifest.parts[i - 1].number) + "; parts must ascend";
    }
  }
  std::vector<std::uint64_t> counts(manifest.parts.size());
  for (std::size_t i = 0; i < manifest.placements.size(); ++i) {
    const Placement& placement = manifest.placements[i];
    const std::string state = "state " + std::to_string(value(placement.id));
    if (i > 0 && manifest.placements[i - 1].id >= placement.id) {
      return state + " is listed after state " + std::to_string(value(manifest.placements[i - 1].id)) +
             "; ids must ascend";
    }
    if (placement.id >= manifest.next_id) {
      return state + " is not below the next state id " + std::to_string(value(manifest.next_id));
    }
    const PartEntry* part = manifest.part(placement.part);
    if (part == nullptr)
      return state + " is in part " + std::to_string(placement.part) + ", which is not listed";
    ++counts[static_cast<std::size_t>(part - manifest.parts.data())];
  }
  for (std::size_t i = 0; i < manifest.parts.size(); ++i) {
    if (counts[i] != manifest.parts[i].count) {
      return "part " + std::to_string(manifest.parts[i].number) + " is listed with " +
             std::to_string(manifest.parts[i].count) + " states, and " + std::to_string(counts[i]) +
             " states are listed in it";
    }
  }
  return std::nullopt;
}

// Takes numbers and pieces off the front of bytes; refuses to go past their end.
class Cursor {
 public:
  Cursor(Bytes bytes, std::uint64_t offset, const Path& file)
      : bytes_(bytes.subspan(offset)), offset_(offset), file_(file) {}

  std::uint64_t number() { return number_at(piece(kNumberSize, "a number"), 0); }
  Bytes piece(std::uint64_t length, const char* what) {
    if (length > bytes_.size()) refuse(length, what);
    const Bytes front = bytes_.first(length);
    bytes_ = bytes_.subspan(length);
    offset_ += length;
    return front;
  }
  // As many things of `each` bytes as a number in the file claims; only what fits is believed.
  std::size_t count(std::uint64_t claimed, std::uint64_t each, const char* what) const {
    if (claimed > bytes_.size() / each) refuse(claimed, what);
    return claimed;
  }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t left() const { return bytes_.size(); }

 private:
  [[noreturn]] void refuse(std::uint64_t claimed, const char* what) const {
    throw FileError(Fault::damaged, file_, offset_,
                    std::to_string(claimed) + " " + what + " are claimed, and " +
                        std::to_string(bytes_.size()) + " bytes are left");
  }

  Bytes bytes_;
  std::uint64_t offset_;
  const Path& file_;
};

Buffer copied(Bytes bytes) {
  Buffer copy;
  copy.append(bytes);
  return copy;
}

void check_footer(Bytes bytes, const Path& file) {
  if (bytes.size() < kHeaderSize + kManifestFooterSize) {
    throw FileError(Fault::truncated, file,
                    std::to_string(bytes.size()) + " bytes are too few for a manifest");
  }
  const std::uint64_t footer = bytes.size() - kManifestFooterSize;
  if (number_at(bytes, footer + 16) != kEndMagic) {
    throw FileError(Fault::truncated, file, footer + 16,
                    "the mark of the end of a manifest is not at its end");
  }
  if (number_at(bytes, footer) != bytes.size()) {
    throw FileError(Fault::damaged, file, footer,
                    "names a size of " + std::to_string(number_at(bytes, footer)) + " bytes and has " +
                        std::to_string(bytes.size()));
  }
  if (number_at(bytes, footer + 8) != checksum(bytes.first(footer + 8))) {
    throw FileError(Fault::damaged, file, footer + 8, "the bytes before do not have this checksum");
  }
}

}  // namespace

const PartEntry* Manifest::part(std::uint64_t number) const {
  const auto found = std::lower_bound(parts.begin(), parts.end(), number,
                                      [](const PartEntry& part, std::uint64_t n) { return part.number < n; });
  return found != parts.end() && found->number == number ? &*found : nullptr;
}

Buffer encode(const Manifest& manifest) {
  if (const auto wrong = contradiction(manifest)) throw std::logic_error("checkpoint manifest: " + *wrong);
  Buffer out;
  out.reserve(kHeaderSize + kManifestFixedSize + manifest.parts.size() * kManifestPartSize +
              manifest.placements.size() * kManifestPlacementSize + manifest.context.size() +
              manifest.scheduler.size() + manifest.program.size() + kManifestFooterSize);
  put_header(out, kManifestMagic,
             {.type_hash = manifest.type_hash, .round = manifest.round, .number = manifest.parts.size()});
  for (const std::uint64_t number :
       {value(manifest.next_id), manifest.seed, std::uint64_t{manifest.parts.size()},
        std::uint64_t{manifest.placements.size()}, std::uint64_t{manifest.context.size()},
        std::uint64_t{manifest.scheduler.size()}, std::uint64_t{manifest.program.size()}, manifest.run}) {
    put_number(out, number);
  }
  for (const PartEntry& part : manifest.parts) {
    for (const std::uint64_t number : {part.number, part.size, part.checksum, part.count})
      put_number(out, number);
  }
  for (const Placement& placement : manifest.placements) {
    put_number(out, value(placement.id));
    put_number(out, placement.part);
  }
  out.append(manifest.context);
  out.append(manifest.scheduler);
  out.append(manifest.program);
  put_number(out, out.size() + kManifestFooterSize);
  put_number(out, checksum(out));
  put_number(out, kEndMagic);
  return out;
}

Manifest decode_manifest(Bytes bytes, std::uint64_t type_hash, const Path& file) {
  const Header header = read_header(bytes, kManifestMagic, type_hash, file);
  check_footer(bytes, file);

  Cursor cursor(bytes.first(bytes.size() - kManifestFooterSize), kHeaderSize, file);
  Manifest manifest;
  manifest.type_hash = header.type_hash;
  manifest.round = header.round;
  manifest.next_id = StateId{cursor.number()};
  manifest.seed = cursor.number();
  const std::uint64_t parts = cursor.number();
  const std::uint64_t states = cursor.number();
  const std::uint64_t context = cursor.number();
  const std::uint64_t scheduler = cursor.number();
  const std::uint64_t program = cursor.number();
  manifest.run = cursor.number();

  if (parts != header.number) {
    throw FileError(Fault::damaged, file, kHeaderSize + 16,
                    std::to_string(parts) + " parts; the header says " + std::to_string(header.number));
  }
  manifest.parts.resize(cursor.count(parts, kManifestPartSize, "parts"));
  for (PartEntry& part : manifest.parts) {
    part.number = cursor.number();
    part.size = cursor.number();
    part.checksum = cursor.number();
    part.count = cursor.number();
  }
  manifest.placements.resize(cursor.count(states, kManifestPlacementSize, "states"));
  for (Placement& placement : manifest.placements) {
    placement.id = StateId{cursor.number()};
    placement.part = cursor.number();
  }
  manifest.context = copied(cursor.piece(context, "bytes of the shared context"));
  manifest.scheduler = copied(cursor.piece(scheduler, "bytes of the scheduler"));
  manifest.program = copied(cursor.piece(program, "bytes of the program"));
  if (cursor.left() != 0) {
    throw FileError(Fault::damaged, file, cursor.offset(),
                    std::to_string(cursor.left()) + " bytes here belong to nothing");
  }
  if (const auto wrong = contradiction(manifest)) throw FileError(Fault::damaged, file, *wrong);
  return manifest;
}

void commit_manifest(Storage& storage, const Path& folder, const Manifest& manifest) {
  DurableFile file(storage, folder, kManifestName);
  file.append(encode(manifest));
  file.commit();
}

Manifest read_manifest(Storage& storage, const Path& folder, std::uint64_t type_hash) {
  const Path file = folder / kManifestName;
  std::unique_ptr<InputFile> input;
  try {
    input = storage.open(file);
  } catch (const FileError& error) {
    if (error.fault() != Fault::missing) throw;
    throw FileError(Fault::incomplete, folder, "it has no manifest, so that its checkpoint never ended");
  }
  Buffer bytes;
  const std::uint64_t size = input->size();
  read_exactly(*input, file, 0, {bytes.extend(size), size});
  return decode_manifest(bytes, type_hash, file);
}

}  // namespace rondo::checkpoint
