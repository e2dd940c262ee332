// Evaluations that share a fixed number of cores. No test depends on speed: what has to happen is waited for
// by the work itself, and a hang is ended by the watchdog.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <rondo/stream.hpp>
#include <thread>

namespace {

using rondo::Stream;

Stream<int> numbers(int count) {
  for (int i = 0; i < count; ++i) co_yield int(i);
}

TEST(CoreBudget, IsNeverExceededByEvaluationsAtTheSameTime) {
  rondo::CoreBudget budget(3);
  std::atomic<int> inside = 0, most = 0;
  const auto job = [&](int count) {
    const auto out = rondo::evaluate(numbers(count) | rondo::map([&](int n) {
                                       const int now = inside.fetch_add(1) + 1;
                                       int before = most;
                                       while (now > before && !most.compare_exchange_weak(before, now)) {
                                       }
                                       std::this_thread::yield();
                                       inside.fetch_sub(1);
                                       return n;
                                     }),
                                     {.threads_max = 4, .effectiveness = 0, .budget = &budget});
    EXPECT_EQ(out.size(), static_cast<std::size_t>(count));
  };
  std::vector<std::thread> callers;
  for (int i = 0; i < 5; ++i) callers.emplace_back(job, 300 + 100 * i);
  for (std::thread& caller : callers) caller.join();
  EXPECT_LE(most, 3);
  EXPECT_EQ(budget.cores_in_use(), 0U);
}

TEST(CoreBudget, ACoreGoesAtOnceToAnEvaluationWhoseOnlyThreadIsInsideALongUnit) {
  rondo::CoreBudget budget(2);
  std::atomic<unsigned> met = 0;
  const auto wait_until = [&](unsigned count) {
    for (unsigned m = met; m < count; m = met) met.wait(m);
  };
  std::atomic<bool> other_began = false;
  // Has the second core until the first unit below is under way.
  std::thread other([&] {
    (void)rondo::evaluate(numbers(1) | rondo::map([&](int n) {
                            other_began = true;
                            other_began.notify_all();
                            wait_until(1);
                            return n;
                          }),
                          {.threads_max = 1, .budget = &budget});
  });
  other_began.wait(false);
  // Its two units have to meet, for which it needs both cores; none of its units ends before.
  const auto out = rondo::evaluate(numbers(2) | rondo::map([&](int n) {
                                     met.fetch_add(1);
                                     met.notify_all();
                                     wait_until(2);
                                     return n;
                                   }),
                                   {.threads_max = 2, .effectiveness = 0, .budget = &budget});
  EXPECT_EQ(out.size(), 2U);
  other.join();
}

TEST(CoreBudget, AnEvaluationInsideAWorkUnitUsesTheCoreOfThatUnit) {
  rondo::CoreBudget budget(1);
  const auto out = rondo::evaluate(
      numbers(5) | rondo::map([&](int n) {
        return rondo::evaluate(numbers(n) | rondo::map([](int m) { return m; }), {.budget = &budget}).size();
      }),
      {.budget = &budget});
  EXPECT_EQ(out, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
}

TEST(CoreBudget, AStopRequestEndsTheWaitForACore) {
  rondo::CoreBudget budget(1);
  std::atomic<bool> has_the_core = false, over = false;
  std::thread first([&] {
    (void)rondo::evaluate(numbers(1) | rondo::map([&](int n) {
                            has_the_core = true;
                            has_the_core.notify_all();
                            while (!over) std::this_thread::yield();  // no sleep: a core that is in use
                            return n;
                          }),
                          {.budget = &budget});
  });
  has_the_core.wait(false);
  std::stop_source stop;
  std::thread stopper([&] { stop.request_stop(); });
  rondo::StreamReport report{.units = 7};
  EXPECT_THROW((void)rondo::evaluate(numbers(1) | rondo::map([](int n) { return n; }),
                                     {.stop = stop.get_token(), .budget = &budget, .report = &report}),
               rondo::Stopped);
  EXPECT_EQ(report.units, 0U);
  over = true;
  first.join();
  stopper.join();
  EXPECT_EQ(budget.cores_in_use(), 0U);
}

// The inner evaluation's two units have to meet, for which it needs the core that the outer one has no use for.
TEST(CoreBudget, ANestedEvaluationHasTheCoresThatTheOuterOneHasNoUseFor) {
  for (const double outer_effectiveness : {0.0, 0.7}) {
    for (const double inner_effectiveness : {0.0, 0.7}) {
      for (const unsigned outer_threads : {1U, 2U}) {
        rondo::CoreBudget budget(2);
        const auto inner = [&](int n) {
          std::atomic<int> met = 0;
          return n + static_cast<int>(
                         rondo::evaluate(
                             numbers(2) | rondo::map([&](int m) {
                               met.fetch_add(1);
                               met.notify_all();
                               met.wait(1);
                               return m;
                             }),
                             {.threads_max = 2, .effectiveness = inner_effectiveness, .budget = &budget})
                             .size());
        };
        EXPECT_EQ(rondo::evaluate(numbers(1) | rondo::map(inner), {.threads_max = outer_threads,
                                                                   .effectiveness = outer_effectiveness,
                                                                   .budget = &budget}),
                  std::vector{2});
      }
    }
  }
}

TEST(CoreBudget, UnitsThatWaitForEvaluationsOnOtherThreadsDoNotWaitForEver) {
  rondo::CoreBudget budget(2);
  const auto out = rondo::evaluate(
      numbers(4) | rondo::map([&](int n) {
        std::size_t other = 0;
        std::thread beside([&] { other = rondo::evaluate(numbers(n), {.budget = &budget}).size(); });
        beside.join();
        return other;
      }),
      {.threads_max = 2, .effectiveness = 0, .budget = &budget});
  EXPECT_EQ(out, (std::vector<std::size_t>{0, 1, 2, 3}));
  EXPECT_EQ(budget.cores_in_use(), 0U);
}

TEST(CoreBudget, ANestedEvaluationTakesNoCoreFromOneThatWaits) {
  rondo::CoreBudget budget(2);
  const auto out = rondo::evaluate(
      numbers(1) | rondo::map([&](int n) {
        return rondo::evaluate(
            numbers(1) | rondo::map([&](int m) {
              std::size_t other = 0;
              std::thread beside(
                  [&] { other = rondo::evaluate(numbers(5), {.threads_max = 1, .budget = &budget}).size(); });
              beside.join();
              return n + m + static_cast<int>(other);
            }),
            {.threads_max = 1, .budget = &budget});
      }),
      {.threads_max = 1, .budget = &budget});
  EXPECT_EQ(out, std::vector<std::vector<int>>{{5}});
}

// Two threads of one evaluation, in a rhythm that lets one of them hold the stream whenever it looks: each of
// its units is the one that the stream waits for.
struct Rhythm {
  static inline std::thread::id caller;
  static inline std::atomic<int> readings;  // of the clock, by the caller's thread
  static inline thread_local std::chrono::nanoseconds time{};

  std::atomic<int> waits_for = -1;  // the unit that the stream waits for
  std::atomic<int> read_before = 0;
  std::atomic<bool> both_at_work = false, other_done = false;

  // Read by the caller's thread also when it has given the stream back.
  static std::chrono::nanoseconds clock() {
    if (std::this_thread::get_id() == caller) readings.fetch_add(1);
    return time += std::chrono::milliseconds(1);
  }
  void unit(int index) {
    if (std::this_thread::get_id() == caller) {
      if (index < 2) both_at_work.wait(false);
      return;
    }
    both_at_work = true;
    both_at_work.notify_all();
    while (!other_done && (waits_for < index || readings == read_before)) std::this_thread::yield();
  }
  Stream<int> stream() {
    std::vector<rondo::Slot<void>> slots;
    for (int i = 0; !other_done; ++i) {
      auto unit_i = rondo::work([this, i] { unit(i); });
      rondo::Slot<void> slot = co_yield unit_i;
      slots.push_back(std::move(slot));
      if (i == 0) continue;
      read_before = readings.load();
      waits_for = i;
      for (auto& one : slots) co_await one;
      slots.clear();
      if (i > 5) co_yield int(i);
    }
  }
};

TEST(CoreBudget, AThreadThatIsAskedToLeaveDoesSoAlsoIfTheStreamAlwaysWaitsForItsUnits) {
  rondo::CoreBudget budget(2);
  Rhythm rhythm;
  std::atomic<bool> under_way = false;
  std::thread first([&] {
    Rhythm::caller = std::this_thread::get_id();
    rondo::for_each(rhythm.stream(),
                    [&](int) {
                      under_way = true;
                      under_way.notify_all();
                    },
                    {.threads_max = 2, .effectiveness = 0, .budget = &budget, .clock = Rhythm::clock});
  });
  under_way.wait(false);
  EXPECT_EQ(rondo::evaluate(numbers(3), {.threads_max = 1, .budget = &budget}).size(), 3U);
  rhythm.other_done = true;
  first.join();
}

}  // namespace
