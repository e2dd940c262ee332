// A checkpoint gives back what was saved, bit for bit, and refuses by name everything else.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "checkpoint/format.hpp"
#include "checkpoint/part_reader.hpp"
#include "checkpoint/part_writer.hpp"
#include "ensemble.hpp"
#include "memory_storage.hpp"
#include "seal.hpp"

namespace rondo::checkpoint {
namespace {

const Path kRoot = "runs/checkpoints";

Fault fault_of(Storage& storage, const Path& folder, std::uint64_t type_hash = kTypeHash) {
  try {
    static_cast<void>(read_checkpoint(storage, folder, type_hash, Depth::states));
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find(error.file().string()), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(name(error.fault())), std::string::npos) << error.what();
    return error.fault();
  }
  ADD_FAILURE() << "nothing was refused";
  return Fault::io;
}

// One checkpoint of 20 states in three parts.
class Refusals : public ::testing::Test {
 protected:
  Refusals() { write_checkpoint(storage_, kRoot, ensemble_of(1, 1, 20, 300), 3, 2); }

  MemoryStorage storage_;
  Path folder_ = checkpoint_folder(kRoot, 1);
  Path part_ = folder_ / part_name(2);
  Path manifest_ = folder_ / kManifestName;
};

TEST(RoundTrip, AnyEnsembleOnAnyNumberOfPartsComesBackBitForBit) {
  const std::uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 generator(seed);
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t count = generator() % 4 == 0 ? generator() % 3 : generator() % 300;
    const std::uint64_t length_max = i % 20 == 0 ? 700'000 : generator() % 2000;  // some above a write block
    const Ensemble saved = ensemble_of(generator(), generator() % 1000, i % 20 == 0 ? 5 : count, length_max);
    MemoryStorage storage;
    write_checkpoint(storage, kRoot, saved, 1 + generator() % 9, 1);
    Search search = find_newest(storage, kRoot, kTypeHash, Depth::states);
    ASSERT_TRUE(search.refusals.empty()) << search.refusals[0].what();
    const Checkpoint& found = search.newest.value();
    EXPECT_TRUE(read_ensemble(storage, found.folder, found.manifest) == saved) << "iteration " << i;
  }
}

TEST(RoundTrip, ACostThatIsNotANumberComesBackBitForBit) {
  MemoryStorage storage;
  Ensemble saved = ensemble_of(3, 3, 4, 10);
  const double odd_costs[] = {std::nan("7"), -0.0, HUGE_VAL, 5e-324};
  std::size_t next = 0;
  for (auto& [id, state] : saved.states) state.cost_bits = std::bit_cast<std::uint64_t>(odd_costs[next++]);
  write_checkpoint(storage, kRoot, saved, 2, 1);
  const Checkpoint found = std::move(find_newest(storage, kRoot, kTypeHash, Depth::states).newest).value();
  EXPECT_TRUE(read_ensemble(storage, found.folder, found.manifest) == saved);
}

TEST(RoundTrip, EqualStatesMakeEqualFiles) {
  MemoryStorage one, other;
  write_checkpoint(one, kRoot, ensemble_of(5, 5, 30, 100), 2, 1);
  write_checkpoint(other, kRoot, ensemble_of(5, 5, 30, 100), 2, 1);
  for (const std::string& name : one.list(checkpoint_folder(kRoot, 1))) {
    EXPECT_EQ(one.bytes(checkpoint_folder(kRoot, 1) / name), other.bytes(checkpoint_folder(kRoot, 1) / name))
        << name;
  }
}

TEST_F(Refusals, AnotherType) { EXPECT_EQ(fault_of(storage_, folder_, kTypeHash + 1), Fault::other_type); }

TEST_F(Refusals, AnotherVersionOfTheManifestOrOfAPart) {
  for (const Path& file : {part_, manifest_}) {
    std::vector<std::byte>& bytes = storage_.bytes(file);
    const std::vector<std::byte> before = bytes;
    for (const std::uint64_t version : {1, 2, 4, 1000}) {
      set_number(bytes, 8, version);
      EXPECT_EQ(fault_of(storage_, folder_), Fault::damaged) << "a flipped version is no other version";
      seal_header(bytes);
      EXPECT_EQ(fault_of(storage_, folder_), version < 3 ? Fault::older_version : Fault::newer_version);
      bytes = before;
    }
  }
}

TEST_F(Refusals, AnOlderVersionIsToldWhatToDoAndNotRemoved) {
  std::vector<std::byte>& bytes = storage_.bytes(manifest_);
  set_number(bytes, 8, 2);
  seal_header(bytes);
  try {
    (void)read_checkpoint(storage_, folder_, kTypeHash, Depth::states);
    ADD_FAILURE() << "nothing was refused";
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find("version 2; this build reads from version 3 on"),
              std::string::npos)
        << error.what();
  }
  for (std::uint64_t round = 2; round < 6; ++round)
    write_checkpoint(storage_, kRoot, ensemble_of(1, round, 20, 300), 3, 2);
  EXPECT_EQ(sequences(storage_, kRoot), (std::vector<std::uint64_t>{1, 4, 5}));
}

TEST_F(Refusals, EveryTruncationOfEveryFile) {
  for (const Path& file : {part_, manifest_}) {
    std::vector<std::byte>& bytes = storage_.bytes(file);
    const std::vector<std::byte> before = bytes;
    for (std::size_t length = 0; length < before.size(); ++length) {
      bytes.assign(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(length));
      ASSERT_EQ(fault_of(storage_, folder_), Fault::truncated) << file << " cut to " << length;
    }
    bytes = before;
  }
}

TEST_F(Refusals, EveryFlippedBitOfEveryFile) {
  for (const Path& file : {part_, manifest_}) {
    std::vector<std::byte>& bytes = storage_.bytes(file);
    for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
      const Fault fault = fault_of(storage_, folder_);
      // the mark at the very end is what tells a file that was cut
      const bool in_mark = bit / 8 + kNumberSize >= bytes.size();
      ASSERT_EQ(fault, in_mark ? Fault::truncated : Fault::damaged) << file << " bit " << bit;
      bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    }
  }
}

TEST_F(Refusals, BytesAfterTheEnd) {
  for (const Path& file : {part_, manifest_}) {
    storage_.bytes(file).push_back(std::byte{0});
    const Fault fault = fault_of(storage_, folder_);
    EXPECT_TRUE(fault == Fault::damaged || fault == Fault::truncated) << name(fault);
    storage_.bytes(file).pop_back();
  }
}

TEST_F(Refusals, APartThatIsNotThere) {
  storage_.remove(part_);
  EXPECT_EQ(fault_of(storage_, folder_), Fault::missing);
}

TEST_F(Refusals, AFolderWithoutAManifest) {
  storage_.remove(manifest_);
  EXPECT_EQ(fault_of(storage_, folder_), Fault::incomplete);
}

TEST_F(Refusals, AWholePartOfAnotherCheckpoint) {
  write_checkpoint(storage_, kRoot, ensemble_of(1, 2, 20, 300), 3, 2);
  storage_.bytes(part_) = storage_.bytes(checkpoint_folder(kRoot, 2) / part_name(2));
  const Fault fault = fault_of(storage_, folder_);
  EXPECT_TRUE(fault == Fault::damaged || fault == Fault::truncated) << name(fault);
}

TEST_F(Refusals, TwoPartsThatChangedPlaces) {
  storage_.bytes(part_).swap(storage_.bytes(folder_ / part_name(3)));
  const Fault fault = fault_of(storage_, folder_);
  EXPECT_TRUE(fault == Fault::damaged || fault == Fault::truncated) << name(fault);
}

TEST_F(Refusals, AStateThatIsNotInThePart) {
  const Manifest manifest = read_checkpoint(storage_, folder_, kTypeHash, Depth::manifest);
  const Header header{.type_hash = kTypeHash, .round = 1, .number = 2};
  const PartReader reader(storage_, folder_, header, *manifest.part(2));
  EXPECT_THROW(static_cast<void>(reader.at(manifest.next_id)), FileError);
}

TEST_F(Refusals, AManifestThatPlacesAStateInAnotherPart) {
  std::vector<std::byte>& bytes = storage_.bytes(manifest_);
  const Manifest manifest = read_checkpoint(storage_, folder_, kTypeHash, Depth::manifest);
  // two states change places: all counts stay right
  std::size_t other = 1;
  while (manifest.placements[other].part == manifest.placements[0].part) ++other;
  const std::size_t begin = kHeaderSize + kManifestFixedSize + 3 * kManifestPartSize + kNumberSize;
  set_number(bytes, begin, manifest.placements[other].part);
  set_number(bytes, begin + other * kManifestPlacementSize, manifest.placements[0].part);
  seal_manifest(bytes);
  EXPECT_EQ(fault_of(storage_, folder_), Fault::damaged);
}

TEST_F(Refusals, APartThatShrinksWhileItIsRead) {
  const Manifest manifest = read_checkpoint(storage_, folder_, kTypeHash, Depth::manifest);
  const Header header{.type_hash = kTypeHash, .round = 1, .number = 2};
  const PartReader reader(storage_, folder_, header, *manifest.part(2));
  storage_.bytes(part_).resize(kHeaderSize);
  const auto longest =
      std::max_element(reader.records().begin(), reader.records().end(),
                       [](const auto& left, const auto& right) { return left.length < right.length; });
  Buffer into;
  try {
    reader.read(*longest, into);
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.fault(), Fault::truncated);
  }
}

// A part of two states with five bytes in all: where its records and its footer are.
constexpr std::size_t kFirst = kHeaderSize + 5, kSecond = kFirst + kRecordSize,
                      kFooter = kSecond + kRecordSize;

class SealedParts : public ::testing::Test {
 protected:
  SealedParts() : entry_(write(std::byte{1})) {}

  PartEntry write(std::byte content) {
    PartWriter writer(storage_, "", header_);
    writer.add(StateId{1}, 0, std::vector<std::byte>(2, content));
    writer.add(StateId{2}, 0, std::vector<std::byte>(3, content));
    return writer.finish();
  }
  void expect_damaged(const Header& header, const PartEntry& entry) {
    try {
      const PartReader reader(storage_, "", header, entry);
      ADD_FAILURE() << "nothing was refused";
    } catch (const FileError& error) {
      EXPECT_EQ(error.fault(), Fault::damaged) << error.what();
    }
  }
  void set(std::size_t offset, std::uint64_t number) {
    set_number(storage_.bytes(part_name(1)), offset, number);
  }
  void expect_damaged_with_right_checksums() {
    expect_damaged(header_, seal_part(storage_.bytes(part_name(1))));
  }

  MemoryStorage storage_;
  Header header_{.type_hash = kTypeHash, .round = 4, .number = 1};
  PartEntry entry_;
};

TEST_F(SealedParts, AreAcceptedAsTheyAre) {
  EXPECT_EQ(seal_part(storage_.bytes(part_name(1))), entry_);
  EXPECT_EQ(PartReader(storage_, "", header_, entry_).records().size(), 2U);
}

TEST_F(SealedParts, LengthsThatAddUpOnlyModuloTwoToThe64AreDamaged) {
  set(kFirst + 8, (std::uint64_t{1} << 63) + 5);
  set(kSecond + 8, std::uint64_t{1} << 63);
  expect_damaged_with_right_checksums();
}

TEST_F(SealedParts, ACountThatFitsOnlyModuloTwoToThe64IsDamaged) {
  set(kFooter, 2 + (std::uint64_t{1} << 59));  // times 32 it is 64
  expect_damaged_with_right_checksums();
}

TEST_F(SealedParts, BytesOfNoStateAreDamage) {
  set(kSecond + 8, 2);
  expect_damaged_with_right_checksums();
}

TEST_F(SealedParts, TheSameStateTwiceIsDamage) {
  set(kSecond, 1);
  expect_damaged_with_right_checksums();
}

TEST_F(SealedParts, AnotherRoundOrNumberIsNotTheListedPart) {
  expect_damaged({.type_hash = kTypeHash, .round = 5, .number = 1}, entry_);
  expect_damaged({.type_hash = kTypeHash, .round = 4, .number = 2}, entry_);
}

TEST_F(SealedParts, OtherStatesOfTheSameSizeAreNotTheListedPart) {
  const PartEntry other = write(std::byte{2});
  EXPECT_EQ(other.size, entry_.size);
  expect_damaged(header_, entry_);
}

TEST_F(Refusals, ARefusedStateLeavesTheBufferAsItWas) {
  const Manifest manifest = read_checkpoint(storage_, folder_, kTypeHash, Depth::manifest);
  const Header header{.type_hash = kTypeHash, .round = 1, .number = 2};
  const PartReader reader(storage_, folder_, header, *manifest.part(2));
  storage_.bytes(part_)[kHeaderSize] ^= std::byte{1};
  Buffer into;
  into.extend(5);
  std::size_t refused = 0;
  for (const PartReader::Record& record : reader.records()) {
    const std::size_t before = into.size();
    try {
      reader.read(record, into);
      EXPECT_EQ(into.size(), before + record.length);
    } catch (const FileError& error) {
      EXPECT_EQ(into.size(), before);
      EXPECT_EQ(error.offset(), record.offset);
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1U);
}

TEST(Writing, TheSameStateTwiceInAPartIsTheCallersError) {
  MemoryStorage storage;
  PartWriter writer(storage, "", {});
  writer.add(StateId{1}, 0, {});
  writer.add(StateId{1}, 0, {});
  EXPECT_THROW(static_cast<void>(writer.finish()), std::logic_error);
}

TEST(Writing, AManifestThatContradictsItselfIsTheCallersError) {
  const auto refused = [](auto change) {
    Manifest manifest;
    manifest.next_id = StateId{10};
    manifest.parts = {{.number = 1, .count = 1}, {.number = 2, .count = 1}};
    manifest.placements = {{StateId{3}, 1}, {StateId{4}, 2}};
    static_cast<void>(encode(manifest));
    change(manifest);
    EXPECT_THROW(static_cast<void>(encode(manifest)), std::logic_error);
  };
  refused([](Manifest& manifest) { manifest.parts[1].number = 1; });
  refused([](Manifest& manifest) { manifest.placements[1].id = StateId{3}; });
  refused([](Manifest& manifest) { manifest.placements[1].id = StateId{10}; });
  refused([](Manifest& manifest) { manifest.placements[1].part = 3; });
  refused([](Manifest& manifest) { manifest.placements[1].part = 1; });
  refused([](Manifest& manifest) { manifest.parts[0].count = 2; });
}

TEST(Writing, AnUnfinishedPartLeavesNothingBehind) {
  MemoryStorage storage;
  { PartWriter writer(storage, "", {.number = 1}); }
  EXPECT_TRUE(storage.list("").empty());
}

}  // namespace
}  // namespace rondo::checkpoint
