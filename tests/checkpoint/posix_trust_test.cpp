// What somebody else may have put into a folder of checkpoints: links, other users' files, pipes and devices. Nothing outside
// of the folder is ever changed, nothing blocks, and what is not this user's is not believed.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "checkpoint/durable_file.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/part_writer.hpp"
#include "checkpoint/posix_storage.hpp"
#include "checkpoint/pruning.hpp"
#include "ensemble.hpp"

namespace rondo::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kSomebody = 1;  // "daemon"

class Trust : public ::testing::Test {
 protected:
  Trust()
      : top_(fs::temp_directory_path() / ("rondo_posix_trust_test_" + std::to_string(::getpid()))),
        outside_(top_ / "outside"),
        root_(top_ / "root") {
    fs::remove_all(top_);
    fs::create_directories(outside_);
    fs::create_directories(root_.full());
    // an archive that looks like a checkpoint, and a file
    write_checkpoint(storage_, Path(top_ / "made"), ensemble_of(3, 1, 10, 50), 1, 1);
    fs::copy(top_ / "made" / checkpoint_name(1), outside_);
    std::ofstream(outside_ / "notes") << "of the user";
    before_ = content_of(outside_);
  }
  ~Trust() override {
    EXPECT_EQ(content_of(outside_), before_) << "something outside of the folder was changed";
    fs::remove_all(top_);
  }

  // Every file with its mode and its bytes.
  static std::map<std::string, std::string> content_of(const fs::path& folder) {
    std::map<std::string, std::string> content;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      std::ostringstream text;
      text << static_cast<unsigned>(entry.status().permissions()) << ' ';
      if (entry.is_regular_file()) text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      content[entry.path().string()] = text.str();
    }
    return content;
  }
  void link(const Path& place, const fs::path& target) { fs::create_symlink(target, place.full()); }
  void expect_fault(Fault fault, const Path& file, const std::function<void()>& operation) {
    try {
      operation();
      ADD_FAILURE() << "nothing refused " << file;
    } catch (const FileError& error) {
      EXPECT_EQ(error.fault(), fault) << error.what();
      EXPECT_EQ(error.file(), file.full()) << error.what();
    }
  }
  static bool is_link(const Path& path) { return fs::is_symlink(fs::symlink_status(path.full())); }
  // Of another user, as far as this one can make such: all of it, or nothing of it if false is returned.
  [[nodiscard]] static bool give_away(const fs::path& path) {
    if (::geteuid() != 0) return false;
    EXPECT_EQ(::lchown(path.c_str(), kSomebody, kSomebody), 0) << path;
    if (fs::is_directory(fs::symlink_status(path))) {
      for (const auto& entry : fs::directory_iterator(path)) EXPECT_TRUE(give_away(entry.path()));
    }
    return true;
  }

  const fs::path top_, outside_;
  const Path root_;
  std::map<std::string, std::string> before_;
  PosixStorage storage_;
};

TEST_F(Trust, ALinkInPlaceOfACheckpointIsNeitherReadNorEmptied) {
  const Path planted = root_ / checkpoint_name(1);
  link(planted, outside_);
  expect_fault(Fault::foreign, planted, [&] { static_cast<void>(storage_.list(planted)); });
  expect_fault(Fault::foreign, planted, [&] { static_cast<void>(storage_.create_folder(planted)); });
  expect_fault(Fault::foreign, planted, [&] { storage_.sync_folder(planted); });
  expect_fault(Fault::foreign, planted, [&] { static_cast<void>(storage_.create(planted / "new")); });
  expect_fault(Fault::foreign, planted, [&] { static_cast<void>(storage_.open(planted / kManifestName)); });
  expect_fault(Fault::foreign, planted, [&] { storage_.remove(planted / kManifestName); });
  expect_fault(Fault::foreign, planted, [&] { storage_.rename(planted / "notes", planted / "new"); });

  const Search search = find_newest(storage_, root_, kTypeHash, Depth::states);
  EXPECT_FALSE(search.newest);
  ASSERT_EQ(search.refusals.size(), 1U);
  EXPECT_EQ(search.refusals[0].fault(), Fault::foreign);
  for (std::uint64_t round = 2; round < 6; ++round)
    write_checkpoint(storage_, root_, ensemble_of(3, round, 10, 50), 2, 1);
  const Pruned removed = remove_checkpoints(storage_, root_, {1});
  EXPECT_TRUE(removed.removed.empty());
  EXPECT_EQ(removed.failures.size(), 1U);
  EXPECT_TRUE(is_link(planted));
  EXPECT_EQ(sequences(storage_, root_), (std::vector<std::uint64_t>{1, 5}));
}

TEST_F(Trust, PlantedTemporaryNamesAreNotWrittenThrough) {
  const Path folder = root_ / checkpoint_name(1);
  fs::create_directory(folder.full());
  link(folder / "part-00001.tmp", outside_ / "notes");
  fs::create_hard_link(outside_ / "notes", (folder / "manifest.tmp").full());
  link(folder / kManifestName, outside_ / "notes");
  link(folder / "part-00001", outside_ / "nowhere");
  const Ensemble saved = ensemble_of(3, 1, 10, 50);
  Manifest manifest;
  manifest.type_hash = kTypeHash;
  manifest.round = 1;
  manifest.next_id = StateId{1};
  manifest.placements = {{StateId{0}, 1}};
  PartWriter part(storage_, folder, {.type_hash = kTypeHash, .round = 1, .number = 1});
  const std::byte byte{7};
  part.add(StateId{0}, 1, {&byte, 1});
  manifest.parts = {part.finish()};
  commit_manifest(storage_, folder, manifest);
  EXPECT_EQ(find_newest(storage_, root_, kTypeHash, Depth::states).newest.value().sequence, 1U);
  EXPECT_EQ(storage_.list(folder), (std::vector<std::string>{"manifest", "part-00001"}));
  EXPECT_FALSE(is_link(folder / kManifestName));
  EXPECT_FALSE(fs::exists(outside_ / "nowhere"));
}

TEST_F(Trust, LinksInPlaceOfFilesAreNotReadAndGoAsLinks) {
  const Path folder = root_ / checkpoint_name(1);
  for (const char* const name : {"manifest", "part-00001"}) {
    fs::copy(top_ / "made" / checkpoint_name(1), folder.full());
    fs::remove((folder / name).full());
    link(folder / name, outside_ / name);
    const Search search = find_newest(storage_, root_, kTypeHash, Depth::states);
    EXPECT_FALSE(search.newest) << name;
    ASSERT_EQ(search.refusals.size(), 1U);
    EXPECT_EQ(search.refusals[0].fault(), Fault::foreign) << search.refusals[0].what();
    EXPECT_EQ(search.refusals[0].file(), (folder / name).full());
    EXPECT_EQ(remove_checkpoints(storage_, root_, {1}).removed.size(), 1U);
    EXPECT_TRUE(storage_.list(root_).empty());
  }
}

TEST_F(Trust, TheRootItselfMayBeALinkAndMayBeBelowOne) {
  fs::create_directory(top_ / "scratch");
  fs::create_directory_symlink("scratch", top_ / "link");
  for (const fs::path& named : {top_ / "link", top_ / "link" / "below" / "it"}) {
    const Path root(named);
    for (std::uint64_t round = 1; round < 4; ++round)
      write_checkpoint(storage_, root, ensemble_of(3, round, 10, 50), 2, 2);
    EXPECT_EQ(find_newest(storage_, root, kTypeHash, Depth::states).newest.value().sequence, 3U);
    EXPECT_EQ(sequences(storage_, root), (std::vector<std::uint64_t>{2, 3}));
  }
  EXPECT_TRUE(fs::exists(top_ / "scratch" / "below" / "it" / checkpoint_name(3)));
}

TEST_F(Trust, ALinkInPlaceOfARunsFolderAmongSharedOnesIsRefused) {
  const Path shared = Path::shared(top_ / "shared");
  fs::create_directory(shared.full());
  const Path run = shared / run_name("runs/one", 5);
  fs::create_directory(outside_ / "empty");
  before_ = content_of(outside_);
  link(run, outside_ / "empty");
  expect_fault(Fault::foreign, run, [&] { prepare_checkpoint(storage_, run, 1); });
  expect_fault(Fault::foreign, run,
               [&] { static_cast<void>(find_newest(storage_, run, kTypeHash, Depth::states)); });
}

TEST_F(Trust, PipesSocketsAndDevicesAreRefusedAtOnce) {
  const Path folder = root_ / checkpoint_name(1);
  fs::create_directory(folder.full());
  const auto socket = [&](const Path& place) {
    const int number = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    place.string().copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(number, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(number);
  };
  std::vector<std::function<void(const Path&)>> kinds = {
      [](const Path& place) { ASSERT_EQ(::mkfifo(place.string().c_str(), 0600), 0); }, socket,
      [](const Path& place) { fs::create_directory(place.full()); }};
  if (::geteuid() == 0)
    kinds.emplace_back([](const Path& place) {
      // the tape that is rewound when somebody opens it
      ASSERT_EQ(::mknod(place.string().c_str(), S_IFCHR | 0600, makedev(9, 0)), 0);
    });
  for (const auto& put : kinds) {
    for (const char* const name : {"manifest", "part-00001", "manifest.tmp"}) {
      const Path place = folder / name;
      put(place);
      expect_fault(Fault::damaged, place, [&] { static_cast<void>(storage_.open(place)); });
      expect_fault(Fault::damaged, place, [&] { static_cast<void>(storage_.create(place)); });
      EXPECT_TRUE(fs::exists(place.full()));
      fs::remove(place.full());
    }
  }
  expect_fault(Fault::damaged, Path("/dev") / "full",
               [&] { static_cast<void>(storage_.create(Path("/dev") / "full")); });
  expect_fault(Fault::damaged, Path("/dev") / "zero",
               [&] { static_cast<void>(storage_.open(Path("/dev") / "zero")); });
}

// A user of a system without other users' files has those of the administrator.
TEST_F(Trust, WhatAnotherUserHasPutIntoAFolderThatManyMayWriteToIsNotBelieved) {
  fs::permissions(root_.full(), fs::perms::all);
  const Path planted = root_ / checkpoint_name(2);
  write_checkpoint(storage_, root_, ensemble_of(3, 1, 10, 50), 1, 9);
  fs::copy(top_ / "made" / checkpoint_name(1), planted.full());
  if (!give_away(planted.full())) {
    const Path system = Path::shared("/") / "usr";
    expect_fault(Fault::foreign, system, [&] { static_cast<void>(storage_.list(system)); });
    return;
  }
  Search search = find_newest(storage_, root_, kTypeHash, Depth::states);
  ASSERT_EQ(search.refusals.size(), 1U);
  EXPECT_EQ(search.refusals[0].fault(), Fault::foreign);
  EXPECT_EQ(search.refusals[0].file(), planted.full());
  EXPECT_EQ(search.newest.value().sequence, 1U);
  // it is not removed either, nor written into
  const auto theirs = content_of(planted.full());
  for (std::uint64_t round = 3; round < 6; ++round)
    write_checkpoint(storage_, root_, ensemble_of(3, round, 10, 50), 1, 1);
  EXPECT_EQ(sequences(storage_, root_), (std::vector<std::uint64_t>{2, 5}));
  EXPECT_EQ(content_of(planted.full()), theirs);
  expect_fault(Fault::foreign, planted, [&] { storage_.remove(planted); });

  // one file alone, in a folder of this user's
  const Path mine = root_ / checkpoint_name(5) / part_name(1);
  ASSERT_TRUE(give_away(mine.full()));
  expect_fault(Fault::foreign, mine, [&] { static_cast<void>(storage_.open(mine)); });
}

// A user names a colleague's folder, or a folder on a disk that gives all files to one user: no other user can write there.
TEST_F(Trust, TheOwnerOfARootThatNoOtherUserMayWriteToIsBelieved) {
  write_checkpoint(storage_, root_, ensemble_of(3, 1, 10, 50), 1, 1);
  if (!give_away(root_.full())) {
    EXPECT_FALSE(storage_.list(Path("/") / "usr").empty());
    return;
  }
  fs::permissions(root_.full(), fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec);
  EXPECT_EQ(find_newest(storage_, root_, kTypeHash, Depth::states).newest.value().sequence, 1U);
  fs::permissions(root_.full(), fs::perms::owner_all | fs::perms::group_all);
  EXPECT_FALSE(find_newest(storage_, root_, kTypeHash, Depth::states).newest);
}

TEST_F(Trust, AmongSharedFoldersOnlyThoseThatNoOtherUserMayWriteToAreUsed) {
  const Path run = Path::shared(top_ / "shared") / run_name("runs/one", ensemble_of(3, 1, 10, 50).run);
  write_checkpoint(storage_, run, ensemble_of(3, 1, 10, 50), 1, 1);
  const Path folder = run / checkpoint_name(1);
  EXPECT_EQ(find_newest(storage_, run, kTypeHash, Depth::states).newest.value().sequence, 1U);
  for (const Path& open : {run, folder, folder / kManifestName, folder / part_name(1)}) {
    for (const fs::perms other : {fs::perms::group_write, fs::perms::others_write}) {
      fs::permissions(open.full(), other, fs::perm_options::add);
      expect_fault(Fault::exposed, open, [&] {
        Search search = find_newest(storage_, run, kTypeHash, Depth::states);
        ASSERT_EQ(search.refusals.size(), 1U) << open;
        throw search.refusals[0];
      });
      fs::permissions(open.full(), other, fs::perm_options::remove);
    }
  }
  EXPECT_EQ(find_newest(storage_, run, kTypeHash, Depth::states).newest.value().sequence, 1U);
  for (const Path& theirs : {run, folder, folder / kManifestName}) {
    if (!give_away(theirs.full())) continue;
    expect_fault(Fault::foreign, theirs, [&] {
      Search search = find_newest(storage_, run, kTypeHash, Depth::states);
      ASSERT_EQ(search.refusals.size(), 1U) << theirs;
      throw search.refusals[0];
    });
    for (const auto& entry : fs::recursive_directory_iterator(top_ / "shared"))
      ASSERT_EQ(::chown(entry.path().c_str(), 0, 0), 0);
  }
}

// The moment between a look and the deed: a folder and a link to another one change places all the time.
TEST_F(Trust, ChangingPlacesWithALinkLeadsNoOperationOutside) {
  const Path folder = root_ / checkpoint_name(1);
  const std::string link_path = (root_ / "link").string();
  std::atomic<bool> ended = false;
  fs::create_directory(folder.full());
  link(root_ / "link", outside_);
  std::thread swapping([&] {
    while (!ended)
      ASSERT_EQ(::renameat2(AT_FDCWD, folder.string().c_str(), AT_FDCWD, link_path.c_str(), RENAME_EXCHANGE),
                0);
  });
  int done = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    try {
      const auto file = storage_.create(folder / "part-00001");
      file->close();
      storage_.rename(folder / "part-00001", folder / "notes");
      storage_.remove(folder / "notes");
      storage_.remove(folder / kManifestName);
      ++done;
    } catch (const FileError&) {
      ++refused;
    }
  }
  ended = true;
  swapping.join();
  EXPECT_EQ(done + refused, 3000);
}

}  // namespace
}  // namespace rondo::checkpoint
