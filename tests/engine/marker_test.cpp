// The links that a run leaves for whatever waits for its end: they replace nothing but such links.
#include "engine/marker.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <rondo/error.hpp>

#include "resilience/temporary_folder.hpp"

namespace rondo::engine {
namespace {

namespace fs = std::filesystem;

class Marker : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
  const std::string name_ = folder_ / "marker";
};

TEST_F(Marker, IsALinkToItsTextAndReplacesAnEarlierOne) {
  check_marker(name_);
  for (const std::string text : {"0", "137"}) {
    leave_marker(name_, text);
    EXPECT_EQ(fs::read_symlink(name_), text);
    leave_marker(name_ + kMarkerBegun, "node7 " + text);
    EXPECT_EQ(fs::read_symlink(name_ + kMarkerBegun), "node7 " + text);
    check_marker(name_);
  }
}

TEST_F(Marker, ANameOfSomethingElseIsRefusedAndLeftAlone) {
  for (const std::string suffix : {"", kMarkerBegun, kMarkerOrphaned}) {
    const std::string taken = name_ + suffix;
    const auto expect_refused = [&] {
      try {
        check_marker(name_);
        ADD_FAILURE() << taken;
      } catch (const OptionError& error) {
        EXPECT_NE(std::string(error.what()).find("'" + taken + "'"), std::string::npos) << error.what();
      }
      // something may also have come there since
      testing::internal::CaptureStderr();
      leave_marker(taken, "3");
      EXPECT_NE(testing::internal::GetCapturedStderr().find("cannot write " + taken), std::string::npos);
    };
    std::ofstream(taken) << "mine";
    expect_refused();
    EXPECT_EQ(fs::file_size(taken), 4U);
    fs::remove(taken);
    fs::create_directory(taken);
    expect_refused();
    EXPECT_TRUE(fs::is_directory(taken));
    fs::remove(taken);
    ASSERT_EQ(mkfifo(taken.c_str(), 0600), 0);
    expect_refused();
    EXPECT_TRUE(fs::is_fifo(taken));
    fs::remove(taken);
    for (const char* const target : {"results.txt", "/dev/null", "run 7b", "7/8"}) {
      fs::create_symlink(target, taken);
      expect_refused();
      EXPECT_EQ(fs::read_symlink(taken), target);
      fs::remove(taken);
    }
    // another user's, which looks like one
    fs::create_symlink("7", taken);
    if (geteuid() == 0) {
      ASSERT_EQ(lchown(taken.c_str(), 1, 1), 0);
      expect_refused();
    } else {
      check_marker(name_);
    }
    fs::remove(taken);
  }
}

}  // namespace
}  // namespace rondo::engine
