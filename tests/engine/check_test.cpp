// --rondo-check on a program with one fault at a time, on threads and on ranks: the run ends with one line that says which
// kind of fault it is. The program without a fault gives the same results as without the option.
#include <gtest/gtest.h>

#include <regex>
#include <string>
#include <vector>

#include "launch.hpp"

namespace rondo::test {
namespace {

const std::string kProgram = RONDO_TEST_PROGRAM;

// The program on one worker and on three.
std::vector<Ended> on_threads(const std::string& arguments) {
  return {launch(kProgram + " " + arguments + " --rondo-workers=1"),
          launch(kProgram + " " + arguments + " --rondo-workers=3")};
}

// And on ranks, if Rondo was built with MPI.
std::vector<Ended> everywhere(const std::string& arguments) {
  std::vector<Ended> all = on_threads(arguments);
  const std::string launcher = RONDO_TEST_LAUNCHER;
  if (!launcher.empty()) all.push_back(launch(launcher + " -np 4 " + kProgram + " " + arguments));
  return all;
}

// One line, of the first round that can show the fault.
void expect_told(const Ended& ended, const std::string& round, const std::string& what,
                 const std::string& where_from) {
  const std::regex line("rondo: rank 0: rondo::CheckError: state [0-9]+ on rank [0-9]+ in round " + round +
                            ": .*" + what + "[^.]* byte[^.]*\\. .*look for " + where_from + ".*\n",
                        std::regex::icase);
  EXPECT_EQ(ended.status, 1);
  EXPECT_EQ(ended.count("rondo: "), 1U) << ended.output;
  EXPECT_TRUE(std::regex_search(ended.output, line)) << ended.output;
}

TEST(Check, ACorrectProgramGivesTheSame) {
  const Ended plain = launch(kProgram + " none --rondo-workers=2");
  ASSERT_EQ(plain.status, 0);
  ASSERT_EQ(plain.count("\n"), 23U);
  // 11 rounds of 12 states and 12 rounds of 14
  const std::string told = "rondo: --rondo-check: 300 updates were done twice and gave the same bytes\n";
  for (Ended& checked : everywhere("none --rondo-check")) {
    EXPECT_EQ(checked.status, 0);
    const auto at = checked.output.find(told);
    ASSERT_NE(at, std::string::npos) << checked.output;
    EXPECT_EQ(checked.output.erase(at, told.size()), plain.output);
  }
}

TEST(Check, NamesWhatAnObjectHoldsBesideItsBytes) {
  const std::string where_from =
      "a member that serialize\\(\\) forgets, or a handle \\(a solver, say\\) with a hidden history";
  for (const Ended& ended : everywhere("forgotten --rondo-check"))
    expect_told(ended, "[1-3]", "gives another output", where_from);
  for (const Ended& ended : on_threads("history --rondo-check"))
    expect_told(ended, "[1-3]", "gives another output", where_from);
}

TEST(Check, NamesWhatIsNeitherInTheStateNorInTheUpdate) {
  for (const Ended& ended : everywhere("global --rondo-check"))
    expect_told(ended, "0", "gives another output", "a global or static variable");
  for (const Ended& ended : on_threads("address --rondo-check"))
    expect_told(ended, "0", "gives another output", ".*addresses");
}

TEST(Check, NamesWhatAnUpdateKeeps) {
  for (const Ended& ended : on_threads("update --rondo-check"))
    expect_told(ended, "0", "gives another output", "members of the Update");
}

TEST(Check, NamesASerializeThatLoadsSomethingElse) {
  for (const Ended& ended : on_threads("lopsided --rondo-check"))
    expect_told(ended, "0", "unpacking it and packing it again gives other bytes",
                "a serialize\\(\\) that loads something else");
}

TEST(Check, AProgramThatGoesOnAfterTheErrorFailsAllTheSame) {
  for (const Ended& ended : everywhere("output caught --rondo-check")) {
    EXPECT_EQ(ended.status, 1);
    // the counter, which is added as a double: 0 and 1 differ in the upper half, that of a small number in its last bytes
    EXPECT_TRUE(std::regex_search(ended.output, std::regex("(^|\n)caught [0-9]+ 0 [67]\n"))) << ended.output;
    EXPECT_EQ(ended.count("rondo: --rondo-check has found a difference, which the program has caught"), 1U);
  }
}

TEST(Check, WithoutTheOptionTheFaultsStayHidden) {
  for (const std::string fault : {"forgotten", "history", "global", "update"})
    EXPECT_EQ(launch(kProgram + " " + fault + " --rondo-workers=2").status, 0);
}

}  // namespace
}  // namespace rondo::test
