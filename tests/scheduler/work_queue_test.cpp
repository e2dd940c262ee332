// The worker's queue against a model that is a plain list, searched for everything.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "scheduler/reporting.hpp"
#include "scheduler/work_queue.hpp"

namespace rondo::scheduler {
namespace {

// The same contract, in the slowest way.
struct Model {
  struct Entry {
    Job job;
    bool here;
  };
  std::vector<Entry> entries;
  std::optional<Job> running;
  Time since{0};
  std::uint32_t open = 0, rounds = 0;
  bool staggered = false;
  double reach = 0;
  double measured = 0;
  int measurements = 0;

  [[nodiscard]] double mean() const {
    return measurements == 0 ? 1e-3 : std::max(measured / measurements, 1e-9);
  }
  [[nodiscard]] double cost(const Job& job) const { return job.cost > 0 ? job.cost : mean(); }
  [[nodiscard]] std::vector<Job> ready() const {
    std::vector<Job> jobs;
    for (const Entry& e : entries)
      if (e.here && e.job.round < open) jobs.push_back(e.job);
    return jobs;
  }
  [[nodiscard]] std::optional<Job> first() {
    const auto jobs = ready();
    double known = 0;
    for (const Job& job : jobs) known += job.cost * (open - job.round);
    if (staggered && !jobs.empty()) reach = std::max(reach, known);
    const auto best = std::min_element(jobs.begin(), jobs.end(), [&](const Job& a, const Job& b) {
      const auto begin = [&](const Job& j) {
        return std::fmod(j.slot * 0.6180339887498949, 1) * reach - j.cost;
      };
      if (reach > 0 && a.cost > 0 && b.cost > 0)
        return std::pair(begin(a), a.slot) < std::pair(begin(b), b.slot);
      if (a.round != b.round) return a.round < b.round;
      const auto rank = [](const Job& j) { return j.cost == 0 ? 1e30 : j.cost; };
      if (rank(a) != rank(b)) return rank(a) > rank(b);
      return a.slot < b.slot;
    });
    return best == jobs.end() ? std::nullopt : std::optional(*best);
  }
  [[nodiscard]] double left(Time now) const {
    double sum = 0;
    for (const Entry& e : entries)
      if (e.here && e.job.round < open) sum += cost(e.job) * (open - e.job.round);
    if (running) {
      const double predicted = cost(*running), elapsed = (now - since).count();
      sum += elapsed < predicted ? predicted - elapsed : std::max(elapsed - predicted, predicted / 10);
      sum += predicted * (running->round < open ? open - running->round - 1.0 : -1.0);
    }
    return sum;
  }
  void erase(StateId id) {
    std::erase_if(entries, [&](const Entry& e) { return e.job.state == id; });
  }
};

TEST(WorkQueue, AgreesWithAPlainList) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    const auto real = [&] { return std::uniform_real_distribution<>(0, 1)(random); };
    WorkQueue queue;
    Model model;
    double now = 0;
    std::uint64_t next = 0;
    const std::uint32_t rounds = below(2) == 0 ? 1 : WorkQueue::kUnknownRounds;
    model.staggered = rounds == 1 && below(2) == 0;
    queue.begin(rounds, model.staggered ? RunOrder::kStaggered : RunOrder::kLongestFirst);
    model.rounds = rounds;
    bool closed = rounds == 1;
    for (int step = 0; step < 120; ++step) {
      now += real();
      switch (below(9)) {
        case 0:
        case 1: {
          const bool here = below(3) > 0;
          const Job job{
              StateId{next}, static_cast<Slot>(next), 0, static_cast<float>(below(3) * real()), 100, 0};
          ++next;
          queue.add(job, here);
          if (job.round < model.rounds) model.entries.push_back({job, here});
          break;
        }
        case 2:  // one that was on its way
          for (Model::Entry& e : model.entries) {
            if (e.here) continue;
            queue.arrived(e.job.state);
            e.here = true;
            break;
          }
          break;
        case 3:
          model.open = std::max(model.open, std::min(model.open + 1, model.rounds));
          queue.open(model.open);
          break;
        case 4:
          if (closed || below(10) > 0) break;
          closed = true;
          model.rounds = model.open;
          queue.close(model.open);
          std::erase_if(model.entries, [&](const Model::Entry& e) { return e.job.round >= model.rounds; });
          break;
        case 5:
        case 6: {
          if (model.running) break;
          const std::optional<Job> expected = model.first();
          const Job* job = queue.start(Time(now));
          ASSERT_EQ(job != nullptr, expected.has_value()) << "seed " << seed;
          if (job == nullptr) break;
          ASSERT_EQ(job->state, expected->state) << "seed " << seed;
          model.running = *job;
          model.since = Time(now);
          model.erase(job->state);
          break;
        }
        case 7: {
          if (!model.running) break;
          const Seconds duration = Time(now) - model.since;
          queue.finished(Time(now), duration);
          model.measured += duration.count();
          ++model.measurements;
          Job job = *std::exchange(model.running, std::nullopt);
          if (++job.round < model.rounds) model.entries.push_back({job, true});
          break;
        }
        default: {
          const double before = queue.left(Time(now)).count();
          const StealRequest thief{Seconds(real()), 100.0 * static_cast<double>(below(6))};
          const MoveCost move{Seconds(0.01), Seconds(0.01), Seconds(0)};
          const std::vector<Job> given = queue.give(Time(now), thief, move);
          ASSERT_LE(given.size() * 100.0, thief.bytes_max) << "seed " << seed;
          double taken = 0;
          for (const Job& job : given) {
            const auto ready = model.ready();
            ASSERT_TRUE(std::any_of(ready.begin(), ready.end(),
                                    [&](const Job& r) {
                                      return r.state == job.state && r.round == job.round &&
                                             r.hop + 1 == job.hop;
                                    }))
                << "seed " << seed;
            taken += model.cost(job) * (model.open - job.round);
            model.erase(job.state);
          }
          if (!given.empty()) {
            ASSERT_LT(std::max(thief.left.count(), 0.01) + taken, before + 1e-9) << "seed " << seed;
          }
        }
      }
      ASSERT_EQ(queue.ready(), model.ready().size()) << "seed " << seed;
      ASSERT_EQ(queue.size(), model.entries.size() + (model.running ? 1 : 0)) << "seed " << seed;
      ASSERT_NEAR(queue.left(Time(now)).count(), model.left(Time(now)), 1e-4 * (1 + model.left(Time(now))))
          << "seed " << seed << " step " << step;
    }
  }
}

TEST(WorkQueue, StartsNothingAfterAStop) {
  WorkQueue queue;
  queue.begin(1);
  queue.open(1);
  queue.add({StateId{1}, 0, 0, 1, 0, 0}, true);
  queue.add({StateId{2}, 1, 0, 1, 0, 0}, false);
  ASSERT_NE(queue.start(Time(0)), nullptr);
  queue.stop();
  queue.arrived(StateId{2});
  queue.add({StateId{3}, 2, 0, 1, 0, 0}, true);
  queue.finished(Time(1), Seconds(1));
  EXPECT_EQ(queue.start(Time(1)), nullptr);
  EXPECT_EQ(queue.size(), 0U);
  EXPECT_EQ(queue.left(Time(1)).count(), 0);
}

TEST(WorkQueue, TellsTheLeastThatAThiefMustHaveRoomFor) {
  const MoveCost move{Seconds(0), Seconds(0.5), Seconds(0)};
  WorkQueue queue;
  queue.begin(1);
  queue.open(1);
  EXPECT_EQ(queue.offer(Time(0), move).smallest, kNever);
  for (std::uint32_t i = 0; i < 3; ++i)
    queue.add({StateId{i}, i, 0, 3.0F - static_cast<float>(i), 0, 0}, true);
  EXPECT_EQ(queue.offer(Time(0), move).smallest, Seconds(1.5));
  queue.add({StateId{9}, 9, 0, 0.75F, 0, 0}, false);
  EXPECT_EQ(queue.offer(Time(0), move).smallest, Seconds(1.5));  // its state is not here
  queue.arrived(StateId{9});
  EXPECT_EQ(queue.offer(Time(0), move).smallest, Seconds(1.25));
  EXPECT_EQ(queue.offer(Time(0), move).count, 4U);
  EXPECT_EQ(queue.give(Time(0), {Seconds(6.75 - 1.25), 1}, move).size(),
            0U);  // as much as that is not enough
}

// Packing a state takes time of the worker that gives it, and unpacking it time of the thief.
TEST(WorkQueue, OffersNothingThatIsDearerToMoveThanToRun) {
  const MoveCost move{Seconds(1e-4), Seconds(1e-6), Seconds(1e-9)};
  WorkQueue queue;
  queue.begin(1);
  queue.open(1);
  for (std::uint32_t i = 0; i < 100'000; ++i) queue.add({StateId{i}, i, 0, 0.9e-6F, 8, 0}, true);
  EXPECT_EQ(queue.offer(Time(0), move).count, 0U);
  EXPECT_EQ(queue.give(Time(0), {Seconds(0), 1e9}, move).size(), 0U);
  queue.begin(1);
  queue.open(1);
  for (std::uint32_t i = 0; i < 100'000; ++i)
    queue.add({StateId{i}, i, 0, i % 1000 == 0 ? 2e-6F : 0.9e-6F, 8, 0}, true);
  EXPECT_EQ(queue.offer(Time(0), move).count, 100U);
  EXPECT_EQ(queue.give(Time(0), {Seconds(0), 1e9}, move).size(), 100U);
  EXPECT_EQ(queue.ready(), 99'900U);
}

// What stands behind a long update waits for it, however little work it is.
TEST(WorkQueue, OffersEverythingWhileALongUpdateRuns) {
  const MoveCost move{Seconds(1e-4), Seconds(1e-6), Seconds(0)};
  for (const double length : {1.0, 1e-3}) {
    WorkQueue queue;
    queue.begin(1);
    queue.open(1);
    for (Slot i = 0; i < 2000; ++i) queue.add({StateId{i}, i, 0, 0.5e-6F, 8, 0}, true);
    queue.add({StateId{2000}, 2000, 0, static_cast<float>(length), 8, 0}, true);
    ASSERT_EQ(queue.start(Time(0))->slot, 2000U);
    EXPECT_EQ(queue.offer(Time(0), move).count, 2000U);
    // as many as the thief ends before the long update does
    const std::size_t given = queue.give(Time(0), {Seconds(0), 1e9}, move).size();
    EXPECT_NEAR(static_cast<double>(given), std::min(2000.0, (length - 1e-4) / 1.5e-6), 2);
    queue.finished(Time(length), Seconds(length));
    if (queue.start(Time(length)) != nullptr) {
      EXPECT_EQ(queue.offer(Time(length), move).count, 0U);
    }
  }
}

// As they are in memory: one that takes longer than others by less than a thousandth of all is no better a beginning.
TEST(WorkQueue, RunsShortUpdatesInTheOrderOfTheirPlacesAfterTheLongOnes) {
  for (const RunOrder order : {RunOrder::kLongestFirst, RunOrder::kStaggered}) {
    std::mt19937_64 random(3);
    WorkQueue queue;
    queue.begin(1, order);
    queue.open(1);
    std::vector<float> costs(5000);
    for (float& cost : costs) cost = 1e-7F * (1 + std::uniform_real_distribution<float>(0, 1)(random));
    costs[4000] = costs[17] = 1e-3F;
    costs[2000] = 2e-3F;
    for (Slot i = 0; i < costs.size(); ++i) queue.add({StateId{i}, i, 0, costs[i], 8, 0}, true);
    std::vector<Slot> longs;
    std::optional<Slot> last;
    while (const Job* job = queue.start(Time(0))) {
      if (job->cost > 1e-5F) {
        longs.push_back(job->slot);
        EXPECT_TRUE(order == RunOrder::kStaggered || !last);
      } else {
        EXPECT_TRUE(!last || *last < job->slot);
        last = job->slot;
      }
      queue.finished(Time(0), Seconds(1e-7));
    }
    EXPECT_EQ(longs.size(), 3U);
    if (order == RunOrder::kLongestFirst) {
      EXPECT_EQ(longs, (std::vector<Slot>{2000, 17, 4000}));
    }
  }
}

TEST(Reporting, WhoIsLateSaysSoAndWhoEndsEarlyDoesNot) {
  const Seconds least(5e-3), elapsed(0.64);
  EXPECT_FALSE(is_late(least, elapsed, Time(10), Time(9), 1));
  EXPECT_FALSE(is_late(least, elapsed, Time(10), Time(10.009), 1));
  EXPECT_TRUE(is_late(least, elapsed, Time(10), Time(10.011), 1));
  EXPECT_FALSE(is_late(Seconds(1), elapsed, Time(10), Time(10.011), 1));  // of many workers
  EXPECT_FALSE(is_late(least, elapsed, Time(10), Time(11), 2));  // each round that opens is more to do
}

TEST(Reporting, AllWorkersTogetherHoldBackNoMoreThanTheMasterTakesInAtOnce) {
  EXPECT_EQ(report_bytes(1), 256U << 10);
  for (const std::uint32_t workers : {1U, 100U, 256U, 1000U, 8192U})
    EXPECT_LE(report_bytes(workers) * workers, 64U << 20) << workers;
  EXPECT_EQ(report_bytes(100'000), 8U << 10);  // less would cost more as a message than it holds
}

}  // namespace
}  // namespace rondo::scheduler
