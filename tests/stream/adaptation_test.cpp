// How many threads are at work, as a job goes from phase to phase. What the crew measures is virtual time, which only the work
// moves, and each phase lasts until the crew has the size that it is to bring about: that the job ends at all is the claim.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <rondo/stream.hpp>
#include <thread>

#include "deadline.hpp"
#include "stream/crew.hpp"
#include "stream/watch.hpp"

namespace {

using rondo::Stream;
using rondo::streaming::Crew;
using rondo::streaming::Meter;
using rondo::streaming::Watch;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Every thread has its own time, which only the work moves.
thread_local std::chrono::nanoseconds virtual_time{};
std::chrono::nanoseconds virtual_clock() { return virtual_time; }

Stream<std::monostate> phase(int crit, int par, const Crew* const* crew, unsigned until) {
  while ((*crew)->at_work() != until) {
    virtual_time += std::chrono::microseconds(crit);
    auto unit = rondo::work([par] { virtual_time += std::chrono::microseconds(par); });
    rondo::Slot<void> slot = co_yield unit;
    static_cast<void>(slot);
  }
}

Stream<std::monostate> phases(const Crew* const* crew) {
  co_yield rondo::elements_of(phase(1, 100, crew, 3));
  co_yield rondo::elements_of(phase(100, 1, crew, 1));
  co_yield rondo::elements_of(phase(1, 100, crew, 3));
  co_yield rondo::elements_of(phase(45, 100, crew, 2));
  co_yield rondo::elements_of(phase(100, 1, crew, 1));
}

TEST(Adaptation, ThreadsJoinAndLeaveWithThePhasesOfAJob) {
  within_deadline("phases", [] {
    const Crew* pointer = nullptr;
    rondo::streaming::Evaluation evaluation(phases(&pointer), rondo::Handover::unfair);
    Crew crew(evaluation, {.threads_max = 3, .clock = virtual_clock});
    pointer = &crew;
    crew.work();
    evaluation.conclude();
    EXPECT_EQ(crew.report().threads_max, 3U);
    EXPECT_GE(crew.report().joined, 4U) << "two threads, in the first and again in the third phase";
  });
}

Stream<std::monostate> all_critical(const Crew* const* crew) {
  const auto critical = []() -> Stream<std::monostate> {
    virtual_time += milliseconds(1);
    auto unit = rondo::work([] {});
    rondo::Slot<void> slot = co_yield unit;
    static_cast<void>(slot);
  };
  // Before the first unit has been timed, others may have been asked to join.
  while ((*crew)->report().crit == 0 || (*crew)->at_work() > 1) co_yield rondo::elements_of(critical());
  for (int i = 0; i < 300; ++i) {
    co_yield rondo::elements_of(critical());
    EXPECT_EQ((*crew)->at_work(), 1U);
  }
}

TEST(Adaptation, AJobThatIsAllCriticalStaysOnOneThread) {
  within_deadline("critical", [] {
    const Crew* pointer = nullptr;
    rondo::streaming::Evaluation evaluation(all_critical(&pointer), rondo::Handover::unfair);
    Crew crew(evaluation, {.threads_max = 8, .clock = virtual_clock});
    pointer = &crew;
    crew.work();
    evaluation.conclude();
    EXPECT_GT(crew.report().crit, 0.9);
  });
}

// Virtual time until units are to take real time.
std::atomic<bool> time_is_real = false;
const auto start = std::chrono::steady_clock::now();
std::chrono::nanoseconds virtual_then_real() {
  return time_is_real ? virtual_time + (std::chrono::steady_clock::now() - start) : virtual_time;
}

// A phase that needs one thread only, and then units each of which waits until as many of them are under way as there may be
// threads.
Stream<std::monostate> short_then_long(const Crew* const* crew, unsigned threads,
                                       std::atomic<unsigned>* met) {
  for (int i = 0; i < 30 || (*crew)->at_work() != 1; ++i) {
    virtual_time += microseconds(100);
    auto unit = rondo::work([] { virtual_time += microseconds(1); });
    rondo::Slot<void> slot = co_yield unit;
    static_cast<void>(slot);
  }
  time_is_real = true;
  for (unsigned i = 0; i < threads; ++i) {
    auto unit = rondo::work([met, threads] {
      met->fetch_add(1);
      met->notify_all();
      for (unsigned m = *met; m < threads; m = *met) met->wait(m);
    });
    rondo::Slot<void> slot = co_yield unit;
    static_cast<void>(slot);
  }
}

TEST(Adaptation, ThreadsJoinWhileLongUnitsRunAndNotWhenTheyEnd) {
  for (const unsigned threads : {2U, 8U}) {
    for (const bool shared : {false, true}) {
      within_deadline("long units", [&] {
        time_is_real = false;
        rondo::CoreBudget budget(threads);
        const Crew* pointer = nullptr;
        std::atomic<unsigned> met = 0;
        rondo::streaming::Evaluation evaluation(short_then_long(&pointer, threads, &met),
                                                rondo::Handover::unfair);
        Crew crew(evaluation,
                  {.threads_max = threads, .budget = shared ? &budget : nullptr, .clock = virtual_then_real});
        pointer = &crew;
        crew.work();
        evaluation.conclude();
        EXPECT_EQ(met, threads);
      });
    }
  }
}

// A source that blocks is no reason to work on one thread when it gives a lot at once.
TEST(Adaptation, APauseOfTheSourceIsForgottenAtOnce) {
  Meter meter(milliseconds(20));
  meter.record({.crit = std::chrono::seconds(10), .wait = {}, .par = milliseconds(1)}, 1);
  meter.record({.crit = microseconds(2), .wait = {}, .par = milliseconds(50)}, 1);
  EXPECT_LT(meter.critical_fraction(), 0.1);
}

TEST(Watch, TellsHowLongNothingWasBegunThoughTheStreamWasFree) {
  Watch watch(milliseconds(20));
  EXPECT_EQ(watch.look(milliseconds(10), 5, true), milliseconds(0)) << "the first look";
  EXPECT_EQ(watch.look(milliseconds(11), 5, true), milliseconds(1));
  EXPECT_EQ(watch.look(milliseconds(14), 5, true), milliseconds(4));
  EXPECT_EQ(watch.look(milliseconds(15), 6, true), milliseconds(0)) << "a unit was begun";
  EXPECT_EQ(watch.look(milliseconds(17), 6, true), milliseconds(2));
  EXPECT_EQ(watch.look(milliseconds(18), 6, false), milliseconds(0)) << "held, or waiting";
  EXPECT_EQ(watch.look(milliseconds(19), 6, true), milliseconds(0)) << "free since when?";
  EXPECT_EQ(watch.look(milliseconds(20), 6, true), milliseconds(1));
}

TEST(Watch, LooksOftenOnlyWhereUnitsAreLong) {
  Watch watch(milliseconds(20));
  EXPECT_EQ(watch.interval(), milliseconds(1));
  for (unsigned unit = 0; unit < 20; ++unit) EXPECT_EQ(watch.look(milliseconds(unit), unit, true).count(), 0);
  EXPECT_EQ(watch.interval(), milliseconds(10));
  EXPECT_GT(watch.look(milliseconds(30), 19, true).count(), 0);
  EXPECT_EQ(watch.interval(), milliseconds(1));
  EXPECT_GE(Watch(microseconds(1)).interval(), microseconds(100)) << "never all the time";
}

}  // namespace
