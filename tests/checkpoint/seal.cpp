#include "seal.hpp"

#include "checkpoint/checksum.hpp"
#include "checkpoint/format.hpp"

namespace rondo::checkpoint {
void set_number(std::vector<std::byte>& bytes, std::uint64_t offset, std::uint64_t number) {
  for (std::uint64_t i = 0; i < kNumberSize && offset + i < bytes.size(); ++i) {
    bytes[offset + i] = static_cast<std::byte>(number >> (8 * i));
  }
}

void seal_header(std::vector<std::byte>& bytes) {
  if (bytes.size() >= kHeaderSize) set_number(bytes, 40, checksum(Bytes(bytes).first(40)));
}

void seal_manifest(std::vector<std::byte>& bytes) {
  seal_header(bytes);
  if (bytes.size() < kHeaderSize + kManifestFooterSize) return;
  const std::uint64_t footer = bytes.size() - kManifestFooterSize;
  set_number(bytes, footer, bytes.size());
  set_number(bytes, footer + 8, checksum(Bytes(bytes).first(footer + 8)));
  set_number(bytes, footer + 16, kEndMagic);
}

PartEntry seal_part(std::vector<std::byte>& bytes) {
  seal_header(bytes);
  if (bytes.size() < kHeaderSize + kPartFooterSize) return {.size = bytes.size()};
  const std::uint64_t footer = bytes.size() - kPartFooterSize;
  const std::uint64_t count = number_at(bytes, footer);
  const std::uint64_t total = number_at(bytes, footer + 8);
  const std::uint64_t room = footer - kHeaderSize;
  if (total <= room)
    set_number(bytes, footer + 16, checksum(Bytes(bytes).subspan(kHeaderSize + total, room - total)));
  set_number(bytes, footer + 24, bytes.size());
  Buffer covered;
  covered.append(Bytes(bytes).first(kHeaderSize));
  covered.append(Bytes(bytes).subspan(footer, 32));
  set_number(bytes, footer + 32, checksum(covered));
  set_number(bytes, footer + 40, kEndMagic);
  return {
      .number = number_at(bytes, 32), .size = bytes.size(), .checksum = checksum(covered), .count = count};
}

}  // namespace rondo::checkpoint
