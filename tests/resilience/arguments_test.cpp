// A run that goes on with other arguments than the checkpoint was made with: it is told, refused or taken as it is.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/catalog.hpp"
#include "checkpoint/format.hpp"
#include "engine/arguments.hpp"
#include "engine/command_line.hpp"
#include "engine/session.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"
#include "run_on_storage.hpp"
#include "seal.hpp"
#include "temporary_folder.hpp"

namespace rondo::test {
namespace {

struct Start {
  int status = 0;
  bool resumed = false;
  std::string told;
};

// A program that is started with these arguments, resumes, and makes a checkpoint.
Start start(const std::vector<std::string>& arguments) {
  Start start;
  testing::internal::CaptureStderr();
  start.status = run_with<Walker>(arguments, [&](Master<Walker>& master) {
    Progress progress;
    start.resumed = master.resume(progress);
    if (!start.resumed) master.reset(Journey::start(4));
    master.checkpoint("checkpoints", progress);
  });
  start.told = testing::internal::GetCapturedStderr();
  return start;
}

class Arguments : public testing::Test {
 protected:
  Arguments() : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder_ / ""); }
  ~Arguments() override { std::filesystem::current_path(before_); }

  TemporaryFolder folder_;
  const std::filesystem::path before_;
};

const std::string kPlace = "--rondo-checkpoint=checkpoints";

TEST_F(Arguments, ThatDifferAreToldInOneLine) {
  EXPECT_FALSE(start({"150", kPlace, "60"}).resumed);
  // the options of Rondo are none of them, and neither is where they stand
  const Start same = start({"--rondo-workers=3", "150", "60", kPlace});
  EXPECT_TRUE(same.resumed);
  EXPECT_EQ(same.told.find("argument"), std::string::npos) << same.told;

  const Start other = start({"999", "70", kPlace});
  EXPECT_EQ(other.status, 0);
  EXPECT_TRUE(other.resumed);
  const std::string line =
      "checkpoint-000000000002 was written by a run with the arguments 150 60, and this run has the "
      "arguments 999 "
      "70; --rondo-checkpoint-arguments=refuse would end such a run\n";
  EXPECT_NE(other.told.find(line), std::string::npos) << other.told;
  // its own checkpoint has its own arguments
  EXPECT_EQ(start({"999", "70", kPlace}).told.find("arguments"), std::string::npos);
  EXPECT_NE(start({kPlace}).told.find("with the arguments 999 70, and this run has no arguments;"),
            std::string::npos);
}

TEST_F(Arguments, ThatDifferAreRefusedOrIgnoredOnRequest) {
  EXPECT_FALSE(start({"150", "60", kPlace}).resumed);
  const Start ignored = start({"150", "61", kPlace, "--rondo-checkpoint-arguments=ignore"});
  EXPECT_TRUE(ignored.resumed);
  EXPECT_EQ(ignored.told.find("argument"), std::string::npos) << ignored.told;

  // an older checkpoint with the same arguments is no way out: its work would be lost
  const Start refused = start({"150", "60", kPlace, "--rondo-checkpoint-arguments=refuse"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_FALSE(refused.resumed);
  EXPECT_NE(refused.told.find("rondo::CheckpointError: "), std::string::npos) << refused.told;
  EXPECT_NE(
      refused.told.find("with the arguments 150 61, and this run has the arguments 150 60: need the same"),
      std::string::npos)
      << refused.told;
  EXPECT_TRUE(start({"150", "61", kPlace, "--rondo-checkpoint-arguments=refuse"}).resumed);
  EXPECT_EQ(start({kPlace, "--rondo-checkpoint-arguments=maybe"}).status, 1);
}

TEST(TextOfArguments, IsOneLineAndNoLongerThanAFew) {
  using namespace std::string_literals;
  EXPECT_EQ(engine::differing_arguments("a\0"s, "a\0"s), "");
  EXPECT_NE(engine::differing_arguments("a\0b\0"s, "a b\0"s), "");
  EXPECT_EQ(engine::differing_arguments("a b\0"s, "\0'\n\0"s),
            "was written by a run with the argument 'a b', and this run has the arguments '' '\\x27\\x0a'");
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += "argument\0"s;
  const std::string text = engine::differing_arguments(many, ""s);
  EXPECT_LT(text.size(), 1200U);
  EXPECT_NE(text.find("... (10000 in all)"), std::string::npos);
  EXPECT_LT(engine::differing_arguments(std::string(100'000, 'x') + '\0', ""s).size(), 1200U);
}

}  // namespace
}  // namespace rondo::test
