// How long a run has: what the option and SLURM say, and what SLURM cannot mean.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>

#include "engine/walltime.hpp"

namespace rondo::engine {
namespace {

constexpr double kNow = 50, kToday = 1'700'000'000;

Walltime read(const char* slurm, std::optional<std::chrono::seconds> option = {}) {
  Options options;
  options.checkpoint = "somewhere";
  options.walltime = option;
  return read_walltime(options, kNow, kToday, slurm);
}

TEST(Walltime, IsTheEndOfTheJob) {
  const Walltime walltime = read("1700003600");
  EXPECT_EQ(walltime.end, kNow + 3600);
  EXPECT_EQ(walltime.margin, 10);
  EXPECT_EQ(walltime.last_moment(), kNow + 3595);
  EXPECT_EQ(walltime.source, "SLURM_JOB_END_TIME");
  EXPECT_EQ(walltime.refusal, "");
}

TEST(Walltime, OfTheOptionComesFirst) {
  EXPECT_EQ(read("1700003600", std::chrono::seconds(50)).end, kNow + 50);
  EXPECT_EQ(read("1700003600", std::chrono::seconds(50)).source, "--rondo-walltime");
  EXPECT_EQ(read("nonsense", std::chrono::seconds(50)).refusal, "");
  EXPECT_EQ(read(nullptr, std::chrono::seconds(50)).margin, 5) << "a tenth of a short one";
}

TEST(Walltime, IsNoneWhereNothingIsSaidOrNothingIsSaved) {
  EXPECT_TRUE(std::isinf(read(nullptr).end));
  EXPECT_TRUE(std::isinf(read_walltime(Options(), kNow, kToday, "1700003600").end));
}

TEST(Walltime, ThatCannotBeIsIgnoredAndNamed) {
  for (const char* wrong : {"1d", "", "1e9", "-5", "0", "1699999999", "1700000000", "17000036000000000000000",
                            "1700003600.5", " 1700003600"}) {
    const Walltime walltime = read(wrong);
    EXPECT_TRUE(std::isinf(walltime.end)) << wrong;
    EXPECT_EQ(walltime.refusal.find("SLURM_JOB_END_TIME: "), 0U) << walltime.refusal;
    EXPECT_NE(walltime.refusal.find("got '" + std::string(wrong) + "'"), std::string::npos);
  }
  EXPECT_NE(read("1d").refusal.find("need seconds since 1970"), std::string::npos);
  EXPECT_NE(read("1699999999").refusal.find("in the past"), std::string::npos);
}

}  // namespace
}  // namespace rondo::engine
