// A checkpoint of a class's earlier versions is read, one of a later version is refused by name.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "engine/launch.hpp"
#include "temporary_folder.hpp"

namespace rondo::test {
namespace {

constexpr std::array kPrograms = {VERSIONED_0, VERSIONED_1, VERSIONED_2};

Ended start(const std::string& program, const std::string& what, const std::string& place, int workers) {
  return launch(program + (" " + what + " " + place) + " --rondo-workers=" + std::to_string(workers));
}
Ended start(int version, const std::string& what, const std::string& place, int workers) {
  return start(kPrograms.at(static_cast<std::size_t>(version)), what, place, workers);
}

// What the last state, the context and the progress hold after a save in one version and a restore in another.
std::string expected(int saved) {
  const auto numbers = [&](int first, int second, int third) {
    return std::to_string(first) + "," + std::to_string(saved >= 1 ? second : -1) + "," +
           std::to_string(saved >= 2 ? third : -1);
  };
  return numbers(2, 20, 200) + " " + numbers(5, 30, 300) + " " + numbers(8, 60, -1) + " " +
         numbers(7, 70, 700) + " " + numbers(9, 90, 900);
}

TEST(ClassVersions, OfACheckpointMayBeLowerThanThoseOfTheProgramButNotHigher) {
  for (int saved = 0; saved < 3; ++saved) {
    TemporaryFolder folder;
    const std::string place = folder / "c";
    const Ended save = start(saved, "save", place, 2);
    ASSERT_EQ(save.status, 0) << save.output;
    for (int read = 0; read < 3; ++read) {
      SCOPED_TRACE("saved in version " + std::to_string(saved) + ", read in version " + std::to_string(read));
      const Ended restore = start(read, "restore", place, 1 + read);
      if (read >= saved) {
        EXPECT_EQ(restore.status, 0) << restore.output;
        EXPECT_TRUE(restore.says(expected(saved))) << restore.output;
      } else {
        EXPECT_EQ(restore.status, 2) << restore.output;
        EXPECT_TRUE(restore.says(" was saved in version " + std::to_string(saved) +
                                 ", and the BOOST_CLASS_VERSION of this program is " + std::to_string(read)))
            << restore.output;
      }
    }
  }
}

TEST(ClassVersions, OfAStateAreComparedBeforeItsSerializeRuns) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  ASSERT_EQ(start(2, "save", place, 2).status, 0);
  const Ended restore = start(VERSIONED_OLDER_STATES, "restore", place, 2);
  EXPECT_EQ(restore.status, 2) << restore.output;
  EXPECT_TRUE(restore.says("/part-0000")) << restore.output;
  EXPECT_TRUE(restore.says(": state ")) << restore.output;
  EXPECT_TRUE(restore.says(" was saved in version 2, and the BOOST_CLASS_VERSION of this program is 1"))
      << restore.output;
}

}  // namespace
}  // namespace rondo::test
