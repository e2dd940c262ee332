// Files whose lengths are wrong, and a machine that has no memory for one of them: the other checkpoints are used, and those
// that are written later are complete.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

#include "checkpoint/format.hpp"
#include "checkpoint/posix_storage.hpp"
#include "checkpoint/pruning.hpp"
#include "ensemble.hpp"
#include "faulty_storage.hpp"
#include "memory_storage.hpp"

namespace rondo::checkpoint {
namespace {

namespace fs = std::filesystem;
using Numbers = std::vector<std::uint64_t>;

constexpr std::uint64_t kTerabyte = std::uint64_t{1} << 40;
constexpr std::uint64_t kLittle = 1000;  // bytes

class Sizes : public ::testing::Test {
 protected:
  Sizes() : root_(fs::temp_directory_path() / ("rondo_checkpoint_size_test_" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    for (std::uint64_t round = 1; round <= 3; ++round) write(round, 9);
  }
  ~Sizes() override { fs::remove_all(root_); }

  void write(std::uint64_t round, std::uint64_t keep) {
    write_checkpoint(storage_, root_, ensemble_of(7, round, 10, 50), 2, keep);
  }
  [[nodiscard]] Path file(std::uint64_t sequence, std::string_view name) const {
    return checkpoint_folder(root_, sequence) / name;
  }
  // With one file of a terabyte, most of it holes, and all others small.
  void expect_the_others(std::uint64_t damaged, const Path& file) {
    FaultyStorage watched(storage_, {});
    Search search = find_newest(watched, root_, kTypeHash, Depth::states);
    EXPECT_LT(watched.read_max(), kLittle) << "memory was taken for what the length alone says";
    if (damaged == 3) {
      ASSERT_EQ(search.refusals.size(), 1U);
      EXPECT_EQ(search.refusals[0].file(), file.full()) << search.refusals[0].what();
    }
    EXPECT_EQ(search.newest.value().sequence, damaged == 3 ? 2U : 3U);
    write(4, 9);
    EXPECT_EQ(find_newest(storage_, root_, kTypeHash, Depth::states).newest.value().sequence, 4U);
    write(5, 1);
    EXPECT_EQ(sequences(storage_, root_).back(), 5U);
    EXPECT_EQ(find_newest(storage_, root_, kTypeHash, Depth::states).newest.value().sequence, 5U);
  }

  const Path root_;
  PosixStorage storage_;
};

TEST_F(Sizes, AManifestOfATerabyteOfHolesIsRefusedAndTheOneBeforeIsUsed) {
  fs::resize_file(file(3, kManifestName), kTerabyte);
  expect_the_others(3, file(3, kManifestName));
}

TEST_F(Sizes, AnOlderManifestOfATerabyteDisturbsNothing) {
  fs::resize_file(file(1, kManifestName), kTerabyte);
  expect_the_others(1, file(1, kManifestName));
}

TEST_F(Sizes, APartOfATerabyteOfHolesIsRefusedAndTheOneBeforeIsUsed) {
  fs::resize_file(file(3, part_name(1)), kTerabyte);
  expect_the_others(3, file(3, part_name(1)));
}

// Everything in its first and its last bytes is right, but for a checksum that covers all of it.
TEST_F(Sizes, AManifestThatIsTooBigForThisMachineIsRefusedBeforeItIsRead) {
  const Path manifest = file(3, kManifestName);
  const std::uint64_t small = fs::file_size(manifest);
  const std::uint64_t program =
      read_manifest(storage_, checkpoint_folder(root_, 3), kTypeHash).program.size();
  fs::resize_file(manifest, small - kManifestFooterSize);
  fs::resize_file(manifest, kTerabyte - kManifestFooterSize);
  Buffer bytes;
  put_number(bytes, kTerabyte);
  put_number(bytes, 0);
  put_number(bytes, kEndMagic);
  Buffer length;
  put_number(length, kTerabyte - small + program);
  {
    std::fstream out(manifest.full(), std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(96).write(reinterpret_cast<const char*>(length.data()), kNumberSize);
    out.seekp(kTerabyte - kManifestFooterSize)
        .write(reinterpret_cast<const char*>(bytes.data()), kManifestFooterSize);
  }
  FaultyStorage watched(storage_, {});
  try {
    static_cast<void>(read_manifest(watched, checkpoint_folder(root_, 3), kTypeHash, kTerabyte - 1));
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.fault(), Fault::io) << error.what();
    EXPECT_EQ(error.file(), manifest.full());
  }
  EXPECT_LT(watched.read_max(), kLittle);
  EXPECT_LE(manifest_size_max(), static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                     static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 2);
  // the limit itself may be reached
  const Path good = checkpoint_folder(root_, 2);
  const std::uint64_t size = fs::file_size(good / kManifestName);
  EXPECT_EQ(read_manifest(storage_, good, kTypeHash, size).round, 2U);
  EXPECT_THROW(static_cast<void>(read_manifest(storage_, good, kTypeHash, size - 1)), FileError);
}

TEST_F(Sizes, EveryLengthInAManifestIsHeldAgainstTheFile) {
  const Path manifest = file(3, kManifestName);
  for (const std::uint64_t offset : {64, 72, 80, 88, 96, 112}) {
    for (const std::uint64_t claim : {kTerabyte, ~std::uint64_t{0}, ~std::uint64_t{0} / 16 + 2}) {
      fs::copy_file(file(3, kManifestName), root_.full() / "kept", fs::copy_options::overwrite_existing);
      Buffer bytes;
      put_number(bytes, claim);
      std::fstream(manifest.full(), std::ios::in | std::ios::out | std::ios::binary)
          .seekp(static_cast<std::streamoff>(offset))
          .write(reinterpret_cast<const char*>(bytes.data()), kNumberSize);
      FaultyStorage watched(storage_, {});
      try {
        static_cast<void>(read_manifest(watched, checkpoint_folder(root_, 3), kTypeHash));
        ADD_FAILURE() << offset;
      } catch (const FileError& error) {
        EXPECT_EQ(error.fault(), Fault::damaged) << error.what();
      }
      EXPECT_LT(watched.read_max(), kHeaderSize + kManifestFixedSize + 1) << "the rest was read " << offset;
      fs::copy_file(root_.full() / "kept", manifest.full(), fs::copy_options::overwrite_existing);
    }
  }
  EXPECT_EQ(find_newest(storage_, root_, kTypeHash, Depth::states).newest.value().sequence, 3U);
}

TEST(OutOfMemory, ForOneCheckpointTheOthersAreUsedAndTheNextOneIsComplete) {
  const Path root = "runs/checkpoints";
  for (const std::uint64_t unlucky : {1, 2, 3}) {
    for (std::uint64_t at = 0; at < 6; ++at) {
      SCOPED_TRACE(std::to_string(unlucky) + " from operation " + std::to_string(at));
      MemoryStorage memory;
      for (std::uint64_t round = 1; round <= 3; ++round)
        write_checkpoint(memory, root, ensemble_of(7, round, 10, 50), 2, 9);
      const std::string folder = checkpoint_folder(root, unlucky).string();
      FaultyStorage faulty(memory, {Trouble::out_of_memory, at, true, folder});
      Search search = find_newest(faulty, root, kTypeHash, Depth::states);
      ASSERT_TRUE(search.newest);
      EXPECT_EQ(search.newest->sequence, unlucky == 3 ? 2U : 3U);
      // pruning meets it, too, and cannot tell what it is worth
      faulty.meet({Trouble::out_of_memory, at, true, folder});
      write_checkpoint(faulty, root, ensemble_of(7, 4, 10, 50), 2, 1);
      EXPECT_EQ(find_newest(memory, root, kTypeHash, Depth::states).newest.value().sequence, 4U);
      const Numbers left = sequences(memory, root);
      EXPECT_TRUE(left == Numbers{4} || left == (Numbers{unlucky, 4})) << left.size();
    }
  }
}

TEST(Numbering, ThereIsNoNumberBehindTheLast) {
  MemoryStorage storage;
  const Path root = "runs/checkpoints";
  write_checkpoint(storage, root, ensemble_of(7, 1, 10, 50), 2, 9);
  storage.create_folder(root / "checkpoint-18446744073709551615");  // not of Rondo
  EXPECT_EQ(next_sequence(storage, root), 2U);
  EXPECT_EQ(sequence_of(checkpoint_name(kSequenceMax)), kSequenceMax);
  storage.create_folder(checkpoint_folder(root, kSequenceMax));
  try {
    static_cast<void>(checkpoint_folder(root, next_sequence(storage, root)));
    ADD_FAILURE();
  } catch (const CheckpointError& error) {
    EXPECT_NE(std::string(error.what()).find("checkpoint-1000000000000000000"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace rondo::checkpoint
