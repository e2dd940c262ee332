// Where states are between the rounds: even at first, refined with few moves, balanced after a resample.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {
namespace {

std::vector<StateId> ascending(std::size_t count, std::uint64_t from = 0) {
  std::vector<StateId> ids;
  for (std::uint64_t i = 0; i < count; ++i) ids.push_back(StateId{from + i});
  return ids;
}

std::vector<double> loads(const Scheduler& s) {
  std::vector<double> load(s.settings().workers, 0);
  for (Slot slot = 0; slot < s.size(); ++slot) load[index(s.owner(slot))] += s.cost(slot).predicted().count();
  return load;
}
double spread(const std::vector<double>& load) {
  const double mean = std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(load.size());
  return *std::max_element(load.begin(), load.end()) / mean;
}

TEST(Reset, IsEvenInAnyNumbers) {
  for (std::uint32_t workers : {1U, 2U, 3U, 7U, 50U}) {
    for (std::size_t states : {0U, 1U, 2U, 6U, 49U, 50U, 51U, 1000U}) {
      Settings settings;
      settings.workers = workers;
      Scheduler s(settings);
      const std::vector<Worker> owners = s.reset(ascending(states), {});
      std::vector<std::size_t> held(workers, 0);
      for (const Worker w : owners) ++held[index(w)];
      EXPECT_TRUE(std::is_sorted(owners.begin(), owners.end()));
      const auto [least, most] = std::minmax_element(held.begin(), held.end());
      EXPECT_LE(*most - *least, 1U) << states << " states on " << workers;
    }
  }
}

TEST(Reset, GoesByCostWhereItIsGiven) {
  std::mt19937_64 random(5);
  Settings settings;
  settings.workers = 7;
  Scheduler s(settings);
  std::vector<double> seconds(2000);
  for (double& each : seconds) each = std::exp(std::normal_distribution<>(0, 1)(random));
  (void)s.reset(ascending(2000), seconds);
  EXPECT_LT(spread(loads(s)), 1.03);
}

// A call on a scheduler alone: every worker runs what it was assigned, and nothing is stolen.
std::size_t moves_of_a_call(Scheduler& s, const std::vector<double>& seconds) {
  std::size_t moves = 0;
  for (const Command& c : s.on(Time(0), event::Begin{1, s.size()}))
    if (const auto* move = std::get_if<command::Move>(&c)) moves += move->slots.size();
  (void)s.on(Time(0), event::Opened{1});
  for (std::uint32_t w = 0; w < s.settings().workers; ++w) {
    std::vector<Done> done;
    for (Slot slot = 0; slot < s.size(); ++slot)
      if (s.owner(slot) == Worker{w})
        done.push_back({slot, 0, static_cast<float>(seconds[slot]), s.hop(slot)});
    (void)s.on(Time(1), event::Report{Worker{w}, done, Seconds(0), 0, kNever, false});
  }
  return moves;
}

TEST(Refine, ReachesTheToleranceAndThenRests) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    Settings settings;
    settings.workers = 2 + static_cast<std::uint32_t>(random() % 12);
    const std::size_t count = settings.workers * (20 + random() % 30);
    Scheduler s(settings);
    (void)s.reset(ascending(count), {});
    std::vector<double> seconds(count);
    for (double& each : seconds) each = 0.01 * std::exp(std::normal_distribution<>(0, 0.7)(random));
    EXPECT_EQ(moves_of_a_call(s, seconds), 0U);
    const double before = spread(loads(s));
    const std::size_t moves = moves_of_a_call(s, seconds);
    const double longest = *std::max_element(seconds.begin(), seconds.end());
    const double mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / settings.workers;
    EXPECT_LE(spread(loads(s)), std::max(1 + settings.tolerance, longest / mean) + 1e-3) << "seed " << seed;
    // no more than what stands above the mean, in states of the size of an average one
    EXPECT_LE(moves, static_cast<std::size_t>((before - 1) * static_cast<double>(count) + settings.workers))
        << "seed " << seed;
    EXPECT_EQ(moves_of_a_call(s, seconds), 0U) << "seed " << seed;
  }
}

TEST(Refine, MovesNothingWhereStatesAreDearerToMoveThanToRun) {
  Settings settings;
  settings.workers = 2;
  Scheduler s(settings);
  (void)s.reset(ascending(40), {});
  for (Slot slot = 0; slot < 40; ++slot) s.packed(slot, 1e9);  // half a second each to move
  std::vector<double> seconds(40, 0.001);
  std::fill(seconds.begin(), seconds.begin() + 20, 0.01);
  (void)moves_of_a_call(s, seconds);
  EXPECT_EQ(moves_of_a_call(s, seconds), 0U);
}

TEST(Resample, NamesEachDestinationOnceAndBalances) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::mt19937_64 random(seed);
    Settings settings;
    settings.workers = 1 + static_cast<std::uint32_t>(random() % 9);
    const std::size_t count = 1 + random() % 200;
    Scheduler s(settings);
    (void)s.reset(ascending(count), {});
    std::vector<Worker> owners;
    std::vector<std::uint32_t> offspring(count, 0);
    for (Slot slot = 0; slot < count; ++slot) {
      owners.push_back(s.owner(slot));
      s.packed(slot, 1000);
    }
    // skewed: a few parents have most of the children
    for (std::size_t i = 0; i < count; ++i)
      ++offspring[static_cast<std::size_t>(static_cast<double>(count) *
                                           std::pow(std::uniform_real_distribution<>(0, 1)(random), 3))];
    const std::vector<Copy> copies = s.resample(offspring, StateId{1000});

    ASSERT_EQ(s.size(), count);
    std::set<std::pair<Slot, Worker>> pairs;
    std::vector<std::uint32_t> children(count, 0);
    std::uint64_t next = 1000;
    Slot slot = 0;
    for (const Copy& copy : copies) {
      ASSERT_TRUE(pairs.insert({copy.parent, copy.to}).second) << "seed " << seed;
      ASSERT_EQ(copy.from, owners[copy.parent]) << "seed " << seed;
      ASSERT_EQ(value(copy.first), next) << "seed " << seed;
      children[copy.parent] += copy.count;
      next += copy.count;
      for (std::uint32_t i = 0; i < copy.count; ++i, ++slot) {
        ASSERT_EQ(s.id(slot), StateId{value(copy.first) + i});
        ASSERT_EQ(s.owner(slot), copy.to) << "seed " << seed;
      }
    }
    ASSERT_EQ(children, offspring) << "seed " << seed;
    std::vector<std::size_t> held(settings.workers, 0);
    for (Slot each = 0; each < s.size(); ++each) ++held[index(s.owner(each))];
    const std::size_t fair = (count + settings.workers - 1) / settings.workers;
    EXPECT_LE(*std::max_element(held.begin(), held.end()), fair) << "seed " << seed;
  }
}

TEST(Resample, KeepsEverythingWhereItIsIfRebalancingIsOff) {
  Settings settings;
  settings.workers = 4;
  settings.rebalance = false;
  Scheduler s(settings);
  (void)s.reset(ascending(8), {});
  const std::vector<std::uint32_t> offspring{8, 0, 0, 0, 0, 0, 0, 0};
  for (const Copy& copy : s.resample(offspring, StateId{8})) EXPECT_EQ(copy.from, copy.to);
}

TEST(Resample, ChildrenInheritTheCost) {
  Settings settings;
  settings.workers = 2;
  Scheduler s(settings);
  (void)s.reset(ascending(2), {});
  s.hint(0, Seconds(3));
  const std::vector<std::uint32_t> offspring{2, 0};
  (void)s.resample(offspring, StateId{2});
  EXPECT_EQ(s.cost(0).predicted().count(), 3);
  EXPECT_EQ(s.cost(1).predicted().count(), 3);
}

}  // namespace
}  // namespace rondo::scheduler
