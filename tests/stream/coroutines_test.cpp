// Stream as a coroutine type: values, nesting, and that every frame is destroyed in every way of ending.
#include <gtest/gtest.h>
#include <pthread.h>

#include <numeric>
#include <stdexcept>

#include "by_hand.hpp"

namespace {

using rondo::Stream;

// Counts itself.
struct Tracked {
  explicit Tracked(int n = 0) : value(n) { ++alive; }
  Tracked(const Tracked& other) : value(other.value) { ++alive; }
  Tracked(Tracked&& other) noexcept : value(std::exchange(other.value, -1)) { ++alive; }
  Tracked& operator=(const Tracked&) = default;
  Tracked& operator=(Tracked&&) = default;
  ~Tracked() { --alive; }
  int value;
  static inline std::atomic<int> alive = 0;
};

Stream<std::string> spoken() {
  const std::string lvalue = "an lvalue, long enough to be on the heap";
  co_yield lvalue;
  co_yield "a literal, converted and on the heap too";
  co_yield std::string(40, 'x');
  std::string moved = "moved from, and long enough to be on the heap";
  co_yield std::move(moved);
}

TEST(Coroutine, YieldsLvaluesTemporariesAndConversions) {
  EXPECT_EQ(rondo::evaluate(spoken()),
            (std::vector<std::string>{"an lvalue, long enough to be on the heap",
                                      "a literal, converted and on the heap too", std::string(40, 'x'),
                                      "moved from, and long enough to be on the heap"}));
}

Stream<Tracked> tracked(int count) {
  Tracked local(100);
  for (int i = 0; i < count; ++i) co_yield Tracked(i);
}

Stream<Tracked> worked(Stream<Tracked> in, int fail_at) {
  Tracked local(200);
  while (Tracked* item = co_await in.next()) {
    auto unit = rondo::work([item = std::move(*item), copy = Tracked(5), fail_at] {
      if (item.value == fail_at) throw std::runtime_error("as it was thrown");
      return Tracked(item.value + copy.value);
    });
    rondo::Slot<Tracked> slot = co_yield unit;
    Tracked result = co_await slot;
    if (result.value == fail_at + 1000) throw std::runtime_error("as it was thrown");
    co_yield std::move(result);
  }
}

struct Pair {  // an aggregate
  Tracked a, b;
};

Stream<Pair> pairs(Pair first) {
  Pair named{Tracked(3), Tracked(4)};
  co_yield std::move(first);
  co_yield std::move(named);
  Pair kept{Tracked(5), Tracked(6)};
  co_yield kept;
  co_yield std::move(kept);
}

TEST(Coroutine, AggregatesAreDestroyedOnce) {
  {
    const auto values = rondo::evaluate(pairs(Pair{Tracked(1), Tracked(2)}));
    ASSERT_EQ(values.size(), 4U);
    EXPECT_EQ(values[0].b.value, 2);
    EXPECT_EQ(values[3].b.value, 6);
  }
  EXPECT_EQ(Tracked::alive, 0);
}

TEST(Coroutine, EverythingIsDestroyedAtTheEnd) {
  {
    const auto result = rondo::evaluate(worked(tracked(50), -1), {.threads_max = 3, .effectiveness = 0});
    ASSERT_EQ(result.size(), 50U);
    EXPECT_EQ(Tracked::alive, 50);
    EXPECT_EQ(result[7].value, 12);
  }
  EXPECT_EQ(Tracked::alive, 0);
}

TEST(Coroutine, EverythingIsDestroyedWhenAWorkUnitOrAStageFails) {
  for (const int fail_at : {0, 20, 49, 5 - 1000, 54 - 1000}) {
    for (const unsigned threads : {1U, 3U}) {
      EXPECT_THROW(
          (void)rondo::evaluate(worked(tracked(50), fail_at), {.threads_max = threads, .effectiveness = 0}),
          std::runtime_error);
      EXPECT_EQ(Tracked::alive, 0);
    }
  }
}

TEST(Coroutine, EverythingIsDestroyedWhereverItStops) {
  // Stops after every possible number of moves.
  for (int moves = 0; moves < 60; ++moves) {
    {
      auto sink = [](Tracked&&) {};
      by_hand::Hands hands(rondo::streaming::drained(worked(tracked(5), -1), &sink), 2, 3);
      for (int i = 0; i < moves; ++i) (void)(hands.move(static_cast<std::size_t>(i % 2)) || hands.move(0));
      hands.evaluation().stop();
      EXPECT_TRUE(hands.go());
    }
    ASSERT_EQ(Tracked::alive, 0) << "after " << moves << " moves";
  }
}

TEST(Coroutine, AStreamThatIsNeverEvaluatedIsDestroyed) {
  { auto unused = worked(tracked(5), -1); }
  EXPECT_EQ(Tracked::alive, 0);
}

Stream<int> tree(int depth) {
  if (depth == 0) co_return;
  co_yield rondo::elements_of(tree(depth - 1));
  co_yield int(depth);
  co_yield rondo::elements_of(tree(depth - 1));
}

TEST(Coroutine, ElementsOfGivesTheNestedValuesInPlace) {
  EXPECT_EQ(rondo::evaluate(tree(3)), (std::vector{1, 2, 1, 3, 1, 2, 1}));
}

// Takes so many values by itself, then gives the rest in place.
Stream<int> rest_in_place(Stream<int> in, int taken) {
  for (int i = 0; i < taken; ++i) {
    const int* value = co_await in.next();
    co_yield -*value;
  }
  co_yield rondo::elements_of(std::move(in));
  co_yield 100;
}

TEST(Coroutine, ElementsOfGivesTheRestOfAStreamThatIsInTheMiddleOfNestedOnes) {
  for (int taken = 0; taken <= 7; ++taken) {
    std::vector<int> wanted = {1, 2, 1, 3, 1, 2, 1, 100};
    for (int i = 0; i < taken; ++i) wanted[static_cast<std::size_t>(i)] *= -1;
    EXPECT_EQ(rondo::evaluate(rest_in_place(tree(3), taken)), wanted) << "after " << taken;
    wanted.push_back(100);
    EXPECT_EQ(rondo::evaluate(rest_in_place(rest_in_place(tree(3), 0), 0)).size(), wanted.size());
  }
}

constexpr int kDeep = 100'000;

Stream<int> nested(int depth, int count) {
  if (depth > 0) {
    co_yield rondo::elements_of(nested(depth - 1, count));
  } else {
    for (int i = 0; i < count; ++i) co_yield int(i);
  }
  if (depth % 1000 == 0) co_yield int(depth);
}

TEST(Coroutine, NestsOneHundredThousandDeepOnASmallStack) {
  const auto values = rondo::evaluate(nested(kDeep, 1000));
  EXPECT_EQ(values.size(), 1000U + kDeep / 1000 + 1);
}

Stream<int> relayed(int depth, int count) {
  if (depth == 0) {
    for (int i = 0; i < count; ++i) {
      auto unit = rondo::work([i] { return i; });
      rondo::Slot<int> slot = co_yield unit;
      co_yield co_await slot;
    }
    co_return;
  }
  auto in = relayed(depth - 1, count);
  while (int* n = co_await in.next()) co_yield *n + 1;
}

TEST(Coroutine, PullsThroughOneHundredThousandStreamsOnASmallStack) {
  EXPECT_EQ(rondo::evaluate(relayed(kDeep, 3)), (std::vector{kDeep, kDeep + 1, kDeep + 2}));
}

Stream<int> endless_below(int depth, Tracked guard) {
  if (depth > 0) {
    auto in = endless_below(depth - 1, guard);
    while (int* n = co_await in.next()) co_yield *n;
  }
  throw std::runtime_error("from the bottom");
}

TEST(Coroutine, AnExceptionPassesThroughManyStreams) {
  EXPECT_THROW((void)rondo::evaluate(endless_below(2000, Tracked(1))), std::runtime_error);
  EXPECT_EQ(Tracked::alive, 0);
}

TEST(Coroutine, IsTornDownFromTheInsideOnASmallStack) {
  auto sink = [](int&&) {};
  by_hand::Hands hands(rondo::streaming::drained(relayed(kDeep, 3), &sink), 1, 1);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));  // to the innermost work unit
  ASSERT_TRUE(hands.move(0));
  EXPECT_THROW(hands.evaluation().conclude(), rondo::Stopped);
}

// A native frame for each of kDeep coroutines would not fit.
void on_a_small_stack(void (*body)()) {
  pthread_attr_t small;
  pthread_attr_init(&small);
  ASSERT_EQ(pthread_attr_setstacksize(&small, 1 << 20), 0);
  pthread_t thread;
  const auto run = [](void* function) -> void* {
    reinterpret_cast<void (*)()>(function)();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &small, run, reinterpret_cast<void*>(body)), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&small);
}

// A chain of streams that own each other as parameters; the first of them, and so all, began if it was pulled.
Stream<int> one_by_one(Stream<int> in) {
  while (int* n = co_await in.next()) co_yield *n;
}
Stream<int> counted(int count, Tracked) {
  for (int i = 0; i < count; ++i) co_yield int(i);
}
Stream<int> chain() {
  auto stream = counted(3, Tracked());
  for (int i = 0; i < kDeep; ++i) stream = one_by_one(std::move(stream));
  return stream;
}
Stream<int> fails_after_one(Stream<int> in) {
  co_yield *co_await in.next();
  throw std::runtime_error("after one");
}

TEST(LongChain, IsDestroyedWithoutHavingBegun) {
  on_a_small_stack([] {
    { auto unused = chain(); }
    EXPECT_EQ(Tracked::alive, 0);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THROW((void)rondo::evaluate(chain(), {.stop = stop.get_token()}), rondo::Stopped);
    EXPECT_EQ(Tracked::alive, 0);
  });
}

TEST(LongChain, IsDestroyedBeforeItsEnd) {
  on_a_small_stack([] {
    EXPECT_EQ(rondo::evaluate(chain() | rondo::take(1)), std::vector{0});
    EXPECT_EQ(Tracked::alive, 0);
    EXPECT_EQ(rondo::evaluate(relayed(kDeep, 3) | rondo::take(1)), std::vector{kDeep});
    EXPECT_EQ(rondo::evaluate(nested(kDeep, 3) | rondo::take(1)), std::vector{0});
    for (int& n : rondo::sequential(chain())) {
      EXPECT_EQ(n, 0);
      break;
    }
    EXPECT_EQ(Tracked::alive, 0);
  });
}

TEST(LongChain, IsDestroyedAfterAFailure) {
  on_a_small_stack([] {
    EXPECT_THROW((void)rondo::evaluate(fails_after_one(chain())), std::runtime_error);
    EXPECT_EQ(Tracked::alive, 0);
    EXPECT_THROW(rondo::for_each(chain(), [](int) { throw std::out_of_range("sink"); }), std::out_of_range);
    EXPECT_EQ(Tracked::alive, 0);
  });
}

Stream<int> stops(int depth, std::stop_source* stop) {
  if (depth == 0) stop->request_stop();
  if (depth > 0) co_yield rondo::elements_of(stops(depth - 1, stop));
  co_yield 1;
}

TEST(LongChain, OfNestedStreamsIsDestroyedAfterAStopFromItsInside) {
  on_a_small_stack([] {
    std::stop_source stop;
    EXPECT_THROW((void)rondo::evaluate(stops(kDeep, &stop), {.stop = stop.get_token()}), rondo::Stopped);
  });
}

Stream<int> first_of(Stream<int>& in) {
  if (int* n = co_await in.next()) co_yield *n;
}
Stream<int> one_then_the_rest(Stream<int> in) {
  co_yield rondo::elements_of(first_of(in));
  auto moved = std::make_unique<Stream<int>>(std::move(in));
  co_yield rondo::elements_of(one_by_one(std::move(*moved)));
}

TEST(LongChain, AStreamThatIsDestroyedDestroysNoneThatItOnlyBorrowed) {
  EXPECT_EQ(rondo::evaluate(one_then_the_rest(counted(3, Tracked()))), (std::vector{0, 1, 2}));
  Stream<int> other;
  {
    auto holder = one_by_one(counted(3, Tracked()));
    other = one_by_one(std::move(holder));
    holder = counted(1, Tracked());
  }
  EXPECT_EQ(rondo::evaluate(std::move(other)), (std::vector{0, 1, 2}));
  EXPECT_EQ(Tracked::alive, 0);
}

// The inputs are on the heap, where nothing tells that they are this stream's.
Stream<int> in_turn(std::vector<Stream<int>> inputs) {
  for (auto& in : inputs)
    while (int* n = co_await in.next()) co_yield *n;
}
Stream<int> chain_of_vectors() {
  auto stream = counted(3, Tracked());
  for (int i = 0; i < kDeep; ++i) {
    std::vector<Stream<int>> inputs;
    inputs.push_back(std::move(stream));
    stream = in_turn(std::move(inputs));
  }
  return stream;
}

TEST(LongChain, OfStreamsThatHoldTheirInputsInAVectorIsDestroyed) {
  on_a_small_stack([] {
    { auto unused = chain_of_vectors(); }
    EXPECT_EQ(Tracked::alive, 0);
    EXPECT_EQ(rondo::evaluate(chain_of_vectors() | rondo::take(1)), std::vector{0});
    EXPECT_EQ(Tracked::alive, 0);
    EXPECT_THROW((void)rondo::evaluate(fails_after_one(chain_of_vectors())), std::runtime_error);
    EXPECT_EQ(Tracked::alive, 0);
    std::stop_source stop;
    const auto stops = [&](int) { stop.request_stop(); };
    EXPECT_THROW(rondo::for_each(chain_of_vectors(), stops, {.stop = stop.get_token()}), rondo::Stopped);
    EXPECT_EQ(Tracked::alive, 0);
  });
}

Stream<int> catching(Stream<int> in) {
  try {
    while (int* n = co_await in.next()) co_yield *n;
  } catch (const std::runtime_error&) {
  }
  co_yield -1;
}
Stream<int> two_then_failure() {
  co_yield 1;
  co_yield 2;
  throw std::runtime_error("after two");
}

TEST(Coroutine, AStageMayCatchWhatTheStreamBeforeItThrows) {
  EXPECT_EQ(rondo::evaluate(catching(two_then_failure())), (std::vector{1, 2, -1}));
}

// A stream that somebody has pulled from, nested or not, gives the rest to whoever gets it.
Stream<int> three_and_rest(int n) {
  for (int i = 0; i < 3; ++i) co_yield int(i);
  co_yield rondo::elements_of(catching(two_then_failure()));
  for (int i = 3; i < n; ++i) co_yield int(i);
}
Stream<int> rest_in_a_loop(Stream<int> in, int before) {
  for (int i = 0; i < before; ++i) co_yield int(*co_await in.next());
  for (int& n : rondo::sequential(std::move(in))) co_yield int(n);
}
Stream<Stream<int>> begun_streams(int before) {
  for (int i = 0; i < 20; ++i) {
    Stream<int> one = three_and_rest(8);
    for (int k = 0; k < before; ++k) (void)co_await one.next();
    co_yield std::move(one);
  }
}
int sum_in_a_loop(Stream<int> in) {
  int sum = 0;
  for (int& n : rondo::sequential(std::move(in))) sum += n;
  return sum;
}

TEST(Coroutine, ALoopGoesOnWithAStreamThatIsBegun) {
  const std::vector<int> all{0, 1, 2, 1, 2, -1, 3, 4, 5, 6, 7};
  for (int before = 0; before <= 11; ++before) {
    EXPECT_EQ(rondo::evaluate(rest_in_a_loop(three_and_rest(8), before)), all) << before;
    const int rest = std::accumulate(all.begin() + before, all.end(), 0);
    EXPECT_EQ(rondo::evaluate(begun_streams(before) | rondo::chunks(3) | rondo::map(sum_in_a_loop),
                              {.threads_max = 3}),
              std::vector<int>(20, rest))
        << before;
  }
}

TEST(Coroutine, AMillionValuesDoNotGrowTheStack) {
  auto count = [](int n) -> Stream<int> {
    for (int i = 0; i < n; ++i) co_yield int(i);
  };
  std::int64_t sum = 0;
  rondo::for_each(catching(count(1'000'000)), [&](int n) { sum += n; });
  EXPECT_EQ(sum, 499'999'500'000 - 1);
}

}  // namespace
