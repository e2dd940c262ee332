// Memory for copies: within the limit, and given again.
#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "engine/copy_memory.hpp"

namespace rondo::engine {
namespace {

TEST(CopyMemory, IsGivenAgain) {
  CopyMemory memory(1000);
  Buffer first = memory.take(300), second = memory.take(500);
  const std::byte* const small = first.data();
  const std::byte* const big = second.data();
  memory.give_back(std::move(first));
  memory.give_back(std::move(second));
  EXPECT_EQ(memory.take(300).data(), small) << "the smallest that is enough";
  EXPECT_EQ(memory.take(301).data(), big);
}

TEST(CopyMemory, OneThatIsTooBigHasRoomAlone) {
  CopyMemory memory(1000);
  EXPECT_TRUE(memory.has_room(5000));
  Buffer big = memory.take(5000);
  EXPECT_FALSE(memory.has_room(1));
  memory.give_back(std::move(big));
  EXPECT_TRUE(memory.has_room(1000));
}

// Whatever the sizes: what is held, taken or kept, is within the limit, but for one copy that is bigger by itself.
TEST(CopyMemory, HoldsNoMoreThanTheLimit) {
  constexpr std::size_t kLimit = 20'000;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    CopyMemory memory(kLimit);
    std::vector<Buffer> taken;
    const std::size_t greatest = seed % 2 == 0 ? 3000 : 30'000;
    for (int step = 0; step < 300; ++step) {
      const std::size_t size = random() % greatest;
      if (random() % 3 != 0 && memory.has_room(size)) {
        taken.push_back(memory.take(size));
        EXPECT_GE(taken.back().capacity(), size);
        EXPECT_TRUE(taken.back().empty());
      } else if (!taken.empty()) {
        std::swap(taken[random() % taken.size()], taken.back());
        memory.give_back(std::move(taken.back()));
        taken.pop_back();
      }
      if (taken.size() > 1) {
        EXPECT_LE(memory.held(), kLimit) << "seed " << seed << ", step " << step;
      }
    }
    while (!taken.empty()) {
      memory.give_back(std::move(taken.back()));
      taken.pop_back();
    }
    EXPECT_LE(memory.held(), kLimit) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rondo::engine
