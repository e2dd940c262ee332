// Exceptions: the outcome of an evaluation, that is what the sink was given and what was thrown then, is the same for any
// number of threads and any timing, and that of a sequential program. Slots that nobody reads: unread_test.cpp.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>

#include "random_pipelines.hpp"

namespace {

using by_hand::by_hand_on;
using by_hand::Fails;
using by_hand::Hands;
using by_hand::Job;
using by_hand::note_what_is_thrown;
using by_hand::Outcome;
using by_hand::Random;
using by_hand::source;
using rondo::Slot;
using rondo::Stream;

Outcome by_hand_of(std::uint64_t seed, unsigned threads, std::uint64_t order) {
  Job job(seed);
  note_what_is_thrown(job.outcome, [&] { by_hand_on(threads, order, std::move(job.stream), job); });
  return job.outcome;
}

Outcome on_threads(std::uint64_t seed, unsigned threads) {
  Job job(seed);
  note_what_is_thrown(job.outcome, [&] {
    rondo::for_each(std::move(job.stream), std::ref(job), {.threads_max = threads, .effectiveness = 0});
  });
  return job.outcome;
}

Outcome in_a_loop(std::uint64_t seed) {
  Job job(seed);
  note_what_is_thrown(job.outcome, [&] {
    for (int& n : rondo::sequential(std::move(job.stream))) job(std::move(n));
  });
  return job.outcome;
}

TEST(Errors, TheOutcomeOfAnyPipelineIsThatOfOneThread) {
  std::map<std::string, int> seen;
  std::vector<std::uint64_t> seeds(600);
  std::iota(seeds.begin(), seeds.end(), 1);
  seeds.push_back(1063);  // nested streams that drop slots, one of which has an error
  for (const std::uint64_t seed : seeds) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const Outcome alone = on_threads(seed, 1);
    ++seen[alone.thrown.substr(0, alone.thrown.find(" at "))];
    for (unsigned threads = 1; threads <= 8; ++threads)
      ASSERT_EQ(by_hand_of(seed, threads, seed + threads), alone) << threads << " threads";
    if (seed % 10 == 0) {
      ASSERT_EQ(on_threads(seed, 2 + seed / 10 % 3), alone);
    }
    // The body of a loop is no part of the stream: what it throws ends the stream before its end.
    const Outcome loop = in_a_loop(seed);
    if (!loop.thrown.starts_with("the sink")) {
      ASSERT_EQ(loop, alone);
    }
  }
  for (const char* who : {"nothing", "the source", "a stage", "a batch", "a window", "an unread one",
                          "one of many unread", "another's unread one", "a key of sort_by", "group_by",
                          "a condition", "map", "the sink", "a deadlock"})
    EXPECT_GT(seen[who], 2) << who << " is hardly ever what is thrown";
}

// Against plain loops: one thread is right too.
TEST(Errors, TheOutcomeIsThatOfASequentialProgram) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    const int count = static_cast<int>(random.pick(100));
    const std::size_t chunk = 1 + random.pick(7), slots = 1 + random.pick(8), most = 1 + random.pick(100);
    const Fails in = random.fails("the source"), unit = random.fails("map"), sink = random.fails("the sink");
    Outcome model;
    note_what_is_thrown(model, [&] {
      std::vector<int> items;
      const auto pass_on = [&] {
        for (int& n : items) n = unit(n) + 1;
        for (const int n : items) {
          if (model.given.size() < most) model.given.push_back(sink(n));
        }
        items.clear();
      };
      for (int i = 0; i < count && model.given.size() < most; ++i) {
        items.push_back(in(i));
        if (items.size() == chunk) pass_on();
      }
      if (model.given.size() < most) pass_on();
    });
    for (unsigned threads = 1; threads <= 8; ++threads) {
      Outcome outcome;
      auto give = [&](int&& n) { outcome.given.push_back(sink(n)); };
      auto pipeline = source(count, in) | rondo::chunks(chunk) |
                      rondo::map([unit](int n) { return unit(n) + 1; }) | rondo::sequentialize(slots) |
                      rondo::take(most);
      note_what_is_thrown(outcome, [&] { by_hand_on(threads, seed, std::move(pipeline), give); });
      ASSERT_EQ(outcome, model) << threads << " threads";
    }
  }
}

// Slots that a stage near the end fills when it comes to an item, and that the source awaits some items later.
struct Feedback {
  explicit Feedback(int items, int behind) : lag(behind) {
    for (int i = 0; i < items; ++i) {
      auto pair = rondo::make_slot<int>(rondo::FilledBy::evaluation, "what comes back");
      slots.push_back(std::move(pair.slot));
      fillers.push_back(std::move(pair.filler));
    }
  }
  int lag;
  std::vector<Slot<int>> slots;
  std::vector<rondo::Filler<int>> fillers;
};

Stream<int> awaits_what_comes_back(Feedback* all) {
  for (std::size_t i = 0; i < all->slots.size(); ++i) {
    int n = static_cast<int>(i);
    if (n >= all->lag) n += co_await all->slots[i - static_cast<std::size_t>(all->lag)];
    co_yield std::move(n);
  }
}

Stream<int> gives_back(Stream<int> in, Feedback* all) {
  std::size_t i = 0;
  while (const int* n = co_await in.next()) {
    all->fillers[i++].fill(*n % 1000);
    co_yield *n;
  }
}

TEST(Errors, ASlotThatALaterStageFillsIsADeadlockForAnyNumberOfThreadsOrForNone) {
  for (const int chunk : {1, 2, 3}) {
    for (const int lag : {1, 2, 3}) {
      const auto run = [&](auto drive) {
        Feedback feedback(40, lag);
        Outcome outcome;
        auto give = [&](int&& n) { outcome.given.push_back(n); };
        auto once = awaits_what_comes_back(&feedback) | rondo::chunks(static_cast<std::size_t>(chunk)) |
                    rondo::map([](int n) { return n + 1; }) | rondo::sequentialize(4);
        auto twice = std::move(once) | rondo::map([](int n) { return 2 * n; }) | rondo::sequentialize(3);
        Stream<int> stream = gives_back(std::move(twice), &feedback);
        note_what_is_thrown(outcome, [&] { drive(std::move(stream), give); });
        return outcome;
      };
      Outcome model;
      for (int i = 0; i < 40; ++i)
        model.given.push_back(
            2 * (i + (i < lag ? 0 : model.given[static_cast<std::size_t>(i - lag)] % 1000) + 1));
      if (lag < chunk) model = {{}, "a deadlock"};
      for (unsigned threads = 1; threads <= 8; ++threads) {
        for (std::uint64_t seed = 1; seed <= 10; ++seed) {
          ASSERT_EQ(run([&](auto in, auto& give) { by_hand_on(threads, seed, std::move(in), give); }), model)
              << threads << " threads, seed " << seed << ", chunks of " << chunk << ", lag " << lag;
        }
        ASSERT_EQ(run([&](auto in, auto& give) {
                    rondo::for_each(std::move(in), give, {.threads_max = threads, .effectiveness = 0});
                  }),
                  model);
      }
      ASSERT_EQ(run([&](auto in, auto& give) {
                  for (int& n : rondo::sequential(std::move(in))) give(std::move(n));
                }),
                model);
    }
  }
}

// A stage of a user that pulls ahead, and the rest of its input in place after it was held up.
Stream<int> ahead_then_in_place(Stream<int> in) {
  std::deque<Slot<int>> open;
  std::exception_ptr error;
  bool held_up = false;
  while (!held_up && open.size() < 4) {
    auto next = in.next(error, held_up);
    const int* n = co_await next;
    if (n == nullptr) break;
    auto unit = rondo::work([n = *n] { return n; });
    Slot<int> slot = co_yield unit;
    open.push_back(std::move(slot));
  }
  for (auto& slot : open) co_yield co_await slot;
  co_yield rondo::elements_of(std::move(in));
}

TEST(Errors, AStreamThatWasHeldUpGoesOnInPlaceWhereItWaits) {
  for (unsigned threads = 1; threads <= 4; ++threads) {
    Feedback feedback(10, 2);
    std::vector<int> given;
    auto give = [&](int&& n) { given.push_back(n); };
    by_hand_on(threads, threads,
               gives_back(ahead_then_in_place(awaits_what_comes_back(&feedback)), &feedback), give);
    EXPECT_EQ(given, (std::vector{0, 1, 2, 4, 6, 9, 12, 16, 20, 25}));
  }
}

TEST(Errors, AnErrorThatIsSureToBeReadStopsNewWork) {
  const auto ignored = [](int&&) {};
  auto pipeline = source(1000, {}) | rondo::map([](int n) {
                    if (n == 1) throw std::out_of_range("one");
                    return n;
                  }) |
                  rondo::collect();
  Hands hands(rondo::streaming::drained(Stream<int>(std::move(pipeline)), &ignored), 2, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));  // has the first unit
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(hands.move(1));  // runs the second, which fails
  ASSERT_TRUE(hands.move(1));                              // takes the stream
  ASSERT_TRUE(hands.move(1));
  EXPECT_EQ(hands.doing(1), Hands::Doing::nothing) << "waits for the first unit, and begins no third one";
  EXPECT_TRUE(hands.go());
  EXPECT_THROW(hands.evaluation().conclude(), std::out_of_range);
}

}  // namespace
