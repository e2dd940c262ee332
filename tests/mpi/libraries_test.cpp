// Ranks that run the same executable with other libraries: that is told, by the name of the file, and nothing is computed.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "launch.hpp"
#include "resilience/temporary_folder.hpp"

namespace rondo::test {
namespace {

const std::string kProgram = RONDO_TEST_PROGRAM;
const std::string kLauncher = RONDO_TEST_LAUNCHER;
const std::string kFolder = RONDO_TEST_FOLDER;

// A rank or more with these libraries.
std::string with(int ranks, const std::string& model, const std::string& base,
                 const std::string& plugin = "") {
  return "-np " + std::to_string(ranks) + " env LD_LIBRARY_PATH=" + model + ":" + base + ": " + kProgram +
         " " + plugin;
}
std::string folder(const std::string& name) { return kFolder + "/" + name; }
Ended run(const std::string& first, const std::string& second) {
  return launch(kLauncher + " " + first + " : " + second);
}
void expect_mismatch(const Ended& ended, const std::string& text) {
  EXPECT_EQ(ended.status, 1) << ended.output;
  EXPECT_FALSE(ended.says("sum")) << ended.output;
  EXPECT_TRUE(ended.says("rondo::MismatchError: the ranks do not run the same program: " + text))
      << ended.output;
}

TEST(Libraries, EqualOnesMakeARun) {
  EXPECT_EQ(
      run(with(1, folder("model_1"), folder("base_1")), with(2, folder("model_1"), folder("base_1"))).output,
      "sum 110\n");
}

TEST(Libraries, AnotherVersionIsNamed) {
  const Ended ended =
      run(with(2, folder("model_1"), folder("base_1")), with(1, folder("model_2"), folder("base_1")));
  expect_mismatch(ended, "rank 0 uses " + folder("model_1/libmodel.so") +
                             ", rank 2 another libmodel.so: " + folder("model_2/libmodel.so"));
}

TEST(Libraries, AnotherVersionOfWhatALibraryNeedsIsNamed) {
  const Ended ended =
      run(with(1, folder("model_1"), folder("base_2")), with(1, folder("model_1"), folder("base_1")));
  expect_mismatch(ended, "rank 0 uses " + folder("base_2/libbase.so") + ", rank 1 another libbase.so: ");
}

TEST(Libraries, WithoutBuildIdsTheirContentCounts) {
  const std::string base = folder("base_1");
  expect_mismatch(run(with(1, folder("model_nameless1"), base), with(1, folder("model_nameless2"), base)),
                  "rank 0 uses " + folder("model_nameless1/libmodel.so"));
  EXPECT_EQ(run(with(1, folder("model_nameless1"), base), with(1, folder("model_nameless1"), base)).output,
            "sum 110\n");
}

TEST(Libraries, EqualOnesMayBeInDifferentPlaces) {
  const TemporaryFolder copy;
  std::filesystem::copy(folder("model_nameless1/libmodel.so"), copy / "libmodel.so");
  std::filesystem::copy(folder("base_1/libbase.so"), copy / "libbase.so");
  const std::string here = std::filesystem::path(copy / "libbase.so").parent_path().string();
  EXPECT_EQ(run(with(1, folder("model_nameless1"), folder("base_1")), with(1, here, here)).output,
            "sum 110\n");
}

// As Open MPI loads its plugins: other ones where there is other hardware.
TEST(Libraries, WhatIsLoadedLaterMayDiffer) {
  const std::string model = folder("model_1"), base = folder("base_1");
  EXPECT_EQ(run(with(1, model, base, folder("plugin_1/libplugin.so")),
                with(1, model, base, folder("plugin_2/libplugin.so")))
                .output,
            "sum 110\n");
}

}  // namespace
}  // namespace rondo::test
