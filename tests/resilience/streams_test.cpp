// Programs that are started with some of the standard streams closed: what is printed is lost, and lands in no file.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "engine/launch.hpp"
#include "temporary_folder.hpp"

namespace rondo::test {
namespace {

namespace fs = std::filesystem;

const std::string kTalker = RONDO_TEST_TALKER;

std::string content_of(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

class Streams : public testing::TestWithParam<std::string> {};

TEST_P(Streams, ThatAreClosedGiveTheirNumbersToNoFile) {
  TemporaryFolder folder;
  const std::string log = folder / "log", early = folder / "early", place = folder / "checkpoints";
  const std::string command = "env TALKER_EARLY=" + early + " " + kTalker + " " + log +
                              " --rondo-workers=2 --rondo-checkpoint-every=1r --rondo-checkpoint=" + place +
                              " " + GetParam();
  for (int start = 0; start < 2; ++start) {
    const Ended ended = launch(command);
    EXPECT_EQ(ended.status, 0) << ended.output;
    EXPECT_EQ(content_of(log), "of the program\n");
    EXPECT_EQ(content_of(early), "of the program\n");
    int files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(place)) {
      if (!entry.is_regular_file()) continue;
      ++files;
      EXPECT_EQ(content_of(entry.path()).find("TALK"), std::string::npos) << entry.path();
    }
    EXPECT_GE(files, 2);
  }
  // and what was written can be read, by a run that can say so
  const Ended ended = launch(kTalker + " " + log + " --rondo-workers=2 --rondo-checkpoint=" + place);
  EXPECT_EQ(ended.status, 0) << ended.output;
  EXPECT_TRUE(ended.says("rondo: goes on after round ")) << ended.output;
  EXPECT_FALSE(ended.says(", because of")) << ended.output;
}

TEST(StreamsOfAProgram, ThatItClosesItselfGiveTheirNumbersToNoFileInARun) {
  TemporaryFolder folder;
  const std::string log = folder / "log";
  EXPECT_EQ(launch("env TALKER_CLOSES=yes " + kTalker + " " + log + " --rondo-workers=2").status, 0);
  EXPECT_EQ(content_of(log), "of the program\n");
  EXPECT_EQ(content_of(log + ".later"), "of the program\n");
}

INSTANTIATE_TEST_SUITE_P(Closed, Streams,
                         testing::Values("2>&-", ">&-", "<&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"));

}  // namespace
}  // namespace rondo::test
