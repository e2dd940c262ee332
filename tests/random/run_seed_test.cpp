// --rondo-seed reaches main and every update.
#include <cstdint>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/rondo.hpp>

namespace {

class Draw : public rondo::Update<int, int, std::uint32_t> {
 public:
  std::uint32_t update(int&, const int&, const Call& call) override { return call.random()(); }
};

struct Drawn {
  std::uint64_t seed = 0;
  std::vector<std::uint32_t> numbers, expected;
};

Drawn draw(std::vector<std::string> options) {
  options.insert(options.begin(), "program");
  std::vector<char*> arguments;
  for (std::string& option : options) arguments.push_back(option.data());
  arguments.push_back(nullptr);
  auto count = static_cast<int>(options.size());
  Drawn drawn;
  EXPECT_EQ(rondo::run<Draw>(count, arguments.data(),
                             [&](rondo::Master<Draw>& master) {
                               drawn.seed = master.seed();
                               master.reset({0, 0, 0});
                               master.update(0);
                               drawn.numbers = master.update(0);
                               for (const rondo::StateId id : master.ids())
                                 drawn.expected.push_back(rondo::Random(master.seed(), id, 1)());
                             }),
            0);
  return drawn;
}

TEST(RunSeed, IsZeroUnlessGiven) { EXPECT_EQ(draw({}).seed, 0U); }

TEST(RunSeed, ReachesMainWhole) {
  EXPECT_EQ(draw({"--rondo-seed=18446744073709551615"}).seed, 18446744073709551615U);
}

TEST(RunSeed, IsTheKeyOfTheNumbersOfEveryUpdate) {
  for (const std::string seed : {"0", "7", "4294967296"}) {
    const Drawn drawn = draw({"--rondo-workers=2", "--rondo-seed=" + seed});
    EXPECT_EQ(drawn.numbers, drawn.expected) << "seed " << seed;
  }
  EXPECT_NE(draw({"--rondo-seed=7"}).numbers, draw({"--rondo-seed=4294967296"}).numbers);
}

}  // namespace
