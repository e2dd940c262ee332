// Swaps between neighbours of a ladder: the exact transition matrix keeps the joint distribution, pair by pair.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rondo/random.hpp>
#include <rondo/resampling.hpp>

#include "input_error.hpp"
#include "scripted.hpp"

namespace {

using rondo::LadderPairs;
using rondo::neighbour_swaps;
using Rungs = std::vector<std::uint32_t>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Which state is at each rung.
using Arrangement = Rungs;

struct Ladder {
  std::vector<double> beta, energy;  // of the rungs, of the states

  [[nodiscard]] double probability(const Arrangement& at) const {  // not normalised
    double exponent = 0;
    for (std::size_t i = 0; i < at.size(); ++i) exponent -= beta[i] * energy[at[i]];
    return std::exp(exponent);
  }

  [[nodiscard]] auto log_acceptance(const Arrangement& at) const {
    return [this, at](std::size_t i, std::size_t j) {
      return (beta[i] - beta[j]) * (energy[at[i]] - energy[at[j]]);
    };
  }
};

Arrangement rearranged(const Arrangement& at, const Rungs& permutation) {
  Arrangement result;
  for (const std::uint32_t rung : permutation) result.push_back(at[rung]);
  return result;
}

// The probabilities of all arrangements after a sweep from `at`: every pair's acceptance is measured alone, to 2^-53, and
// then all choices of all pairs are enumerated.
std::map<Arrangement, double> transitions(const Ladder& ladder, const Arrangement& at, LadderPairs pairs) {
  const std::size_t first = pairs == LadderPairs::even ? 0 : 1;
  const std::size_t count = (at.size() - first) / 2;
  constexpr std::uint64_t accept = 0, reject = ~std::uint64_t{0};
  std::vector<double> accepted;
  for (std::size_t pair = 0; pair < count; ++pair)
    accepted.push_back(probability_of([&](std::uint64_t word) {
      std::vector<std::uint64_t> words(count, accept);
      words[pair] = word;
      Scripted random(words);
      const std::size_t i = first + 2 * pair;
      return neighbour_swaps(at.size(), pairs, ladder.log_acceptance(at), random)[i] == i + 1;
    }));
  std::map<Arrangement, double> result;
  for (unsigned choice = 0; choice < 1U << count; ++choice) {
    double probability = 1;
    Rungs permutation(at.size());
    std::iota(permutation.begin(), permutation.end(), 0);
    for (std::size_t pair = 0; pair < count; ++pair) {
      const bool swap = (choice >> pair & 1) != 0;
      probability *= swap ? accepted[pair] : 1 - accepted[pair];
      if (swap) std::swap(permutation[first + 2 * pair], permutation[first + 2 * pair + 1]);
    }
    // a pair that is always accepted cannot be rejected by any word
    std::vector<std::uint64_t> words;
    for (std::size_t pair = 0; pair < count; ++pair)
      words.push_back((choice >> pair & 1) != 0 ? accept : reject);
    Scripted random(words);
    if (probability > 0) {
      EXPECT_EQ(neighbour_swaps(at.size(), pairs, ladder.log_acceptance(at), random), permutation);
    }
    result[rearranged(at, permutation)] += probability;
  }
  return result;
}

void check_detailed_balance(const Ladder& ladder) {
  for (const LadderPairs pairs : {LadderPairs::even, LadderPairs::odd}) {
    std::map<Arrangement, std::map<Arrangement, double>> matrix;
    Arrangement at(ladder.beta.size());
    std::iota(at.begin(), at.end(), 0);
    do {
      matrix[at] = transitions(ladder, at, pairs);
    } while (std::ranges::next_permutation(at).found);
    for (auto& [from, row] : matrix) {
      double sum = 0;
      for (const auto& [to, probability] : row) {
        sum += probability;
        const double forth = ladder.probability(from) * probability;
        const double back = ladder.probability(to) * matrix[to][from];
        EXPECT_NEAR(forth, back, 1e-14 * forth);
      }
      EXPECT_NEAR(sum, 1, 1e-15);
    }
  }
}

TEST(Ladder, SwapsHaveDetailedBalance) {
  check_detailed_balance({{1.0, 0.4}, {-0.3, 0.9}});
  check_detailed_balance({{1.0, 0.7, 0.25}, {0.1, 1.7, -0.4}});
  check_detailed_balance({{1.0, 0.7, 0.25, 0.1}, {0.1, 1.7, -0.4, 0.8}});
}

TEST(Ladder, AcceptanceIsThatOfMetropolis) {
  for (const double log_ratio :
       {-kInfinity, -800.0, -2.0, -0.5, -1e-17, 0.0, 1e-17, 3.0, 1000.0, kInfinity}) {
    const double accepted = probability_of([&](std::uint64_t word) {
      Scripted random({word});
      const auto ratio = [&](std::size_t, std::size_t) { return log_ratio; };
      return neighbour_swaps(2, LadderPairs::even, ratio, random) == Rungs{1, 0};
    });
    EXPECT_NEAR(accepted, std::min(1.0, std::exp(log_ratio)), 0x1p-53) << log_ratio;
    if (log_ratio >= 0) {
      EXPECT_EQ(accepted, 1);
    }
    if (log_ratio == -kInfinity) {
      EXPECT_EQ(accepted, 0);
    }
  }
}

TEST(Ladder, EvenAndOddPairsAreAskedInTurnAndOnce) {
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;
  const auto asked = [](std::size_t rungs, LadderPairs pairs) {
    Pairs result;
    Scripted random({0});
    const Rungs permutation = neighbour_swaps(
        rungs, pairs,
        [&](std::size_t i, std::size_t j) {
          result.emplace_back(i, j);
          return -1.0;
        },
        random);
    EXPECT_EQ(permutation.size(), rungs);
    EXPECT_EQ(random.used(), result.size());
    return result;
  };
  EXPECT_EQ(asked(0, LadderPairs::even), Pairs{});
  EXPECT_EQ(asked(1, LadderPairs::even), Pairs{});
  EXPECT_EQ(asked(1, LadderPairs::odd), Pairs{});
  EXPECT_EQ(asked(2, LadderPairs::even), (Pairs{{0, 1}}));
  EXPECT_EQ(asked(2, LadderPairs::odd), Pairs{});
  EXPECT_EQ(asked(5, LadderPairs::even), (Pairs{{0, 1}, {2, 3}}));
  EXPECT_EQ(asked(5, LadderPairs::odd), (Pairs{{1, 2}, {3, 4}}));
}

// If all swaps are accepted, each sweep carries each replica one rung on.
TEST(Ladder, AlternatingSweepsCarryAReplicaFromEndToEnd) {
  rondo::Random random(0, rondo::StateId{0}, 0);
  Arrangement at(6);
  std::iota(at.begin(), at.end(), 0);
  const auto always = [](std::size_t, std::size_t) { return 0.0; };
  for (int round = 0; round < 6; ++round)
    at = rearranged(
        at, neighbour_swaps(6, round % 2 == 0 ? LadderPairs::even : LadderPairs::odd, always, random));
  EXPECT_EQ(at, (Arrangement{5, 4, 3, 2, 1, 0}));
}

TEST(Ladder, APairWhoseAcceptanceIsNoNumberIsNamed) {
  rondo::Random random(0, rondo::StateId{0}, 0);
  EXPECT_EQ(error_of([&] {
              return neighbour_swaps(
                  6, LadderPairs::odd, [](std::size_t i, std::size_t) { return i == 3 ? std::nan("") : 0; },
                  random);
            }),
            "the log of the acceptance of rungs 3 and 4 is not a number");
}

}  // namespace
