// Evaluation on real threads: ends of every kind, and bounded memory. No test
// depends on speed: what has to happen is waited for by the work itself, and a hang is ended by the watchdog
// (watchdog.cpp).
#include <gtest/gtest.h>

#include <mutex>
#include <rondo/stream.hpp>
#include <set>
#include <stdexcept>
#include <thread>

#include "by_hand.hpp"

namespace {

using rondo::Stream;

Stream<int> numbers(int count) {
  for (int i = 0; i < count; ++i) co_yield int(i);
}

TEST(Threads, TheResultIsTheSameForAnyNumberOfThreads) {
  const auto run = [](unsigned threads, double effectiveness, rondo::Handover handover) {
    return rondo::evaluate(numbers(20'000) | rondo::chunks(13) |
                               rondo::map([](int n) { return n * 7 % 1009; }) | rondo::sequentialize(5) |
                               rondo::chunks(50) | rondo::sort_by([](int n) { return -n; }),
                           {.threads_max = threads, .effectiveness = effectiveness, .handover = handover});
  };
  const auto alone = run(1, 0, rondo::Handover::unfair);
  for (const unsigned threads : {2U, 3U, 8U}) {
    for (const double effectiveness : {0.0, 0.7}) {
      EXPECT_EQ(run(threads, effectiveness, rondo::Handover::unfair), alone);
      EXPECT_EQ(run(threads, effectiveness, rondo::Handover::fair), alone);
    }
  }
}

// Work units that wait for each other prove that they run at the same time.
TEST(Threads, AsManyUnitsRunAtOnceAsThereAreThreadsAndNeverMore) {
  constexpr unsigned threads = 4;
  std::atomic<unsigned> inside = 0, most = 0, met = 0;
  const auto out = rondo::evaluate(numbers(200) | rondo::map([&](int n) {
                                     const unsigned now = inside.fetch_add(1) + 1;
                                     unsigned before = most;
                                     while (now > before && !most.compare_exchange_weak(before, now)) {
                                     }
                                     if (n < static_cast<int>(threads)) {
                                       met.fetch_add(1);
                                       met.notify_all();
                                       for (unsigned m = met; m < threads; m = met) met.wait(m);
                                     }
                                     inside.fetch_sub(1);
                                     return n;
                                   }),
                                   {.threads_max = threads, .effectiveness = 0});
  EXPECT_EQ(out.size(), 200U);
  EXPECT_EQ(most, threads);
}

// The short units at first are all run by one thread, and say nothing of how many the others will need.
TEST(Threads, WithoutTheRuleAllThreadsStayAtWorkWhateverWasMeasured) {
  constexpr int threads = 6, first = 100;
  std::atomic<int> met = 0;
  const auto out = rondo::evaluate(numbers(first + threads) | rondo::map([&](int n) {
                                     if (n < first) return n;
                                     met.fetch_add(1);
                                     met.notify_all();
                                     for (int m = met; m < threads; m = met) met.wait(m);
                                     return n;
                                   }),
                                   {.threads_max = threads, .effectiveness = 0});
  EXPECT_EQ(out.size(), static_cast<std::size_t>(first + threads));
}

TEST(Threads, AnExceptionInAWorkUnitIsThrownToTheCallerAndNothingHangs) {
  for (int at = 0; at < 300; at += 37) {
    try {
      (void)rondo::evaluate(numbers(300) | rondo::map([at](int n) {
                              if (n >= at) throw std::out_of_range("item " + std::to_string(n));
                              return n;
                            }),
                            {.threads_max = 4, .effectiveness = 0});
      FAIL() << "nothing was thrown";
    } catch (const std::out_of_range& error) {
      EXPECT_EQ(error.what(), "item " + std::to_string(at)) << "the first in stream order";
    }
  }
}

TEST(Threads, AnExceptionInTheSinkToo) {
  EXPECT_THROW(rondo::for_each(numbers(1000) | rondo::chunks(3) | rondo::map([](int n) { return n; }),
                               [](int n) {
                                 if (n == 500) throw std::runtime_error("full");
                               },
                               {.threads_max = 3, .effectiveness = 0}),
               std::runtime_error);
}

TEST(Threads, AStopRequestEndsAnEndlessStream) {
  std::stop_source stop;
  auto endless = [](std::stop_source* source) -> Stream<int> {
    for (int i = 0;; ++i) {
      if (i == 1000) source->request_stop();
      co_yield int(i);
    }
  };
  EXPECT_THROW(rondo::for_each(endless(&stop) | rondo::map([](int n) { return n; }), [](int) {},
                               {.threads_max = 3, .effectiveness = 0, .stop = stop.get_token()}),
               rondo::Stopped);
}

TEST(Threads, AStopRequestOfTheSinkIsSeenInTheMiddleOfAChunk) {
  for (const unsigned threads : {1U, 3U}) {
    std::stop_source stop;
    int given = 0;
    const auto sink = [&](int n) {
      ++given;
      if (n == 5) stop.request_stop();
    };
    EXPECT_THROW(
        rondo::for_each(rondo::from_range(std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) |
                            rondo::chunks(10) | rondo::map([](int n) { return n; }),
                        sink, {.threads_max = threads, .effectiveness = 0, .stop = stop.get_token()}),
        rondo::Stopped);
    EXPECT_EQ(given, 6);
  }
}

TEST(Threads, AStopRequestEndsAWaitForAnotherThread) {
  std::stop_source stop;
  auto waiting = [](rondo::Slot<int> slot) -> Stream<int> { co_yield co_await slot; };
  auto [slot, filler] = rondo::make_slot<int>(rondo::FilledBy::outside);
  std::thread other([&] { stop.request_stop(); });
  EXPECT_THROW((void)rondo::evaluate(waiting(std::move(slot)), {.threads_max = 2, .stop = stop.get_token()}),
               rondo::Stopped);
  other.join();
  filler.fill(1);
}

TEST(Threads, ADeadlockIsReportedNotWaitedFor) {
  auto waiting = [](rondo::Slot<int> slot) -> Stream<int> { co_yield co_await slot; };
  auto pair = rondo::make_slot<int>(rondo::FilledBy::evaluation);
  EXPECT_THROW((void)rondo::evaluate(waiting(std::move(pair.slot)), {.threads_max = 3, .effectiveness = 0}),
               rondo::DeadlockError);
}

TEST(Threads, SlotsFilledByAnotherThread) {
  // What a stage on other machines does: requests go out by one way, answers come back by fillers.
  struct Requests {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::pair<int, rondo::Filler<int>>> open;
    bool over = false;
  } requests;
  std::thread server([&] {
    for (;;) {
      std::unique_lock lock(requests.mutex);
      requests.changed.wait(lock, [&] { return requests.over || !requests.open.empty(); });
      if (requests.open.empty()) return;
      auto [n, filler] = std::move(requests.open.back());  // the last first: out of order
      requests.open.pop_back();
      lock.unlock();
      filler.fill(n * n);
    }
  });
  auto elsewhere = [](Stream<int> in, Requests* to, std::size_t slots) -> Stream<int> {
    std::deque<rondo::Slot<int>> window;
    while (int* n = co_await in.next()) {
      auto pair = rondo::make_slot<int>(rondo::FilledBy::outside, "an answer");
      {
        const std::scoped_lock lock(to->mutex);
        to->open.emplace_back(*n, std::move(pair.filler));
      }
      to->changed.notify_one();
      window.push_back(std::move(pair.slot));
      if (window.size() < slots) continue;
      co_yield co_await window.front();
      window.pop_front();
    }
    for (auto& slot : window) co_yield co_await slot;
  };
  const auto out =
      rondo::evaluate(elsewhere(numbers(2000), &requests, 7), {.threads_max = 3, .effectiveness = 0});
  {
    const std::scoped_lock lock(requests.mutex);
    requests.over = true;
  }
  requests.changed.notify_one();
  server.join();
  ASSERT_EQ(out.size(), 2000U);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(out[static_cast<std::size_t>(i)], i * i);
}

// An item that counts how many of it exist.
struct Counted {
  explicit Counted(int n) : value(n) { count(1); }
  Counted(const Counted& other) : value(other.value) { count(1); }
  Counted(Counted&& other) noexcept : value(other.value) { count(1); }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { count(-1); }
  static void count(int by) { alive_max = std::max(alive_max, alive += by); }
  int value;
  static inline int alive = 0, alive_max = 0;
};

TEST(Memory, OfAnOrderedPipelineIsBoundedByItsSlotsBehindASlowFirstItem) {
  constexpr int items = 1'000'000, chunk = 100, slots = 16;
  int pulled = 0, sunk = 0;
  auto source = [](int* count) -> Stream<Counted> {
    while (*count < items) co_yield Counted((*count)++);
  };
  auto sink = [&](Counted&& item) { EXPECT_EQ(item.value, sunk++); };
  Counted::alive_max = 0;
  auto pipeline = source(&pulled) | rondo::chunks(chunk) | rondo::map([](Counted item) { return item; }) |
                  rondo::sequentialize(slots);
  by_hand::Hands hands(rondo::streaming::drained(Stream<Counted>(std::move(pipeline)), &sink), 2, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));  // thread 0 has the first item
  while (hands.move(1)) {                                  // and thread 1 everything behind it
  }
  EXPECT_EQ(pulled, slots * chunk) << "all slots are taken, and nothing more is begun";
  ASSERT_TRUE(hands.go());
  hands.evaluation().conclude();
  EXPECT_EQ(sunk, items);
  EXPECT_LE(Counted::alive_max, (slots + 3) * chunk);
  EXPECT_EQ(Counted::alive, 0);
}

TEST(Sequential, IsAnInputRange) {
  int sum = 0;
  for (int& n : rondo::sequential(numbers(100) | rondo::chunks(7) | rondo::map([](int n) { return 2 * n; })))
    sum += n;
  EXPECT_EQ(sum, 9900);
  for (int& n : rondo::sequential(numbers(1'000'000'000))) {
    if (n == 10) break;
  }
  auto failing = [](Stream<int> in) -> Stream<int> {
    while (int* n = co_await in.next()) {
      if (*n == 3) throw std::runtime_error("three");
      co_yield *n;
    }
  };
  int last = -1;
  EXPECT_THROW(
      {
        for (int& n : rondo::sequential(failing(numbers(10)))) last = n;
      },
      std::runtime_error);
  EXPECT_EQ(last, 2);
}

TEST(Sequential, WaitsForSlotsFromOutsideAndReportsDeadlocks) {
  auto waiting = [](rondo::Slot<int> slot) -> Stream<int> { co_yield co_await slot; };
  auto outside = rondo::make_slot<int>(rondo::FilledBy::outside);
  std::thread other([&] { outside.filler.fill(3); });
  for (int& n : rondo::sequential(waiting(std::move(outside.slot)))) EXPECT_EQ(n, 3);
  other.join();
  auto own = rondo::make_slot<int>(rondo::FilledBy::evaluation);
  auto range = rondo::sequential(waiting(std::move(own.slot)));
  EXPECT_THROW((void)range.begin(), rondo::DeadlockError);
}

}  // namespace
