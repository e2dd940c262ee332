// The storage of real runs, on real files.
#include <gtest/gtest.h>

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/durable_file.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/posix_storage.hpp"
#include "ensemble.hpp"

namespace rondo::checkpoint {
namespace {

namespace fs = std::filesystem;

class Posix : public ::testing::Test {
 protected:
  Posix() : root_(fs::temp_directory_path() / ("rondo_posix_storage_test_" + std::to_string(::getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~Posix() override { fs::remove_all(root_); }

  Path root_;
  PosixStorage storage_;
};

TEST_F(Posix, CheckpointsComeBackBitForBitAndOldOnesGo) {
  const Path root = root_ / "a" / "new" / "place/";
  for (std::uint64_t round = 1; round <= 4; ++round) {
    write_checkpoint(storage_, root, ensemble_of(2, round, 40, 500'000), 3, 2);
  }
  const Checkpoint found = find_newest(storage_, root, kTypeHash).take(root);
  EXPECT_TRUE(read_ensemble(storage_, found.folder, found.manifest) == ensemble_of(2, 4, 40, 500'000));
  EXPECT_EQ(sequences(storage_, root), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(Posix, APlaceIsTriedAndLeftEmpty) {
  const Path root = root_ / "new" / "place/";
  try_root(storage_, root, 1, Rank{3});
  EXPECT_TRUE(fs::is_directory(root));
  EXPECT_TRUE(storage_.list(root).empty());
  EXPECT_THROW(try_root(storage_, "/dev/full", 1, Rank{3}), FileError);
  EXPECT_THROW(try_root(storage_, "/proc/nowhere", 1, Rank{3}), FileError);
}

TEST_F(Posix, AFullDiskIsNamed) {
  const auto file = storage_.create("/dev/full");
  const std::byte byte{1};
  try {
    static_cast<void>(file->write({&byte, 1}));
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.fault(), Fault::io);
    EXPECT_EQ(error.code(), std::errc::no_space_on_device);
    EXPECT_EQ(error.file(), "/dev/full");
  }
}

TEST_F(Posix, WhatIsNotThereIsMissingOrEmptyOrFine) {
  EXPECT_TRUE(storage_.list(root_ / "nowhere").empty());
  storage_.remove(root_ / "nothing");
  try {
    static_cast<void>(storage_.open(root_ / "nothing"));
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.fault(), Fault::missing);
  }
  EXPECT_THROW(storage_.sync_folder(root_ / "nowhere"), FileError);
  EXPECT_THROW(storage_.create_folder(root_ / "nowhere" / "below"), FileError);
  EXPECT_THROW(static_cast<void>(storage_.create(root_ / "nowhere" / "file")), FileError);
  EXPECT_THROW(storage_.rename(root_ / "nothing", root_ / "something"), FileError);
}

TEST_F(Posix, AFolderThatIsThereIsFineAndAFileInItsPlaceIsNot) {
  EXPECT_TRUE(storage_.create_folder(root_ / "folder"));
  EXPECT_FALSE(storage_.create_folder(root_ / "folder"));
  storage_.create(root_ / "file")->close();
  EXPECT_THROW(storage_.create_folder(root_ / "file"), FileError);
  EXPECT_THROW(static_cast<void>(storage_.list(root_ / "file")), FileError);
}

TEST_F(Posix, AFolderWithFilesIsNotRemoved) {
  storage_.create(root_ / "file")->close();
  EXPECT_THROW(storage_.remove(root_), FileError);
  EXPECT_TRUE(fs::exists(root_ / "file"));
}

TEST_F(Posix, OnlyAPlainFileIsRead) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  for (const Path& path : {root_ / "pipe", root_, Path("/dev/zero")}) {
    try {
      static_cast<void>(storage_.open(path));
      ADD_FAILURE() << path;
    } catch (const FileError& error) {
      EXPECT_EQ(error.fault(), Fault::damaged) << error.what();
    }
  }
}

}  // namespace
}  // namespace rondo::checkpoint
