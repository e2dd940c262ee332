// A state of just over 2 GB, more than the counts of MPI can say: placed, copied to another worker, changed there, and fetched.
//
// Needs some 11 GB of memory.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "command_line.hpp"

namespace rondo::test {
namespace {

constexpr std::size_t kWords = (std::size_t{1} << 31) / sizeof(std::uint64_t) + 4096;

std::uint64_t word(std::size_t i) { return i * 0x9e3779b97f4a7c15 + 1; }

// Changes one word per input, so that what comes back tells where it has been.
class Poke : public Update<std::vector<std::uint64_t>, std::size_t, std::uint64_t> {
 public:
  std::uint64_t update(std::vector<std::uint64_t>& state, const std::size_t& input, const Call&) override {
    return state.at(input) += 1;
  }
};

TEST(Big, AStateOfMoreThanTwoGigabytesIsPlacedMovedAndFetched) {
  EXPECT_EQ(0, run_with<Poke>({"--rondo-workers=2"}, [](Master<Poke>& master) {
              {
                std::vector<std::vector<std::uint64_t>> states(1);
                states[0].resize(kWords);
                for (std::size_t i = 0; i < kWords; ++i) states[0][i] = word(i);
                master.reset(std::move(states));
              }
              EXPECT_EQ(master.update(kWords - 1).front(), word(kWords - 1) + 1);
              master.resample(std::vector<std::uint32_t>{2});
              EXPECT_EQ(master.profile().transfers, master.workers() > 1 ? 1U : 0U);
              // one of the two stays where it was, so each of them alone is the one that moved or the one that did not
              EXPECT_EQ(master.update(std::vector<std::size_t>{0, 1}),
                        (std::vector<std::uint64_t>{word(0) + 1, word(1) + 1}));
              EXPECT_EQ(master.update(std::vector<std::size_t>{2, 2}),
                        (std::vector<std::uint64_t>{word(2) + 1, word(2) + 1}));
              for (const std::size_t which : {0, 1}) {
                const std::vector<std::uint64_t> state = master.state(master.ids()[which]);
                ASSERT_EQ(state.size(), kWords);
                std::size_t changed = 0;
                for (std::size_t i = 0; i < kWords; ++i) changed += state[i] != word(i) ? 1 : 0;
                EXPECT_EQ(changed, 3U);
                EXPECT_EQ(state[which], word(which) + 1);
                EXPECT_EQ(state[2], word(2) + 1);
                EXPECT_EQ(state[kWords - 1], word(kWords - 1) + 1);
              }
            }));
}

}  // namespace
}  // namespace rondo::test
