// The bytes and the names of checkpoints, written down by hand: what others have on their disks.
#include "checkpoint/format.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "checkpoint/catalog.hpp"
#include "checkpoint/part_writer.hpp"
#include "memory_storage.hpp"

namespace rondo::checkpoint {
namespace {

// The bytes of version 3, written down by hand: a change of the format must change its version too.
TEST(Format, APartOfOneStateHasExactlyTheseBytes) {
  MemoryStorage storage;
  PartWriter writer(storage, "", {.type_hash = 0x0102030405060708, .round = 9, .number = 3});
  const std::byte state[] = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  writer.add(StateId{0x1122}, 1.5, state);
  const std::byte schema[] = {std::byte{'x'}, std::byte{'y'}};
  const PartEntry entry = writer.finish(schema);

  const std::vector<std::byte>& bytes = storage.bytes("part-00003");
  ASSERT_EQ(bytes.size(), 48U + 3 + 32 + 2 + 48);
  EXPECT_EQ(entry.size, bytes.size());
  EXPECT_EQ(entry.count, 1U);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), 8), "RONDOPRT");
  EXPECT_EQ(number_at(bytes, 8), 3U);
  EXPECT_EQ(bytes[16], std::byte{8});  // the low byte first
  EXPECT_EQ(number_at(bytes, 16), 0x0102030405060708U);
  EXPECT_EQ(number_at(bytes, 24), 9U);
  EXPECT_EQ(number_at(bytes, 32), 3U);
  EXPECT_EQ(bytes[50], std::byte{'c'});
  EXPECT_EQ(number_at(bytes, 51), 0x1122U);
  EXPECT_EQ(number_at(bytes, 59), 3U);
  EXPECT_EQ(number_at(bytes, 67), 0x78AF5F94892F3950U);  // XXH3 of "abc"
  EXPECT_EQ(number_at(bytes, 75), 0x3FF8000000000000U);
  EXPECT_EQ(bytes[84], std::byte{'y'});
  EXPECT_EQ(number_at(bytes, 85), 1U);
  EXPECT_EQ(number_at(bytes, 93), 3U);
  EXPECT_EQ(number_at(bytes, 109), bytes.size());
  EXPECT_EQ(number_at(bytes, 117), entry.checksum);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()) + 125, 8), "RONDOEND");
}

TEST(Format, AManifestWithNothingInItHasExactlyTheseBytes) {
  Manifest manifest;
  manifest.type_hash = 0x0102030405060708;
  manifest.round = 9;
  manifest.next_id = StateId{4};
  manifest.seed = 5;
  manifest.run = 0x1112131415161718;
  manifest.random = 0x2122232425262728;
  manifest.arguments = std::string("a\0bc\0", 5);
  const Buffer bytes = encode(manifest);
  ASSERT_EQ(bytes.size(), 48U + 80 + 5 + 24);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()), 8), "RONDOMAN");
  EXPECT_EQ(number_at(bytes, 8), 3U);
  EXPECT_EQ(number_at(bytes, 24), 9U);
  EXPECT_EQ(number_at(bytes, 48), 4U);
  EXPECT_EQ(number_at(bytes, 56), 5U);
  EXPECT_EQ(number_at(bytes, 104), 0x1112131415161718U);
  EXPECT_EQ(number_at(bytes, 112), 5U);
  EXPECT_EQ(number_at(bytes, 120), 0x2122232425262728U);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes.data()) + 128, 5), manifest.arguments);
  EXPECT_EQ(number_at(bytes, 133), bytes.size());
}

TEST(Format, ARunHasANameInAFolderThatItShares) {
  const std::string name = run_name("runs/one", 0xab);
  EXPECT_EQ(name.size(), 37U);
  EXPECT_TRUE(is_run_name(name));
  EXPECT_EQ(name.substr(21), "00000000000000ab");
  EXPECT_TRUE(is_run_of("runs/one", name));
  EXPECT_TRUE(is_run_of("./runs/../runs/one/", name));
  EXPECT_TRUE(is_run_of(Path(std::filesystem::current_path() / "runs/one"), name));
  EXPECT_FALSE(is_run_of("runs/other", name));
  EXPECT_FALSE(is_run_name(checkpoint_name(7)));
  EXPECT_FALSE(sequence_of(name).has_value());
}

TEST(Format, OnlyNamesThatACheckpointGivesAreItsOwn) {
  EXPECT_EQ(sequence_of(checkpoint_name(7)), 7U);
  EXPECT_EQ(sequence_of(checkpoint_name(1'234'567'890'123'456)), 1'234'567'890'123'456U);
  for (const char* name :
       {"checkpoint-7", "checkpoint-000000000007x", "checkpoint-", "Checkpoint-000000000007",
        "checkpoint--00000000007", "checkpoint-99999999999999999999999", "checkpoint-18446744073709551615"}) {
    EXPECT_FALSE(sequence_of(name).has_value()) << name;
  }
  for (const char* name : {"manifest", "manifest.tmp", "part-00003", "part-00003.tmp", "part-123456"}) {
    EXPECT_TRUE(is_checkpoint_file(name)) << name;
  }
  for (const char* name :
       {"notes.txt", "part-3", "part-00003.bak", "manifest.old", "part-", ".tmp", "part-0000x"}) {
    EXPECT_FALSE(is_checkpoint_file(name)) << name;
  }
}

}  // namespace
}  // namespace rondo::checkpoint
