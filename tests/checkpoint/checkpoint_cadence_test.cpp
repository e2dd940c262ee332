// How often: what a user may say, and the published optimum.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include <rondo/error.hpp>

#include "checkpoint/cadence.hpp"

namespace rondo::checkpoint {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Cadence, ATimeOrANumberOfRounds) {
  EXPECT_EQ(parse_cadence("every", "90s"), Cadence(seconds(90)));
  EXPECT_EQ(parse_cadence("every", "20m"), Cadence(seconds(1200)));
  EXPECT_EQ(parse_cadence("every", "2h"), Cadence(seconds(7200)));
  EXPECT_EQ(parse_cadence("every", "100r"), Cadence(Rounds{100}));
  EXPECT_EQ(parse_cadence("every", "18446744073709551615r"), Cadence(Rounds{~std::uint64_t{0}}));
  EXPECT_EQ(parse_cadence("every", "876000h"), Cadence(seconds(std::uint64_t{876000} * 3600)));
}

TEST(Cadence, AnythingElseIsRefusedByName) {
  for (const char* text : {"",
                           "s",
                           "r",
                           "20",
                           "0m",
                           "0r",
                           "-5m",
                           "+5m",
                           "1.5h",
                           "5 m",
                           " 5m",
                           "5m ",
                           "5d",
                           "5M",
                           "m5",
                           "5mm",
                           "1h30m",
                           "876001h",
                           "18446744073709551616r",
                           "99999999999999999999s",
                           "nan",
                           "infs"}) {
    try {
      static_cast<void>(parse_cadence("--rondo-checkpoint-every", text));
      ADD_FAILURE() << text;
    } catch (const OptionError& error) {
      EXPECT_NE(std::string(error.what()).find("--rondo-checkpoint-every"), std::string::npos)
          << error.what();
      EXPECT_NE(std::string(error.what()).find('"' + std::string(text) + '"'), std::string::npos)
          << error.what();
    }
  }
}

// The captions of figures 3, 4 and 5 of Daly's article: 5 minutes per dump.
TEST(Cadence, TheOptimumIsThePublishedOne) {
  const auto optimum_in_minutes = [](Seconds failures) {
    return optimum_interval(minutes(5), failures).count() / 60;
  };
  EXPECT_NEAR(optimum_in_minutes(hours(24)), 117, 0.5);
  EXPECT_NEAR(optimum_in_minutes(hours(6)), 57, 0.5);
  EXPECT_NEAR(optimum_in_minutes(minutes(15)), 9.1, 0.05);
}

// Daly's run time with restarts, up to factors that do not depend on the interval.
double run_time(double interval, double cost, double failures) {
  return (std::exp((interval + cost) / failures) - 1) / interval;
}

TEST(Cadence, TheOptimumIsWithinAPercentOfTheShortestRunTime) {
  for (const double ratio : {1e-6, 1e-4, 1e-2, 0.1, 0.3, 0.9}) {
    const double failures = 1000, cost = ratio * failures;
    double best = HUGE_VAL;
    for (double interval = 0.01; interval < 5 * failures; interval *= 1.001) {
      best = std::min(best, run_time(interval, cost, failures));
    }
    const double found = optimum_interval(Seconds(cost), Seconds(failures)).count();
    EXPECT_LT(run_time(found, cost, failures), 1.01 * best) << "cost / failures " << ratio;
  }
}

TEST(Cadence, TheOptimumAtItsLimits) {
  EXPECT_EQ(optimum_interval(Seconds(0), Seconds(100)), Seconds(0));
  EXPECT_EQ(optimum_interval(Seconds(200), Seconds(100)), Seconds(100));
  EXPECT_NEAR(optimum_interval(Seconds(199.999), Seconds(100)).count(), 88.9, 0.1);
  for (const double nonsense : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    EXPECT_THROW(static_cast<void>(optimum_interval(Seconds(1), Seconds(nonsense))), OptionError) << nonsense;
  }
  EXPECT_EQ(between_failures(hours(1000), 10), Seconds(360'000));
  EXPECT_THROW(static_cast<void>(between_failures(hours(1000), 0)), OptionError);
}

}  // namespace
}  // namespace rondo::checkpoint
