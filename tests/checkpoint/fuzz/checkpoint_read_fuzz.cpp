// libFuzzer target: the readers of manifests and parts on arbitrary bytes.
//
// The first byte of an input says which reader, and whether the checksums are made right first (a fuzzer does
// not guess them). Run it with -rss_limit_mb=256 -malloc_limit_mb=64 to find allocations by an unverified
// length.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "checkpoint/format.hpp"
#include "checkpoint/part_reader.hpp"
#include "memory_storage.hpp"
#include "seal.hpp"

namespace {

using namespace rondo;
using namespace rondo::checkpoint;

constexpr std::uint64_t kTypeHash = 1;

void read_manifest_bytes(const std::vector<std::byte>& content) {
  const Manifest manifest = decode_manifest(content, kTypeHash, "manifest");
  const Buffer again = encode(manifest);
  // what is accepted is understood to the last byte
  if (!std::equal(content.begin(), content.end(), again.data(), again.data() + again.size())) std::abort();
}

void read_part_bytes(std::vector<std::byte> content, PartEntry entry, std::uint64_t round) {
  MemoryStorage storage;
  const Header header{.type_hash = kTypeHash, .round = round, .number = entry.number};
  entry.number = 1;  // the file's name
  storage.create(part_name(1))->close();
  storage.bytes(part_name(1)) = std::move(content);
  const PartReader reader(storage, "", header, entry);
  Buffer state;
  for (const PartReader::Record& record : reader.records()) {
    state.clear();
    reader.read(record, state);
    if (&reader.at(record.id) != &record || state.size() != record.length) std::abort();
  }
}

void make_header_right(std::vector<std::byte>& content, std::uint64_t magic) {
  if (content.size() < kHeaderSize) content.resize(kHeaderSize);
  set_number(content, 0, magic);
  set_number(content, 8, kVersion);
  set_number(content, 16, kTypeHash);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool is_part = (data[0] & 1) != 0;
  const bool sealed = (data[0] & 2) != 0;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  std::vector<std::byte> content(bytes + 1, bytes + size);
  try {
    if (sealed) make_header_right(content, is_part ? kPartMagic : kManifestMagic);
    if (is_part) {
      std::vector<std::byte> right = content;
      const PartEntry entry = seal_part(right);
      const std::uint64_t round = content.size() >= kHeaderSize ? number_at(content, 24) : 0;
      read_part_bytes(sealed ? right : content, entry, round);
    } else {
      if (sealed) seal_manifest(content);
      read_manifest_bytes(content);
    }
  } catch (const FileError&) {
    // the right answer to almost everything
  }
  return 0;
}
