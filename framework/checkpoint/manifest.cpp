#include "checkpoint/manifest.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <span>
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

void require_room(std::uint64_t size, const Path& file) {
  if (size >= kHeaderSize + kManifestFooterSize) return;
  throw FileError(Fault::truncated, file, std::to_string(size) + " bytes are too few for a manifest");
}

// The last bytes of a manifest that has so many.
void check_end(Bytes footer, std::uint64_t size, const Path& file) {
  const std::uint64_t offset = size - kManifestFooterSize;
  if (number_at(footer, 16) != kEndMagic) {
    throw FileError(Fault::truncated, file, offset + 16,
                    "the mark of the end of a manifest is not at its end");
  }
  if (number_at(footer, 0) != size) {
    throw FileError(
        Fault::damaged, file, offset,
        "names a size of " + std::to_string(number_at(footer, 0)) + " bytes and has " + std::to_string(size));
  }
}

void check_footer(Bytes bytes, const Path& file) {
  require_room(bytes.size(), file);
  const std::uint64_t footer = bytes.size() - kManifestFooterSize;
  check_end(bytes.subspan(footer), bytes.size(), file);
  if (number_at(bytes, footer + 8) != checksum(bytes.first(footer + 8))) {
    throw FileError(Fault::damaged, file, footer + 8, "the bytes before do not have this checksum");
  }
}

// The numbers behind the header.
struct Fixed {
  std::uint64_t next_id, seed, parts, states, context, scheduler, program, run, arguments, random;
};

Fixed read_fixed(Cursor& cursor) {
  Fixed fixed{};
  for (std::uint64_t* number :
       {&fixed.next_id, &fixed.seed, &fixed.parts, &fixed.states, &fixed.context, &fixed.scheduler,
        &fixed.program, &fixed.run, &fixed.arguments, &fixed.random})
    *number = cursor.number();
  return fixed;
}

// Refuses a file whose length is not what its first and last bytes say, without reading what is between.
void check_frame(const InputFile& input, const Path& file, std::uint64_t type_hash) {
  const std::uint64_t size = input.size();
  require_room(size, file);
  Buffer front, footer;
  const std::uint64_t front_size = std::min(size - kManifestFooterSize, kHeaderSize + kManifestFixedSize);
  read_exactly(input, file, 0, {front.extend(front_size), front_size});
  static_cast<void>(read_header(front, kManifestMagic, type_hash, file));
  read_exactly(input, file, size - kManifestFooterSize,
               {footer.extend(kManifestFooterSize), kManifestFooterSize});
  check_end(footer, size, file);
  Cursor cursor(front, kHeaderSize, file);
  const Fixed fixed = read_fixed(cursor);
  std::uint64_t left = size - kManifestFooterSize - cursor.offset();
  const auto take = [&](std::uint64_t count, std::uint64_t each, const char* what) {
    if (count > left / each) {
      throw FileError(Fault::damaged, file, cursor.offset(),
                      std::to_string(count) + " " + what + " are claimed, and " + std::to_string(left) +
                          " bytes are left");
    }
    left -= count * each;
  };
  take(fixed.parts, kManifestPartSize, "parts");
  take(fixed.states, kManifestPlacementSize, "states");
  for (const std::uint64_t length : {fixed.context, fixed.scheduler, fixed.program, fixed.arguments})
    take(length, 1, "bytes");
  if (left != 0) {
    throw FileError(Fault::damaged, file, size - kManifestFooterSize - left,
                    std::to_string(left) + " bytes here belong to nothing");
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
  const std::string& arguments = manifest.arguments;
  Buffer out;
  out.reserve(kHeaderSize + kManifestFixedSize + manifest.parts.size() * kManifestPartSize +
              manifest.placements.size() * kManifestPlacementSize + manifest.context.size() +
              manifest.scheduler.size() + manifest.program.size() + arguments.size() + kManifestFooterSize);
  put_header(out, kManifestMagic,
             {.type_hash = manifest.type_hash, .round = manifest.round, .number = manifest.parts.size()});
  for (const std::uint64_t number :
       {value(manifest.next_id), manifest.seed, std::uint64_t{manifest.parts.size()},
        std::uint64_t{manifest.placements.size()}, std::uint64_t{manifest.context.size()},
        std::uint64_t{manifest.scheduler.size()}, std::uint64_t{manifest.program.size()}, manifest.run,
        std::uint64_t{arguments.size()}, manifest.random}) {
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
  out.append(std::as_bytes(std::span(arguments)));
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
  const Fixed fixed = read_fixed(cursor);
  manifest.next_id = StateId{fixed.next_id};
  manifest.seed = fixed.seed;
  manifest.run = fixed.run;
  manifest.random = fixed.random;

  if (fixed.parts != header.number) {
    throw FileError(Fault::damaged, file, kHeaderSize + 16,
                    std::to_string(fixed.parts) + " parts; the header says " + std::to_string(header.number));
  }
  manifest.parts.resize(cursor.count(fixed.parts, kManifestPartSize, "parts"));
  for (PartEntry& part : manifest.parts) {
    part.number = cursor.number();
    part.size = cursor.number();
    part.checksum = cursor.number();
    part.count = cursor.number();
  }
  manifest.placements.resize(cursor.count(fixed.states, kManifestPlacementSize, "states"));
  for (Placement& placement : manifest.placements) {
    placement.id = StateId{cursor.number()};
    placement.part = cursor.number();
  }
  manifest.context = copied(cursor.piece(fixed.context, "bytes of the shared context"));
  manifest.scheduler = copied(cursor.piece(fixed.scheduler, "bytes of the scheduler"));
  manifest.program = copied(cursor.piece(fixed.program, "bytes of the program"));
  const Bytes arguments = cursor.piece(fixed.arguments, "bytes of the program's arguments");
  if (!arguments.empty() && arguments.back() != std::byte{0})
    throw FileError(Fault::damaged, file, cursor.offset(), "the last argument of the program has no end");
  manifest.arguments.assign(reinterpret_cast<const char*>(arguments.data()), arguments.size());
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

std::uint64_t manifest_size_max() {
  const auto memory = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                      static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return memory / 2;
}

Manifest read_manifest(Storage& storage, const Path& folder, std::uint64_t type_hash,
                       std::uint64_t size_max) {
  const Path file = folder / kManifestName;
  std::unique_ptr<InputFile> input;
  try {
    input = storage.open(file);
  } catch (const FileError& error) {
    if (error.fault() != Fault::missing) throw;
    throw FileError(Fault::incomplete, folder, "it has no manifest, so that its checkpoint never ended");
  }
  check_frame(*input, file, type_hash);
  Buffer bytes;
  const std::uint64_t size = input->size();
  if (size > size_max) {
    throw FileError(Fault::io, file,
                    std::to_string(size) + " bytes, and reading it takes twice as much memory: at most " +
                        std::to_string(size_max) + " can be read on this machine");
  }
  read_exactly(*input, file, 0, {bytes.extend(size), size});
  return decode_manifest(bytes, type_hash, file);
}

}  // namespace rondo::checkpoint
