// The random numbers of main: a stream of their own, which depends on the seed alone and goes on after a restart.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/rondo.hpp>

#include "engine/command_line.hpp"
#include "resilience/temporary_folder.hpp"

namespace rondo::test {
namespace {

using Numbers = std::vector<std::uint32_t>;

class Draw : public Update<int, int, std::uint32_t> {
 public:
  std::uint32_t update(int&, const int&, const Call& call) override { return call.random()(); }
};

Numbers draw(Random& random, std::size_t count) {
  Numbers numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(random());
  return numbers;
}

template <class Main>
void run_draw(const std::vector<std::string>& options, const Main& main) {
  CommandLine line(options);
  EXPECT_EQ(run<Draw>(line.argc, line.argv(), main), 0);
}

TEST(Discard, IsAsManyDraws) {
  for (std::uint64_t drawn = 0; drawn < 9; ++drawn) {
    for (std::uint64_t count = 0; count < 13; ++count) {
      Random one(1, StateId{2}, 3), other(1, StateId{2}, 3);
      (void)draw(one, drawn + count);
      (void)draw(other, drawn);
      other.discard(count);
      EXPECT_EQ(one.position(), drawn + count);
      EXPECT_EQ(other.position(), drawn + count);
      EXPECT_EQ(draw(one, 9), draw(other, 9)) << drawn << " and " << count;
    }
  }
}

TEST(Discard, GoesRoundAtTheEndOfTheStream) {
  constexpr std::uint64_t kAll = std::uint64_t{1} << 34;
  for (const std::uint64_t drawn : {0, 1, 3, 4, 6}) {
    Random one(1, StateId{2}, 3), other(1, StateId{2}, 3);
    (void)draw(one, drawn);
    other.discard(kAll - 2);
    EXPECT_EQ(other.position(), kAll - 2);
    (void)draw(other, 2);
    EXPECT_EQ(other.position(), 0U);
    (void)draw(other, drawn);
    EXPECT_EQ(other.position(), drawn);
    EXPECT_EQ(draw(one, 5), draw(other, 5)) << drawn;
  }
}

TEST(MainRandom, DependsOnTheSeedAndNotOnWorkersOrUpdates) {
  const auto numbers = [](const std::string& seed, const std::string& workers, int updates) {
    Numbers found;
    run_draw({"--rondo-seed=" + seed, "--rondo-workers=" + workers}, [&](Master<Draw>& master) {
      master.reset({0, 0, 0});
      for (int i = 0; i < updates; ++i) (void)master.update(0);
      found = draw(master.random(), 10);
    });
    return found;
  };
  const Numbers right = numbers("7", "1", 0);
  EXPECT_EQ(numbers("7", "2", 3), right);
  EXPECT_NE(numbers("8", "1", 0), right);
}

TEST(MainRandom, IsOneStreamThatNoUpdateHas) {
  run_draw({"--rondo-workers=2"}, [](Master<Draw>& master) {
    master.reset({0, 0, 0});
    Numbers mine = draw(master.random(), 4), later = draw(master.random(), 4);
    EXPECT_NE(mine, later);
    for (const std::uint32_t number : master.update(0))
      EXPECT_EQ(std::count(mine.begin(), mine.end(), number), 0);
  });
}

// The run draws an odd number between two safe points, so that a block of the engine is cut.
TEST(MainRandom, GoesOnWhereItWasAfterARestart) {
  const auto five_at_a_time = [](std::size_t steps, const std::vector<std::string>& options) {
    std::pair<std::size_t, Numbers> all;  // and the step that it began with
    run_draw(options, [&](Master<Draw>& master) {
      std::size_t step = 0;
      if (!master.resume(step)) master.reset({0, 0});
      all.first = step;
      for (; step < steps; ++step) {
        master.safe_point(step);
        const Numbers more = draw(master.random(), 5);
        all.second.insert(all.second.end(), more.begin(), more.end());
        (void)master.update(0);
      }
    });
    return all;
  };
  const Numbers whole = five_at_a_time(7, {"--rondo-seed=3", "--rondo-workers=1"}).second;
  for (const std::string seed : {"--rondo-seed=3", "--rondo-seed=4"}) {
    const TemporaryFolder folder;
    const std::vector<std::string> checkpoint = {"--rondo-workers=2", "--rondo-checkpoint-every=1r",
                                                 "--rondo-checkpoint=" + folder / "ckpt"};
    std::vector<std::string> first = checkpoint, second = checkpoint;
    first.push_back("--rondo-seed=3");
    second.push_back(seed);
    const Numbers before = five_at_a_time(4, first).second;
    EXPECT_EQ(before, Numbers(whole.begin(), whole.begin() + 20));
    const auto [step, after] = five_at_a_time(7, second);
    EXPECT_GE(step, 1U);
    EXPECT_EQ(after, Numbers(whole.begin() + static_cast<std::ptrdiff_t>(5 * step), whole.end()));
  }
}

TEST(MainRandom, GoesBackWithARestore) {
  const TemporaryFolder folder;
  run_draw({"--rondo-workers=2"}, [&](Master<Draw>& master) {
    master.reset({0, 0});
    (void)draw(master.random(), 3);
    master.checkpoint(folder / "ckpt");
    const Numbers once = draw(master.random(), 6);
    ASSERT_TRUE(master.restore(folder / "ckpt"));
    EXPECT_EQ(draw(master.random(), 6), once);
  });
}

}  // namespace
}  // namespace rondo::test
