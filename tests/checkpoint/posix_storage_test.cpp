// The storage of real runs, on real files. What it does with links, other users' files and other kinds of file is in
// posix_trust_test.cpp.
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <sys/resource.h>
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

  static mode_t mode(const Path& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.string().c_str(), &status), 0) << path;
    return status.st_mode & 0777;
  }

  Path root_;
  PosixStorage storage_;
};

TEST_F(Posix, CheckpointsComeBackBitForBitAndOldOnesGo) {
  const Path root(root_.full() / "a" / "new" / "place/");
  for (std::uint64_t round = 1; round <= 4; ++round) {
    write_checkpoint(storage_, root, ensemble_of(2, round, 40, 500'000), 3, 2);
  }
  const Checkpoint found = std::move(find_newest(storage_, root, kTypeHash, Depth::states).newest).value();
  EXPECT_TRUE(read_ensemble(storage_, found.folder, found.manifest) == ensemble_of(2, 4, 40, 500'000));
  EXPECT_EQ(sequences(storage_, root), (std::vector<std::uint64_t>{3, 4}));
}

TEST_F(Posix, APlaceIsTriedAndLeftEmpty) {
  const Path root(root_.full() / "new" / "place/");
  try_root(storage_, root, 1, Rank{3});
  EXPECT_TRUE(fs::is_directory(root.full()));
  EXPECT_TRUE(storage_.list(root).empty());
  EXPECT_THROW(try_root(storage_, "/dev/full", 1, Rank{3}), FileError);
  EXPECT_THROW(try_root(storage_, "/proc/nowhere", 1, Rank{3}), FileError);
}

// What a full disk does, with another reason: /dev/full is no file.
TEST_F(Posix, AFileThatCannotGrowIsNamed) {
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{0, before.rlim_max};
  const auto file = storage_.create(root_ / "file");
  const std::byte byte{1};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  try {
    static_cast<void>(file->write({&byte, 1}));
    ADD_FAILURE();
  } catch (const FileError& error) {
    EXPECT_EQ(error.fault(), Fault::io);
    EXPECT_EQ(error.code(), std::errc::file_too_large);
    EXPECT_EQ(error.file(), (root_ / "file").full());
  }
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
}

TEST_F(Posix, WhatIsNotThereIsMissingOrEmptyOrFine) {
  EXPECT_TRUE(storage_.list(root_ / "nowhere").empty());
  EXPECT_TRUE(storage_.list(Path((root_ / "nowhere").full())).empty());
  storage_.remove(root_ / "nothing");
  storage_.remove(root_ / "nowhere" / "nothing");
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
  storage_.create_folder(root_ / "folder");
  storage_.create(root_ / "folder" / "file")->close();
  EXPECT_THROW(storage_.remove(root_ / "folder"), FileError);
  EXPECT_TRUE(fs::exists((root_ / "folder" / "file").full()));
  storage_.remove(root_ / "folder" / "file");
  storage_.remove(root_ / "folder");
  EXPECT_TRUE(storage_.list(root_).empty());
}

// A root stands among files of the user, and a name with ".." leads out of it.
TEST_F(Posix, OnlyWhatIsBelowARootIsEverWrittenOrRemoved) {
  const Path root((root_ / "root").full());
  EXPECT_THROW(static_cast<void>(storage_.create(root)), std::logic_error);
  EXPECT_THROW(storage_.remove(root), std::logic_error);
  EXPECT_THROW(storage_.rename(root, root), std::logic_error);
  storage_.create_folder(root);
  EXPECT_THROW(static_cast<void>(storage_.create(root / ".." / "file")), std::logic_error);
  storage_.create_folder(root / "folder");
  storage_.create(root / "file")->close();
  EXPECT_THROW(storage_.rename(root / "file", root / "folder" / "file"), std::logic_error);
  EXPECT_EQ(storage_.list(root_), (std::vector<std::string>{"root"}));
}

TEST_F(Posix, FilesAndFoldersAreOfThisUserAloneWhateverTheUmask) {
  for (const mode_t umask : {0, 022, 077, 0277, 0777}) {
    const mode_t before = ::umask(umask);
    const Path root((root_ / ("root" + std::to_string(umask)) / "below").full());
    write_checkpoint(storage_, root, ensemble_of(2, 1, 10, 100), 2, 1);
    ::umask(before);
    EXPECT_EQ(mode(Path(root.parent())), 0700U) << umask;
    EXPECT_EQ(mode(root), 0700U) << umask;
    for (const auto& entry : fs::recursive_directory_iterator(root.full()))
      EXPECT_EQ(mode(Path(entry.path())), entry.is_directory() ? 0700U : 0600U) << entry.path() << umask;
  }
  const Path own = root_ / "own";
  ASSERT_EQ(::mkdir(own.string().c_str(), 0700), 0);
  ASSERT_EQ(::chmod(own.string().c_str(), 0755), 0);
  write_checkpoint(storage_, Path(own.full()), ensemble_of(2, 1, 10, 100), 2, 1);
  EXPECT_EQ(mode(own), 0755U) << "the user's folder is as the user wants it";
}

// A program may have closed them, or may have been started without them: what it prints must not end up in a checkpoint.
TEST_F(Posix, NoFileIsOpenUnderTheNumberOfAStandardStream) {
  std::array<int, 3> kept{};
  for (int number = 0; number < 3; ++number) {
    kept[static_cast<std::size_t>(number)] = ::fcntl(number, F_DUPFD_CLOEXEC, 10);
    ::close(number);
  }
  bool taken = false;
  const auto look = [&] {
    for (int number = 0; number < 3; ++number) taken = taken || ::fcntl(number, F_GETFD) >= 0;
  };
  const std::byte byte{1};
  const auto written = storage_.create(root_ / "file");
  look();
  const std::size_t size = written->write({&byte, 1});
  const auto read = storage_.open(root_ / "file");
  look();
  const std::vector<std::string> names = storage_.list(root_);
  look();
  for (int number = 0; number < 3; ++number) {
    ASSERT_EQ(::dup2(kept[static_cast<std::size_t>(number)], number), number);
    ::close(kept[static_cast<std::size_t>(number)]);
  }
  EXPECT_FALSE(taken);
  EXPECT_EQ(size, 1U);
  EXPECT_EQ(read->size(), 1U);
  EXPECT_EQ(names, (std::vector<std::string>{"file"}));
}

}  // namespace
}  // namespace rondo::checkpoint
