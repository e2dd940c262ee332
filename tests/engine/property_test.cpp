// Whatever a program does with its master, on whatever number of workers: ids, outputs and states equal the pure model.
//
// One seed is one run: random options, then a random sequence of calls. RONDO_TEST_SEEDS sets how many seeds there are,
// RONDO_TEST_SEED the first one; a failure prints its seed.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "command_line.hpp"
#include "comparison.hpp"

namespace rondo::test {
namespace {

TEST(Property, EveryRunEqualsThePureModel) {
  const std::uint64_t first = environment("RONDO_TEST_SEED", 1);
  const std::uint64_t seeds = environment("RONDO_TEST_SEEDS", 300);
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
    Dice dice(seed);
    Model model;
    bool rollback = false;
    const std::vector<std::string> options = random_options(dice, model.seed, rollback);
    std::string told = "RONDO_TEST_SEED=" + std::to_string(seed) + " RONDO_TEST_SEEDS=1, options:";
    for (const std::string& option : options) told += " " + option;
    SCOPED_TRACE(told);
    CommandLine line(options);
    const int status = run<Machine>(line.argc, line.argv(), [&](Master<Machine>& master) {
      Comparison(master, dice, model, rollback).go();
      return testing::Test::HasFailure() ? 1 : 0;
    });
    ASSERT_EQ(status, 0);  // on every rank, so all of them leave here
  }
}

}  // namespace
}  // namespace rondo::test
