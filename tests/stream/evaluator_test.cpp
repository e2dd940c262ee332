// The evaluator's own rules, shown with virtual threads that are moved by hand.
#include <gtest/gtest.h>

#include <stdexcept>

#include "by_hand.hpp"

namespace {

using by_hand::Hands;
using Doing = Hands::Doing;
using rondo::FilledBy;
using rondo::Stream;
using rondo::streaming::drained;
using rondo::streaming::Evaluation;

// Notes what happens, in order.
using Log = std::vector<std::string>;

Stream<int> units(int count, Log* log) {
  for (int i = 0; i < count; ++i) {
    log->push_back("yield " + std::to_string(i));
    auto unit = rondo::work([i, log] {
      log->push_back("run " + std::to_string(i));
      return i;
    });
    rondo::Slot<int> slot = co_yield unit;
    static_cast<void>(slot);
  }
}

// All work units are begun before the first result is asked for.
Stream<int> results_of(std::vector<int> inputs, Log* log) {
  std::vector<rondo::Slot<int>> slots;
  for (const int n : inputs) {
    auto unit = rondo::work([n, log] {
      log->push_back("run " + std::to_string(n));
      return n;
    });
    rondo::Slot<int> slot = co_yield unit;
    slots.push_back(std::move(slot));
  }
  for (auto& slot : slots) co_yield co_await slot;
}

struct Ignored {
  void operator()(int&&) const {}
};
Ignored ignored;

TEST(Evaluator, TakeStepPutBackBeforeTheWorkIsRun) {
  Log log;
  Hands hands(drained(units(2, &log), &ignored), 2, 1);
  ASSERT_TRUE(hands.move(0));  // takes
  ASSERT_FALSE(hands.move(1)) << "one thread holds the stream";
  ASSERT_TRUE(hands.move(0));  // steps to the first unit
  ASSERT_FALSE(hands.move(1));
  ASSERT_TRUE(hands.move(0));  // puts back
  ASSERT_EQ(hands.doing(0), Doing::unit);
  ASSERT_TRUE(hands.move(1)) << "the stream is free while the first unit has not even begun";
  ASSERT_TRUE(hands.move(1));
  EXPECT_EQ(log, (Log{"yield 0", "yield 1"}));
  EXPECT_TRUE(hands.go());
}

TEST(Evaluator, OneThreadRunsInTheOrderOfASequentialProgram) {
  Log log;
  auto sink = [&](int&& n) { log.push_back("sink " + std::to_string(n)); };
  auto pipeline = rondo::from_range(std::vector{1, 2, 3}) | rondo::chunks(1) | rondo::map([&](int n) {
                    log.push_back("map " + std::to_string(n));
                    return n;
                  }) |
                  rondo::collect();
  rondo::for_each(std::move(pipeline), sink, {.threads_max = 1});
  EXPECT_EQ(log, (Log{"map 1", "sink 1", "map 2", "sink 2", "map 3", "sink 3"}));
}

TEST(Evaluator, NeverMoreExtantWorkUnitsThanThreads) {
  for (unsigned threads = 1; threads < 7; ++threads) {
    Log log;
    Hands hands(drained(units(50, &log), &ignored), threads, threads);
    EXPECT_TRUE(hands.go());
    EXPECT_LE(hands.extant_max(), threads);
    EXPECT_GE(hands.extant_max(), std::min(threads, 2U)) << "work units do run at the same time";
  }
}

TEST(Evaluator, AStreamThatWaitsIsHeldByNobodyAndWhoCompletesTheSlotTakesItUp) {
  Log log;
  Hands hands(drained(results_of({0, 1}, &log), &ignored), 3, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));  // carries unit 0
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(1));  // carries unit 1
  ASSERT_TRUE(hands.move(2));                              // takes the stream
  ASSERT_TRUE(hands.move(2));                              // finds no work available
  EXPECT_EQ(hands.doing(2), Doing::nothing) << "does not hold the stream while it waits";
  EXPECT_FALSE(hands.move(2)) << "and cannot take it, as it waits for unit 0";
  ASSERT_TRUE(hands.move(1));  // completes unit 1: not the one
  EXPECT_EQ(hands.doing(1), Doing::nothing);
  EXPECT_FALSE(hands.move(1));
  ASSERT_TRUE(hands.move(0));  // completes unit 0
  EXPECT_EQ(hands.doing(0), Doing::holding);
  EXPECT_FALSE(hands.move(2));
  EXPECT_TRUE(hands.go());
  hands.evaluation().conclude();
}

TEST(Evaluator, AThreadThatReturnsMayTakeTheStreamAtOnce) {
  Log log;
  Hands hands(drained(units(5, &log), &ignored), 2, 1);
  for (int unit = 0; unit < 5; ++unit) {
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(hands.move(0)) << "no turn has to go to thread 1";
  }
  EXPECT_EQ(log.size(), 10U);
}

Stream<int> failing_units(std::vector<int> failing, int count) {
  std::vector<rondo::Slot<int>> slots;
  for (int i = 0; i < count; ++i) {
    const bool fails = std::ranges::count(failing, i) > 0;
    auto unit = rondo::work([i, fails] {
      if (fails) throw std::out_of_range("unit " + std::to_string(i));
      return i;
    });
    rondo::Slot<int> slot = co_yield unit;
    slots.push_back(std::move(slot));
  }
  for (auto& slot : slots) co_yield co_await slot;
  throw std::logic_error("a stage failed at the end");
}

TEST(Evaluator, OfSeveralFailuresTheFirstInStreamOrderIsThrown) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    Hands hands(drained(failing_units({7, 8, 9, 12}, 20), &ignored), 1 + static_cast<unsigned>(seed % 5),
                seed);
    ASSERT_TRUE(hands.go());
    try {
      hands.evaluation().conclude();
      FAIL() << "nothing was thrown";
    } catch (const std::out_of_range& error) {
      ASSERT_STREQ(error.what(), "unit 7");
    }
  }
}

TEST(Evaluator, AFailingStageIsThrownAsItWas) {
  Hands hands(drained(failing_units({}, 3), &ignored), 2, 1);
  ASSERT_TRUE(hands.go());
  EXPECT_THROW(hands.evaluation().conclude(), std::logic_error);
}

TEST(Evaluator, StopEndsItAfterTheUnitsUnderWay) {
  Log log;
  Hands hands(drained(units(100, &log), &ignored), 2, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));
  hands.evaluation().stop();
  EXPECT_TRUE(hands.go());
  EXPECT_EQ(log, (Log{"yield 0", "run 0"}));
  EXPECT_THROW(hands.evaluation().conclude(), rondo::Stopped);
}

Stream<int> waits(rondo::Slot<int> slot) { co_yield co_await slot; }
Stream<int> passes_on(Stream<int> in) {
  while (int* n = co_await in.next()) co_yield *n;
}
// Holds the filler while it waits for what cannot come before it is used.
Stream<int> feeds(rondo::Filler<int> filler, Stream<int> in) {
  while (int* n = co_await in.next()) filler.fill(*n);
}

TEST(Evaluator, ASlotThatNobodyIsLeftToFillIsADeadlockWithItsTrail) {
  auto [slot, filler] = rondo::make_slot<int>(FilledBy::evaluation, "the price list");
  auto inner = passes_on(waits(std::move(slot)).named("prices")).named("discounts");
  Hands hands(drained(feeds(std::move(filler), std::move(inner)).named("shop"), &ignored), 3, 1);
  ASSERT_TRUE(hands.go()) << "a deadlock is an end, not a hang";
  try {
    hands.evaluation().conclude();
    FAIL() << "nothing was thrown";
  } catch (const rondo::DeadlockError& error) {
    const std::string text = error.what();
    std::size_t at = 0;
    for (const char* part : {"the evaluation", "waits for shop", "waits for discounts", "waits for prices",
                             "evaluator_test.cpp:", "waits for the price list"}) {
      at = text.find(part, at);
      ASSERT_NE(at, std::string::npos) << part << " is missing, or out of order, in: " << text;
    }
  }
}

std::string deadlock_of(Stream<int> stream) {
  try {
    (void)rondo::evaluate(std::move(stream));
  } catch (const rondo::DeadlockError& error) {
    return error.what();
  }
  return "no deadlock";
}

Stream<int> inside(Stream<int> nested, int* line) {
  *line = __LINE__ + 1;
  co_yield rondo::elements_of(std::move(nested));
}
Stream<int> awaits_twice(rondo::Slot<int> good, rondo::Slot<int> hopeless, int* line) {
  co_yield co_await good;
  *line = __LINE__ + 1;
  co_yield co_await hopeless;
}

TEST(Evaluator, ADeadlocksTrailGivesNamesAndTheLinesOfTheCurrentAwaits) {
  auto good = rondo::make_slot<int>(FilledBy::evaluation);
  auto bad = rondo::make_slot<int>(FilledBy::evaluation, "the price list");
  good.filler.fill(1);
  int line_inside = 0, line_named = 0, line_await = 0;
  auto stream = inside(
      inside(awaits_twice(std::move(good.slot), std::move(bad.slot), &line_await), &line_named).named("shop"),
      &line_inside);
  const std::string text = deadlock_of(std::move(stream));
  const auto at = [](int line) { return " (evaluator_test.cpp:" + std::to_string(line) + ") waits for "; };
  const std::string end = " waits for a stream" + at(line_inside) + "shop" + at(line_named) + "a stream" +
                          at(line_await) + "the price list, which nobody is left to fill";
  EXPECT_NE(text.find("the evaluation (evaluate.hpp:"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with(end)) << text << "\nshould end like this:\n" << end;
}

Stream<int> levels(int count, Stream<int> lowest) {
  if (count > 0) {
    co_yield rondo::elements_of(levels(count - 1, std::move(lowest)));
  } else {
    co_yield rondo::elements_of(std::move(lowest));
  }
}

TEST(Evaluator, ADeadlocksTrailIsCutInTheMiddle) {
  for (const int count : {0, 5, 16, 17, 18, 19, 20, 100'000}) {
    auto [slot, filler] = rondo::make_slot<int>(FilledBy::evaluation);
    const std::string text = deadlock_of(levels(count, waits(std::move(slot)).named("the lowest")));
    const int streams = count + 3;  // the evaluation, this many more than `count` levels, the lowest
    int shown = 0;
    for (std::size_t at = 0; (at = text.find(" waits for ", at)) != std::string::npos; ++at) ++shown;
    EXPECT_EQ(shown, streams <= 21 ? streams : 20) << text;
    const std::string hidden = "... " + std::to_string(streams - 20) + " more ... wait for ";
    EXPECT_EQ(text.find(hidden) != std::string::npos, streams > 21) << text;
    EXPECT_LT(text.size(), 2000U);
    EXPECT_NE(text.find("the lowest ("), std::string::npos) << text;
  }
}

TEST(Evaluator, ASlotWithoutAResultIsAnErrorInTheStageThatAwaitsIt) {
  auto awaits = [](int times) -> Stream<int> {
    rondo::Slot<int> slot;
    if (times > 0) {
      auto unit = rondo::work([] { return 7; });
      slot = co_yield unit;
    }
    for (int i = 0; i < times; ++i) co_yield co_await slot;
    EXPECT_FALSE(slot.valid());
    EXPECT_THROW((void)slot.ready(), rondo::SlotError);
    try {
      co_await std::move(slot);
    } catch (const rondo::SlotError& error) {
      EXPECT_NE(std::string(error.what()).find("awaited before"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("shop (evaluator_test.cpp:"), std::string::npos)
          << error.what();
      throw;
    }
  };
  EXPECT_EQ(rondo::evaluate(awaits(1).named("shop") | rondo::take(1)), std::vector{7});
  EXPECT_THROW((void)rondo::evaluate(awaits(2).named("shop")), rondo::SlotError);
  EXPECT_THROW((void)rondo::evaluate(awaits(0).named("shop")), rondo::SlotError);
}

TEST(Evaluator, AFillerThatWasUsedCannotBeUsedAgain) {
  auto [slot, filler] = rondo::make_slot<int>(FilledBy::outside);
  filler.fill(1);
  EXPECT_THROW(filler.fill(2), rondo::SlotError);
  EXPECT_THROW(filler.fail(std::make_exception_ptr(3)), rondo::SlotError);
  EXPECT_THROW(rondo::Filler<int>().fill(1), rondo::SlotError);
  EXPECT_EQ(rondo::evaluate(waits(std::move(slot))), std::vector{1});
}

// Hands out a unit that is under way when the stream comes to wait for the hopeless slot.
Stream<int> waits_beside_work(rondo::Slot<int> hopeless) {
  auto unit = rondo::work([] {});
  rondo::Slot<void> slot = co_yield unit;
  co_yield co_await hopeless;
}

TEST(Evaluator, ADeadlockIsFoundByTheLastWorkUnitToEnd) {
  auto [slot, filler] = rondo::make_slot<int>(FilledBy::evaluation);
  Hands hands(drained(waits_beside_work(std::move(slot)), &ignored), 2, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));
  ASSERT_TRUE(hands.move(1));
  ASSERT_TRUE(hands.move(1));
  EXPECT_FALSE(hands.evaluation().over()) << "the unit under way could still fill it";
  ASSERT_TRUE(hands.move(0));
  EXPECT_EQ(hands.doing(0), Doing::holding) << "to throw it in the stream, where it waits";
  EXPECT_TRUE(hands.go());
  EXPECT_THROW(hands.evaluation().conclude(), rondo::DeadlockError);
}

TEST(Evaluator, ADroppedFillerIsADeadlockToo) {
  rondo::Slot<int> slot = rondo::make_slot<int>(FilledBy::outside, "an answer").slot;
  Hands hands(drained(waits(std::move(slot)), &ignored), 1, 1);
  ASSERT_TRUE(hands.go());
  EXPECT_THROW(hands.evaluation().conclude(), rondo::DeadlockError);
}

TEST(Evaluator, ASlotFilledFromOutsideSetsTheStreamFree) {
  auto [slot, filler] = rondo::make_slot<int>(FilledBy::outside);
  int got = 0;
  auto sink = [&](int&& n) { got = n; };
  Hands hands(drained(waits(std::move(slot)), &sink), 2, 1);
  EXPECT_FALSE(hands.go()) << "waits, and that is no deadlock";
  EXPECT_FALSE(hands.evaluation().over());
  filler.fill(42);
  EXPECT_TRUE(hands.go());
  EXPECT_EQ(got, 42);
}

TEST(Evaluator, ASlotFilledWithAnErrorThrowsItInTheStage) {
  auto [slot, filler] = rondo::make_slot<int>(FilledBy::outside);
  filler.fail(std::make_exception_ptr(std::domain_error("far away")));
  Hands hands(drained(waits(std::move(slot)), &ignored), 2, 1);
  EXPECT_TRUE(hands.go());
  EXPECT_THROW(hands.evaluation().conclude(), std::domain_error);
}

TEST(Evaluator, AFillerMayOutliveTheEvaluation) {
  auto [slot, filler] = rondo::make_slot<int>(FilledBy::outside);
  {
    Hands hands(drained(waits(std::move(slot)), &ignored), 2, 1);
    EXPECT_FALSE(hands.go());
    hands.evaluation().stop();
    EXPECT_THROW(hands.evaluation().conclude(), rondo::Stopped);
  }
  filler.fill(1);
}

TEST(Evaluator, AFillerUsedInsideAWorkUnit) {
  auto [slot, filler] = rondo::make_slot<int>(FilledBy::evaluation);
  auto both = [](rondo::Slot<int> reader, rondo::Filler<int> writer) -> Stream<int> {
    auto unit = rondo::work([writer = std::move(writer)]() mutable { writer.fill(7); });
    rondo::Slot<void> done = co_yield unit;
    co_yield co_await reader;
  };
  int got = 0;
  auto sink = [&](int&& n) { got = n; };
  Hands hands(drained(both(std::move(slot), std::move(filler)), &sink), 2, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));  // thread 0 carries the unit
  ASSERT_TRUE(hands.move(1));
  ASSERT_TRUE(hands.move(1));  // thread 1 finds that the stream waits
  ASSERT_TRUE(hands.move(0));  // fills from inside the unit
  EXPECT_TRUE(hands.go());
  EXPECT_EQ(got, 7);
  hands.evaluation().conclude();
}

}  // namespace
