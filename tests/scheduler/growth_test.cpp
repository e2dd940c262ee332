// What a call takes of the scheduler and of a worker's queue grows as the number of states does, and not as its square.
//
// The measure is the processor time of this thread for thirty times as many states: thirty times as long if it grows in
// proportion, some times more as they leave the caches, 900 times and more if it grows as the square. Neither the speed of the
// machine nor other work on it changes that much.
#include <gtest/gtest.h>
#include <malloc.h>

#include <ctime>

#include <algorithm>
#include <functional>
#include <limits>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"
#include "scheduler/work_queue.hpp"

namespace rondo::scheduler {
namespace {

double processor_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// The least of three. The memory of the first one serves the others: to get it from the system may take longer than all else.
double time_of(const std::function<void(std::uint32_t)>& work, std::uint32_t states) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 3; ++i) {
    const double begin = processor_seconds();
    work(states);
    least = std::min(least, processor_seconds() - begin);
  }
  return least;
}

void expect_proportional(const std::function<void(std::uint32_t)>& work, std::uint32_t states) {
  EXPECT_LT(time_of(work, 30 * states), 200 * time_of(work, states));
}

std::vector<StateId> ascending(std::size_t count) {
  std::vector<StateId> ids;
  for (std::uint64_t i = 0; i < count; ++i) ids.push_back(StateId{i});
  return ids;
}

constexpr MoveCost kMove;

// A worker reports again and again, and is asked for states now and then.
void run_queue(std::uint32_t states, float cost) {
  WorkQueue queue;
  queue.begin(1);
  queue.open(1);
  for (std::uint32_t i = 0; i < states; ++i)
    queue.add({StateId{i}, i, 0, cost > 0 && i % 1000 == 9 ? 4e-3F : cost, 8, 0}, true);
  Time now(0);
  std::uint32_t done = 0;
  while (queue.start(now) != nullptr) {
    queue.finished(now += Seconds(cost), Seconds(cost));
    if (++done % 100 == 0) (void)queue.offer(now, kMove);
    if (done % (states / 16) == 0) (void)queue.give(now, {queue.left(now) - Seconds(1e-3), 1e9}, kMove);
  }
}

TEST(Growth, OfAQueueOfTinyStates) {
  expect_proportional([](std::uint32_t states) { run_queue(states, 0.1e-6F); }, 10'000);
}

TEST(Growth, OfAQueueWhoseCostsAreUnknown) {
  expect_proportional([](std::uint32_t states) { run_queue(states, 0); }, 10'000);
}

TEST(Growth, OfManyRoundsWithoutABarrier) {
  expect_proportional(
      [](std::uint32_t states) {
        WorkQueue queue;
        queue.begin(WorkQueue::kUnknownRounds);
        queue.open(4);
        for (std::uint32_t i = 0; i < states; ++i) queue.add({StateId{i}, i, 0, 1e-7F, 8, 0}, true);
        while (queue.start(Time(0)) != nullptr) queue.finished(Time(0), Seconds(1e-7));
      },
      10'000);
}

// All are on one of four workers, by what is known of their costs; and the others get what is theirs.
TEST(Growth, OfARefinementThatMovesMany) {
  for (const double spread : {0.0, 1.0}) {
    expect_proportional(
        [&](std::uint32_t states) {
          Settings settings;
          settings.workers = 4;
          Scheduler s(settings);
          std::vector<Cost> costs;
          for (std::uint32_t i = 0; i < states; ++i)
            costs.emplace_back(Seconds(20e-6 * (1 + spread * (i * 2654435761U % 1000) / 1000)));
          s.restore(ascending(states), std::vector<Worker>(states, Worker{0}), costs);
          std::size_t moved = 0;
          for (const Command& command : s.on(Time(0), event::Begin{1, states}))
            if (const auto* move = std::get_if<command::Move>(&command)) moved += move->slots.size();
          EXPECT_GT(moved, states * 6 / 10);
          EXPECT_LT(moved, states * 8 / 10);
        },
        10'000);
  }
}

// Costs that were measured while the processor was elsewhere for some of the states.
TEST(Growth, OfARefinementOfTinyStatesSomeOfWhichSeemLong) {
  expect_proportional(
      [](std::uint32_t states) {
        Settings settings;
        settings.workers = 4;
        Scheduler s(settings);
        std::vector<Cost> costs;
        for (std::uint32_t i = 0; i < states; ++i)
          costs.emplace_back(Seconds(i < states / 4 && i % 100 == 0 ? 4e-3 : 0.1e-6));
        std::vector<Worker> owners;
        for (std::uint32_t i = 0; i < states; ++i) owners.emplace_back(Worker{i * 4 / states});
        s.restore(ascending(states), owners, costs);
        (void)s.on(Time(0), event::Begin{1, states});
      },
      10'000);
}

// In batches, of which one worker is slow.
TEST(Growth, OfBatchesThatGoToOthersBeforeTheyAreAssigned) {
  expect_proportional(
      [](std::uint32_t states) {
        Settings settings;
        settings.workers = 2;
        settings.batch = 10;
        Scheduler s(settings);
        (void)s.reset(ascending(states), std::vector<double>(states, 1e-3));
        std::vector<std::vector<Slot>> waiting(2);
        Time now(0);
        const auto on = [&](const Event& event) {
          for (const Command& command : s.on(now, event))
            if (const auto* assign = std::get_if<command::Assign>(&command)) {
              std::vector<Slot>& theirs = waiting[index(assign->worker)];
              theirs.insert(theirs.end(), assign->slots.begin(), assign->slots.end());
            }
        };
        on(event::Begin{1, states});
        on(event::Opened{1});
        std::uint32_t done = 0;
        while (!waiting[1].empty()) {
          now += Seconds(1e-5);
          const Slot slot = waiting[1].back();
          waiting[1].pop_back();
          const std::vector<Done> one{{slot, 0, 1e-5F, s.hop(slot)}};
          on(event::Report{Worker{1}, one, Seconds(1e-3) * static_cast<double>(waiting[1].size()),
                           waiting[1].size(), Seconds(1e-3), waiting[1].empty()});
          ++done;
        }
        EXPECT_GT(done, states / 2 + states / 4);
      },
      2'000);
}

}  // namespace
}  // namespace rondo::scheduler
