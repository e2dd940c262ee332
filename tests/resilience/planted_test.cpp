// Runs in folders where somebody else may have put something, on real files.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>

#include <unistd.h>

#include "checkpoint/catalog.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/posix_storage.hpp"
#include "engine/session.hpp"
#include "journey.hpp"
#include "run_on_storage.hpp"
#include "temporary_folder.hpp"

namespace rondo::test {
namespace {

namespace fs = std::filesystem;

class Planted : public testing::Test {
 protected:
  // A run that resumes or begins, and does its steps up to `last` with a checkpoint after each; the step that it begins at, or
  // nothing if it has failed.
  std::optional<std::uint64_t> travel(std::uint64_t last) {
    engine::Options options;
    options.workers = 2;
    options.checkpoint = place_;
    options.checkpoint_copy = copies_;
    std::optional<std::uint64_t> begun_at;
    testing::internal::CaptureStderr();
    const int status = run_on(storage_, options, [&](Master<Walker>& master) {
      Progress progress;
      if (!master.resume(progress)) master.reset(Journey::start(8));
      begun_at = progress.step;
      Journey journey(master, progress, 0);
      while (progress.step < last) {
        journey.step();
        ++progress.step;
        master.checkpoint(place_, progress);
      }
    });
    told_ = testing::internal::GetCapturedStderr();
    EXPECT_EQ(status, begun_at ? 0 : 1) << told_;
    return begun_at;
  }
  [[nodiscard]] bool says(const std::string& text) const { return told_.find(text) != std::string::npos; }
  // The folders of runs among the copies.
  [[nodiscard]] std::vector<fs::path> runs() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(copies_)) found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  static std::map<std::string, std::string> content_of(const fs::path& folder) {
    std::map<std::string, std::string> content;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      std::ostringstream text;
      if (entry.is_regular_file()) text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      content[entry.path().string()] = text.str();
    }
    return content;
  }

  TemporaryFolder folder_;
  const std::string place_ = folder_ / "place", copies_ = folder_ / "copies";
  checkpoint::PosixStorage storage_;
  std::string told_;
};

// The folder has the name that copies of this place have, and all that is in it is whole.
TEST_F(Planted, AnotherUsersCopyIsNoStartOfAFreshRun) {
  EXPECT_EQ(travel(3), 0U);
  const fs::path run = runs().at(0);
  fs::remove_all(place_);
  EXPECT_EQ(travel(3), 3U) << "this user's own copy is";
  fs::remove_all(place_);
  if (::geteuid() == 0) {
    for (const auto& entry : fs::recursive_directory_iterator(run))
      ASSERT_EQ(::chown(entry.path().c_str(), 1, 1), 0);
    ASSERT_EQ(::chown(run.c_str(), 1, 1), 0);
  } else {
    fs::rename(run, run.string() + ".kept");
    fs::create_directory_symlink(run.string() + ".kept", run);
  }
  const auto before = content_of(fs::canonical(run));
  EXPECT_EQ(travel(4), 0U) << told_;
  EXPECT_TRUE(says(run.string() + ": not trusted: ")) << told_;
  EXPECT_EQ(content_of(fs::canonical(run)), before);
  // nor is it in the way of what the fresh run has
  fs::remove_all(place_);
  EXPECT_EQ(travel(5), 4U) << told_;
}

TEST_F(Planted, ACopyThatOthersMayWriteToIsRefusedWithTheRemedy) {
  EXPECT_EQ(travel(3), 0U);
  fs::remove_all(place_);
  const fs::path run = runs().at(0);
  fs::permissions(run, fs::perms::group_write, fs::perm_options::add);
  EXPECT_EQ(travel(4), std::nullopt) << "a run that was lost must not begin again without a word";
  EXPECT_TRUE(says(run.string() + ": not protected: others may write to it (mode 0720)")) << told_;
  EXPECT_TRUE(says("chmod -R go-w")) << told_;
  fs::permissions(run, fs::perms::group_write, fs::perm_options::remove);
  EXPECT_EQ(travel(4), 3U);
}

TEST_F(Planted, ACopyUnderAnotherRunsNameIsRefused) {
  EXPECT_EQ(travel(3), 0U);
  fs::remove_all(place_);
  const fs::path run = runs().at(0);
  const fs::path other = fs::path(copies_) / checkpoint::run_name(place_, 1);
  fs::rename(run, other);
  EXPECT_EQ(travel(4), std::nullopt);
  EXPECT_TRUE(says("it is of another run than the one that the folder is named after")) << told_;
}

TEST_F(Planted, ACheckpointThatIsALinkToAnArchiveStaysAsItIs) {
  EXPECT_EQ(travel(2), 0U);
  const fs::path archive = folder_ / "archive";
  const fs::path old = fs::path(place_) / checkpoint::checkpoint_name(1);
  fs::rename(old, archive);
  fs::create_directory_symlink(archive, old);
  const auto before = content_of(archive);
  EXPECT_EQ(travel(8), 2U);
  EXPECT_EQ(content_of(archive), before);
  EXPECT_TRUE(fs::is_symlink(old));
  EXPECT_EQ(checkpoint::sequences(storage_, place_), (std::vector<std::uint64_t>{1, 7, 8}));
}

TEST_F(Planted, ATerabyteInPlaceOfTheNewestManifestCostsOneCheckpoint) {
  EXPECT_EQ(travel(3), 0U);
  fs::remove_all(copies_);
  const std::string manifest = place_ + "/" + checkpoint::checkpoint_name(3) + "/manifest";
  fs::resize_file(manifest, std::uintmax_t{1} << 40);
  EXPECT_EQ(travel(4), 2U);
  EXPECT_TRUE(says(manifest + ": ")) << told_;
  EXPECT_EQ(travel(4), 4U);
}

}  // namespace
}  // namespace rondo::test
