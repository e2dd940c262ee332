// Random items and random ways to evaluate, for property tests.
#pragma once

#include <gtest/gtest.h>

#include <compare>
#include <random>
#include <rondo/stream.hpp>
#include <string>
#include <vector>

#include "by_hand.hpp"

struct Item {
  int key = 0;
  int value = 0;
  std::string text;
  auto operator<=>(const Item&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const Item& item) {
  return out << "{" << item.key << ", " << item.value << ", " << item.text << "}";
}

struct Case {
  explicit Case(std::uint64_t seed) : random(seed) {
    const std::size_t size = std::vector<std::size_t>{0, 1, 2, 30, 300, 2000}[pick(6)];
    const int keys = std::vector<int>{1, 3, 40, 100000}[pick(4)];
    for (std::size_t i = 0; i < size; ++i) {
      const int key = static_cast<int>(pick(static_cast<std::uint64_t>(keys)));
      items.push_back({key, static_cast<int>(pick(10)), "item " + std::to_string(i)});
    }
    chunk = 1 + pick(pick(2) == 0 ? 5 : 300);
    slots = 1 + pick(8);
    threads = static_cast<unsigned>(1 + pick(6));
  }
  std::uint64_t pick(std::uint64_t below) { return random() % below; }

  std::mt19937_64 random;
  std::vector<Item> items;
  std::size_t chunk = 1, slots = 1;
  unsigned threads = 1;
};

// Checks build(case), a pipeline, against expected(case), for many seeds: with virtual threads in random
// order, and on real threads.
template <class Build, class Expected>
void check_against(Build build, Expected expected, std::uint64_t seeds = 100) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Case one(seed);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + std::to_string(one.items.size()) +
                 " items in chunks of " + std::to_string(one.chunk) + ", " + std::to_string(one.threads) +
                 " threads");
    const auto model = expected(one);
    ASSERT_EQ(by_hand::evaluate(build(one), one.threads, seed), model);
    ASSERT_EQ(rondo::evaluate(build(one), {.threads_max = one.threads, .effectiveness = seed % 2 ? 0 : 0.7}),
              model);
  }
}
