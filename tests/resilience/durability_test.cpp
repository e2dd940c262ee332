// What a run asks of the operating system while it makes checkpoints, in which order: a power cut at any moment leaves a
// complete one. The model of a disk (memory_storage.hpp) knows this of the storage's operations; here it is what the real
// storage makes of them, as a preloaded library has seen it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "engine/launch.hpp"
#include "temporary_folder.hpp"

namespace rondo::test {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeep = 2;

struct Record {
  std::string operation, path, to;
};

class Durability : public testing::TestWithParam<std::string> {
 protected:
  // A run under the launcher, if there is one; its places are in folders that are not there yet.
  void record_a_run() {
    fs::create_directory(top_);
    const std::string file = folder_ / "records";
    const std::string command =
        GetParam() +
        " env ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 LD_PRELOAD=" + RONDO_TEST_RECORDER +
        " RECORDER_FOLDER=" + top_ + " RECORDER_FILE=" + file + " " + RONDO_TEST_JOURNEY +
        " --steps=5 --words=2000 --rondo-workers=2 --rondo-keep=" + std::to_string(kKeep) +
        " --save=" + top_ + "/a/place --rondo-checkpoint=" + top_ +
        "/a/place --rondo-checkpoint-copy=" + top_ + "/copies";
    const Ended ended = launch(command);
    ASSERT_EQ(ended.status, 0) << ended.output;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      Record record;
      std::istringstream(line) >> record.operation >> record.path >> record.to;
      records_.push_back(record);
    }
  }
  // The first record of this kind from `from` on; as many as there are records, if there is none.
  [[nodiscard]] std::size_t find(const std::string& operation, const std::string& path,
                                 std::size_t from = 0) const {
    while (from < records_.size() && (records_[from].operation != operation || records_[from].path != path))
      ++from;
    return from;
  }
  [[nodiscard]] std::size_t find_last(const std::string& operation, const std::string& path) const {
    std::size_t last = records_.size();
    for (std::size_t i = find(operation, path); i < records_.size(); i = find(operation, path, i + 1))
      last = i;
    return last;
  }
  // That a file was made, written, flushed and given its name, in this order, at `renamed`, and that the name was flushed. At
  // which moment that was.
  std::size_t expect_durable(std::size_t renamed) {
    const Record& rename = records_[renamed];
    SCOPED_TRACE(rename.to);
    const std::size_t created = find("create", rename.path);
    EXPECT_LT(created, find("write", rename.path));
    const std::size_t written = find_last("write", rename.path);
    EXPECT_LT(written, renamed);
    const std::size_t flushed = find("sync", rename.path, written);
    EXPECT_LT(flushed, renamed) << "it has a name and is not on disk";
    const std::size_t named = find("sync", fs::path(rename.to).parent_path(), renamed);
    EXPECT_LT(named, records_.size()) << "its name is not on disk";
    return named;
  }
  void expect_folder_durable(const fs::path& folder, std::size_t before) {
    const std::size_t made = find("mkdir", folder);
    EXPECT_LT(made, before) << folder;
    EXPECT_LT(find("sync", folder.parent_path(), made), before) << folder << " is not on disk";
  }
  // A checkpoint whose manifest got its name at `renamed`.
  std::size_t expect_complete(std::size_t renamed) {
    const fs::path folder = fs::path(records_[renamed].to).parent_path();
    std::size_t parts = 0;
    for (std::size_t i = 0; i < records_.size(); ++i) {
      if (records_[i].operation != "rename" || i == renamed ||
          fs::path(records_[i].to).parent_path() != folder)
        continue;
      ++parts;
      EXPECT_LT(expect_durable(i), renamed) << records_[i].to << " comes after the manifest that lists it";
    }
    EXPECT_EQ(parts, 2U) << "one of each worker";
    expect_folder_durable(folder, renamed);
    return expect_durable(renamed);
  }

  TemporaryFolder folder_;
  const std::string top_ = folder_ / "top";
  std::vector<Record> records_;
};

TEST_P(Durability, EverythingIsOnDiskBeforeItIsNeededThere) {
  ASSERT_NO_FATAL_FAILURE(record_a_run());
  std::map<fs::path, std::vector<std::size_t>>
      complete;  // per root, the moments from which one may be relied on
  for (std::size_t i = 0; i < records_.size(); ++i) {
    if (records_[i].operation != "rename" || fs::path(records_[i].to).filename() != "manifest") continue;
    complete[fs::path(records_[i].to).parent_path().parent_path()].push_back(expect_complete(i));
  }
  ASSERT_EQ(complete.size(), 2U) << "the place and its copy";
  for (const auto& [root, moments] : complete) {
    EXPECT_EQ(moments.size(), 5U);
    for (fs::path level = root; level != top_; level = level.parent_path())
      expect_folder_durable(level, moments.front());
  }

  std::size_t removed = 0;
  for (std::size_t i = 0; i < records_.size(); ++i) {
    const fs::path path = records_[i].path;
    if (records_[i].operation != "remove" || path.filename() != "manifest") continue;
    ++removed;
    const fs::path folder = path.parent_path();
    const std::vector<std::size_t>& moments = complete[folder.parent_path()];
    const auto newer =
        std::count_if(moments.begin(), moments.end(), [&](std::size_t moment) { return moment < i; }) - 1;
    EXPECT_GE(newer, static_cast<std::ptrdiff_t>(kKeep)) << path << " is removed too early";
    // without its manifest, and on disk so, before any of its parts goes
    const std::size_t flushed = find("sync", folder, i);
    for (std::size_t k = 0; k < records_.size(); ++k) {
      if (records_[k].operation == "remove" && fs::path(records_[k].path).parent_path() == folder && k != i) {
        EXPECT_GT(k, flushed) << records_[k].path << " is gone, and the manifest may come back";
      }
    }
  }
  EXPECT_EQ(removed, 2 * (5 - kKeep));
}

INSTANTIATE_TEST_SUITE_P(OnThreads, Durability, testing::Values(""));
#ifdef RONDO_TEST_LAUNCHER
INSTANTIATE_TEST_SUITE_P(UnderMpi, Durability, testing::Values(RONDO_TEST_LAUNCHER " 3"));
#endif

}  // namespace
}  // namespace rondo::test
