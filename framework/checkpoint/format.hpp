// The format of checkpoints, version 3. Every constant of it is here; the writers and readers hold no other
// numbers.
//
//   ROOT/checkpoint-000000000007/part-00003      the states of worker 3
//   ROOT/checkpoint-000000000007/manifest        rank 0's; renamed into place last: with it the checkpoint is
//                                                complete
//   .../manifest.tmp, .../part-00003.tmp         being written; worthless after a crash
//   COPY/run-0123456789abcdef-fedcba9876543210   a root, in a folder that runs share: the copies of one of them,
//                                                by the checksum of its own root's absolute path, and its id
//
// All numbers are 64 bits, unsigned, little-endian, on every machine; a cost is the bits of an IEEE 754
// double. Checksums are XXH3 (64 bits, seed 0) of bytes as they are in the file.
//
// Both kinds of file begin with a header of six numbers, whose layout no version changes, so that any build
// can tell a newer file from a damaged one:
//   0  magic        "RONDOPRT" or "RONDOMAN", read as a number
//   8  version      3. Versions 1 and 2 are refused: what their type hash was made of cannot be compared any more, and
//                   they do not have the schemas of version 3
//   16 type hash    of the program that wrote it: the names of its types, and what the types alone tell of their bytes
//                   (rondo/detail/shape.hpp); a program with another one must not read the states
//   24 round        the number of rounds that the states have been through
//   32 number       part: its own number. manifest: how many parts there are
//   40 checksum     of the 40 bytes before
//
// A part goes on with
//   48 the states, back to back, in the order in which they were written
//   then the index, one record of four numbers per state, in the same order:
//     0 id, 8 length, 16 checksum of the state's bytes, 24 predicted cost
//   then the schema: of which types, in which order, the serialize() of the states wrote them, as
//   rondo::detail::Schema::save() writes it; what is left of the file. None: no serialize() has written anything
//   then the footer, the last 48 bytes:
//     0 count (records), 8 total (bytes of all states), 16 checksum of the index and the schema, 24 size of the whole
//     file, 32 checksum of the header and the 32 bytes of footer before, 40 magic "RONDOEND"
// Offset 32 of the footer is "the part's checksum" that the manifest lists: it covers the header and, through
// the index and the checksums in it, every byte of the part, and is verified without reading the states.
//
// A manifest goes on with ten numbers,
//   48 next state id, 56 seed, 64 number of parts, 72 number of states,
//   80 length of the shared context, 88 of the scheduler's bytes, 96 of the program's own bytes,
//   104 id of the run: drawn when it began without a checkpoint, and kept by a run that goes on from one
//   112 length of the program's arguments
//   120 how many random numbers the program's main has drawn
// then
//   128 the parts, by ascending number, four numbers each:
//     0 number, 8 size, 16 the part's checksum, 24 count of states
//   then the states, by ascending id, two numbers each:
//     0 id (below the next state id), 8 number of the part it is in
//   then the bytes of the shared context, of the scheduler, of the program, and of its arguments: context and program as
//   rondo/detail/described.hpp packs them, each with its schema; each argument with a zero byte behind it, without the name of
//   the program and without the options of Rondo
//   then the footer, the last 24 bytes:
//     0 size of the whole file, 8 checksum of everything before this number, 16 magic "RONDOEND"
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <rondo/bytes.hpp>

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

inline constexpr std::uint64_t kVersion = 3;
inline constexpr std::uint64_t kVersionOldest = 3;  // that is read

inline constexpr std::uint64_t kNumberSize = 8;
inline constexpr std::uint64_t kHeaderSize = 6 * kNumberSize;
inline constexpr std::uint64_t kRecordSize = 4 * kNumberSize;
inline constexpr std::uint64_t kPartFooterSize = 6 * kNumberSize;
inline constexpr std::uint64_t kManifestFixedSize = 10 * kNumberSize;
inline constexpr std::uint64_t kManifestPartSize = 4 * kNumberSize;
inline constexpr std::uint64_t kManifestPlacementSize = 2 * kNumberSize;
inline constexpr std::uint64_t kManifestFooterSize = 3 * kNumberSize;

constexpr std::uint64_t magic(std::string_view eight_letters) {
  std::uint64_t number = 0;
  for (std::size_t i = 8; i-- > 0;) number = number << 8 | static_cast<unsigned char>(eight_letters[i]);
  return number;
}
inline constexpr std::uint64_t kPartMagic = magic("RONDOPRT");
inline constexpr std::uint64_t kManifestMagic = magic("RONDOMAN");
inline constexpr std::uint64_t kEndMagic = magic("RONDOEND");

inline constexpr std::string_view kManifestName = "manifest";
inline constexpr std::string_view kTemporarySuffix = ".tmp";
[[nodiscard]] std::string part_name(std::uint64_t number);
// More than any run writes; a folder with a higher number is not of Rondo.
inline constexpr std::uint64_t kSequenceMax = 1'000'000'000'000'000'000;
// Throws CheckpointError for a number above kSequenceMax: somebody has made a folder with the last one.
[[nodiscard]] std::string checkpoint_name(std::uint64_t sequence);
// The sequence number in the name of a checkpoint's folder; nothing for any other name.
[[nodiscard]] std::optional<std::uint64_t> sequence_of(const std::string& name);
// The root of a run's checkpoints in a folder that runs share; `own` is the run's own root, as the run names it. Only text
// is looked at: a disk that is gone does not change the name.
[[nodiscard]] std::string run_name(const Path& own, std::uint64_t run);
// Whether this is the name of such a root, of any run; of this one; of one whose own root is `own`.
[[nodiscard]] bool is_run_name(const std::string& name);
[[nodiscard]] bool is_run_name(const std::string& name, std::uint64_t run);
[[nodiscard]] bool is_run_of(const Path& own, const std::string& name);
// Whether a checkpoint writes files of this name, temporary ones included. No other file is ever removed.
[[nodiscard]] bool is_checkpoint_file(const std::string& name);

inline void put_number(Buffer& out, std::uint64_t number) {
  std::byte* place = out.extend(kNumberSize);
  for (std::size_t i = 0; i < kNumberSize; ++i) place[i] = static_cast<std::byte>(number >> (8 * i));
}
// `bytes` holds at least offset + 8 bytes.
inline std::uint64_t number_at(Bytes bytes, std::uint64_t offset) {
  std::uint64_t number = 0;
  for (std::size_t i = kNumberSize; i-- > 0;)
    number = number << 8 | static_cast<std::uint64_t>(bytes[offset + i]);
  return number;
}

// What both kinds of file begin with, but for what follows from it (magic, version, checksum).
struct Header {
  std::uint64_t type_hash = 0;
  std::uint64_t round = 0;
  std::uint64_t number = 0;

  friend bool operator==(const Header&, const Header&) = default;
};

void put_header(Buffer& out, std::uint64_t magic, const Header& header);
// `bytes` are the first of `file`, all of them or at least the header. Refuses what is truncated, of another
// magic, damaged, of a newer or too old a version, or of another type than `type_hash`.
[[nodiscard]] Header read_header(Bytes bytes, std::uint64_t magic, std::uint64_t type_hash, const Path& file);

}  // namespace rondo::checkpoint
