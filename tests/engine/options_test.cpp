// The options of a run: where a value comes from, and the table that they all come from.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <rondo/error.hpp>

#include "command_line.hpp"
#include "engine/option_table.hpp"
#include "engine/options.hpp"

namespace rondo::test {
namespace {

using namespace std::chrono_literals;

engine::Options take(const Options& preset, std::vector<std::string> arguments = {}) {
  CommandLine line(std::move(arguments));
  std::ostringstream help;
  return engine::take_options(line.argc, line.argv(), help, preset).value();
}

std::string refusal(const Options& preset, std::vector<std::string> arguments = {}) {
  try {
    (void)take(preset, std::move(arguments));
  } catch (const OptionError& error) {
    return error.what();
  }
  return "accepted";
}

// A variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

TEST(Options, TheProgramThenTheEnvironmentThenTheCommandLine) {
  Options options;
  options.seed = 1;
  options.batch = 7;
  options.keep = 5;
  options.checkpoint = "directory";
  const Variable batch("RONDO_BATCH", "8"), keep("RONDO_KEEP", "6");
  const engine::Options taken = take(options, {"--rondo-keep=9"});
  EXPECT_EQ(taken.seed, 1U);
  EXPECT_EQ(taken.batch.value_or(0), 8U);
  EXPECT_EQ(taken.keep, 9U);
  EXPECT_EQ(taken.checkpoint, "directory");
  EXPECT_EQ(taken.written("seed"), "Options::seed");
  EXPECT_EQ(taken.written("batch"), "RONDO_BATCH");
  EXPECT_EQ(taken.written("keep"), "--rondo-keep");
  EXPECT_EQ(taken.written("fanout"), "--rondo-fanout") << "nobody has set it";
}

TEST(Options, WhatIsOverriddenMayBeWrong) {
  Options options;
  const Variable batch("RONDO_BATCH", "x");
  EXPECT_EQ(take(options, {"--rondo-batch=off"}).batch, Tunable::off());
}

// Every member keeps any value that it may have, whatever is its type.
TEST(Options, AllThatAProgramSetsArrives) {
  Options set;
  set.workers = 3;
  set.alone = set.master_works = set.rollback = set.check = set.recover = true;
  set.stack = (std::uint64_t{3} << 20) + 1;
  set.batch = Tunable::off();
  set.seed = ~std::uint64_t{0};
  set.memory = std::uint64_t{1} << 40;
  set.stall.reset();
  set.stall_abort = Options::Seconds(0.1 + 0.2);
  set.rounds_ahead = 1'000'000;
  set.fanout = 65536;
  set.input_memory = 1;
  set.checkpoint = "a folder|with = and , in its name";
  set.checkpoint_copy = "another";
  set.checkpoint_every = Rounds{12};
  set.keep = 1;
  set.checkpoint_memory = 1023;
  set.checkpoint_arguments = Options::OtherArguments::kIgnore;
  set.walltime = 3661s;
  set.grace = 0s;
  set.round_grace.reset();
  set.node_failure = 1h;
  set.recover_every = 77;
  set.recover_deadline = 0.25s;
  set.orphan = 1e9s;
  set.marker = "mark";
  const engine::Options taken = take(set);
  const Options preset;
  for (const engine::OptionRow& row : engine::option_table()) {
    EXPECT_EQ(row.write(taken), row.write(set)) << row.name;
    if (row.name == "relay") continue;  // no number of which goes with recovery
    EXPECT_NE(row.write(taken), row.write(preset)) << row.name << " was not set above";
    EXPECT_EQ(taken.written(row.name), row.member());
  }
  EXPECT_EQ(taken.stall_abort, set.stall_abort) << "to the last bit";
  EXPECT_EQ(taken.checkpoint_every, set.checkpoint_every);

  set.recover = false;
  set.relay = 4;
  set.checkpoint_every = 90min;
  EXPECT_EQ(take(set).relay, Tunable(4));
  EXPECT_EQ(take(set).checkpoint_every, set.checkpoint_every);
}

TEST(Options, AValueOutOfRangeNamesTheMember) {
  Options options;
  options.fanout = 0;
  EXPECT_EQ(refusal(options), "Options::fanout: need a whole number from 1 to 65536, got '0'");
  EXPECT_EQ(refusal(options, {"--rondo-fanout=3"}),
            "Options::fanout: need a whole number from 1 to 65536, got '0'")
      << "a fault of the program, whatever overrides it";
  options = {};
  options.recover_deadline = Options::Seconds(-1);
  EXPECT_EQ(refusal(options),
            "Options::recover_deadline: need a number of seconds from 0.001 to 1000000000, got '-1'");
  options = {};
  options.relay = 1;
  EXPECT_EQ(refusal(options), "Options::relay: need auto, off or a whole number from 2 to 65536, got '1'");
  options = {};
  options.walltime = 2h;
  EXPECT_EQ(refusal(options),
            "Options::walltime: need --rondo-checkpoint=DIR too: a run that leaves without a checkpoint "
            "cannot go on");
  options.checkpoint = "directory";
  options.walltime = -2h;
  EXPECT_EQ(refusal(options), "Options::walltime: need a time such as 90s, 20m or 2h, got '-2h'");
  options.walltime = 0s;
  EXPECT_EQ(refusal(options), "Options::walltime: need a time such as 90s, 20m or 2h, got '0s'");
}

// Two runs of a process that are given one directory do not resume from each other's checkpoints.
TEST(Options, ASecondRunHasADirectoryOfItsOwn) {
  Options options;
  options.checkpoint = "given twice";
  EXPECT_EQ(take(options).checkpoint, "given twice");
  EXPECT_EQ(take(options).checkpoint, "given twice/2");
  options.checkpoint = "another";
  EXPECT_EQ(take(options).checkpoint, "another");
}

TEST(OptionTable, HasNamesOfItsOwn) {
  std::set<std::string> names, variables;
  for (const engine::OptionRow& row : engine::option_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(variables.insert(row.variable()).second) << row.name;
    EXPECT_FALSE(row.help.empty() || row.preset.empty()) << row.name;
    EXPECT_EQ(engine::find_option(row.option()), &row);
  }
  EXPECT_EQ(engine::find_option("rondo-none"), nullptr);
}

// The default that a row tells is what its member begins with, where the row does not tell it in words.
TEST(OptionTable, TellsTheDefaults) {
  const auto preset = [](const char* name) {
    return engine::find_option(std::string("rondo-") + name)->preset;
  };
  EXPECT_EQ(preset("stall"), "300");
  EXPECT_EQ(preset("grace"), "0.8");
  EXPECT_EQ(preset("round-grace"), "10m");
  EXPECT_EQ(preset("input-memory"), "64M");
  EXPECT_EQ(preset("batch"), "auto");
  EXPECT_EQ(preset("checkpoint-arguments"), "warn");
  EXPECT_EQ(preset("rollback"), "off");
}

TEST(OptionTable, IsTheOneOfTheReadme) {
  std::ifstream file(RONDO_README);
  std::stringstream readme;
  readme << file.rdbuf();
  EXPECT_NE(readme.str().find("\n" + engine::options_as_markdown() + "\n"), std::string::npos)
      << "README.md should have this table:\n\n"
      << engine::options_as_markdown();
}

}  // namespace
}  // namespace rondo::test
