// The stages that keep the order, each against a plain loop over random inputs, chunk sizes, slots and
// threads.
#include <array>
#include <map>
#include <stdexcept>
#include <stop_token>
#include <string>

#include "inputs.hpp"

namespace {

using rondo::Stream;

auto chunked(const Case& one) { return rondo::from_range(std::vector(one.items)) | rondo::chunks(one.chunk); }

TEST(Stages, ChunksOfNItemsAndARest) {
  check_against(
      [](Case& one) {
        return rondo::streaming::chunked(rondo::from_range(std::vector(one.items)), one.chunk);
      },
      [](Case& one) {
        std::vector<std::vector<Item>> model;
        for (std::size_t i = 0; i < one.items.size(); ++i) {
          if (i % one.chunk == 0) model.emplace_back();
          model.back().push_back(one.items[i]);
        }
        return model;
      });
}

TEST(Stages, MapAndFilterInOrder) {
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::map([](Item item) { return item.value + 1000 * item.key; }) |
               rondo::filter([](int n) { return n % 3 != 0; }) |
               rondo::map([](int n) { return std::to_string(n); });
      },
      [](Case& one) {
        std::vector<std::string> model;
        for (const Item& item : one.items) {
          const int n = item.value + 1000 * item.key;
          if (n % 3 != 0) model.push_back(std::to_string(n));
        }
        return model;
      });
}

TEST(Stages, MapWithoutChunksMakesEveryItemAWorkUnit) {
  std::vector<int> in(57);
  rondo::StreamReport report;
  const auto out = rondo::evaluate(rondo::from_range(in) | rondo::map([](int n) { return n + 1; }),
                                   {.threads_max = 1, .report = &report});
  EXPECT_EQ(out, std::vector<int>(57, 1));
  EXPECT_EQ(report.units, 57U);
}

TEST(Stages, SequentializeAndCutAnew) {
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::map([](Item item) { return item.value; }) |
               rondo::sequentialize(one.slots) | rondo::chunks(one.chunk / 2 + 1) |
               rondo::map([](int n) { return n * n; }) | rondo::collect();
      },
      [](Case& one) {
        std::vector<int> model;
        for (const Item& item : one.items) model.push_back(item.value * item.value);
        return model;
      });
}

Stream<int> differences(Stream<int> in) {
  int last = 0;
  while (int* n = co_await in.next()) {
    co_yield *n - last;
    last = *n;
  }
}

Stream<int> squared_elsewhere(Stream<int> in) {
  while (int* n = co_await in.next()) {
    auto unit = rondo::work([n = *n] { return n * n; });
    rondo::Slot<int> slot = co_yield unit;
    co_yield co_await slot;
  }
}

TEST(Stages, AUsersCoroutineIsAStage) {
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::map(&Item::value) | rondo::sequentialize(one.slots) | differences |
               squared_elsewhere;
      },
      [](Case& one) {
        std::vector<int> model;
        int last = 0;
        for (const Item& item : one.items) {
          model.push_back((item.value - last) * (item.value - last));
          last = item.value;
        }
        return model;
      });
}

TEST(Stages, TakeDoesNotPullTheRest) {
  int pulled = 0;
  auto source = [](int* count) -> Stream<int> {
    for (;;) co_yield ++*count;
  };
  EXPECT_EQ(rondo::evaluate(source(&pulled) | rondo::take(5), {.threads_max = 2}),
            (std::vector{1, 2, 3, 4, 5}));
  EXPECT_EQ(pulled, 5);
}

TEST(Stages, ComposeWithoutAnInput) {
  const auto doubled_evens =
      rondo::filter([](int n) { return n % 2 == 0; }) | rondo::map([](int n) { return 2 * n; });
  EXPECT_EQ(rondo::evaluate(rondo::from_range(std::vector{1, 2, 3, 4}) | rondo::chunks(2) | doubled_evens),
            (std::vector{4, 8}));
}

TEST(Stages, ComposeWithCoroutinesBeforeAndAfter) {
  const auto later = rondo::map([](int n) { return n * n; }) | rondo::sequentialize(2) | differences;
  const auto all = differences | rondo::filter([](int n) { return n != 0; }) | later;
  EXPECT_EQ(rondo::evaluate(rondo::from_range(std::vector{2, 2, 5, 4}) | all), (std::vector{4, 5, -8}));
}

TEST(Stages, ElementsOfAPipelineThatEndsWithSequentialize) {
  auto twice = [](std::vector<int> in) -> Stream<int> {
    const auto same = rondo::map([](int n) { return n; });
    co_yield rondo::elements_of(rondo::from_range(in) | same | rondo::sequentialize(2));
    co_yield rondo::elements_of(rondo::from_range(in) | same | rondo::collect());
  };
  EXPECT_EQ(rondo::evaluate(twice({1, 2, 3})), (std::vector{1, 2, 3, 1, 2, 3}));
}

TEST(Stages, ALambdasCapturesLiveAsLongAsThePipeline) {
  const auto pipeline = [](std::string text) {
    auto append = [text](Stream<std::string> in) -> Stream<std::string> {
      while (std::string* item = co_await in.next()) {
        *item += text;
        co_yield std::move(*item);
      }
    };
    auto plain = [count = std::make_unique<std::size_t>(2)](Stream<std::string> in) {
      return std::move(in) | rondo::take(*count);
    };
    return rondo::from_range(std::vector<std::string>{"a", "b", "c"}) | append | append | std::move(plain);
  };
  const std::string text = " and a text of more than sixteen letters";
  auto stored = pipeline(text);
  EXPECT_EQ(rondo::evaluate(std::move(stored)), (std::vector{"a" + text + text, "b" + text + text}));
  { auto dropped = pipeline(text); }
}

TEST(Stages, ItemsMayBeMoveOnly) {
  auto source = [](int count) -> Stream<std::unique_ptr<int>> {
    for (int i = 0; i < count; ++i) co_yield std::make_unique<int>(i);
  };
  const auto out = rondo::evaluate(
      source(500) | rondo::chunks(7) |
          rondo::filter([](const std::unique_ptr<int>& n) { return *n % 2 == 0; }) |
          rondo::sort_by([](const std::unique_ptr<int>& n) { return -*n; }) |
          rondo::deduplicate([](const std::unique_ptr<int>& n) { return *n; }, rondo::keep_none),
      {.threads_max = 3});
  ASSERT_EQ(out.size(), 250U);
  for (int i = 0; i < 250; ++i) EXPECT_EQ(*out[static_cast<std::size_t>(i)], 498 - 2 * i);
}

TEST(Stages, ItemsNeedNotBeAssignable) {
  struct Fixed {
    const int number;
    bool operator==(const Fixed&) const = default;
  };
  const std::map<int, int> squares{{1, 1}, {2, 4}, {3, 9}};
  const auto pairs = rondo::evaluate(rondo::from_range(squares) | rondo::chunks(2) |
                                     rondo::filter([](const auto& pair) { return pair.first != 2; }));
  ASSERT_EQ(pairs.size(), 2U);
  EXPECT_EQ(pairs[1].second, 9);
  const auto fixed = rondo::evaluate(rondo::from_range(squares) | rondo::chunks(2) |
                                     rondo::map([](const auto& pair) { return Fixed{pair.second}; }));
  EXPECT_EQ(fixed, (std::vector<Fixed>{{1}, {4}, {9}}));
}

TEST(Stages, ItemsMayBeBools) {
  const auto odd = [](const Item& item) { return item.value % 2 != 0; };
  check_against([&](Case& one) { return chunked(one) | rondo::map(odd) | rondo::sequentialize(one.slots); },
                [&](Case& one) {
                  std::vector<bool> model;
                  for (const Item& item : one.items) model.push_back(odd(item));
                  return model;
                });
  const auto counted = [](Stream<bool> in) -> Stream<int> {
    int count = 0;
    while (bool* yes = co_await in.next()) count += *yes ? 1 : 0;
    co_yield count;
  };
  const auto same = [](bool b) { return b; };
  const std::vector<bool> bits = {true, false, true, true};
  const auto flags = [&] { return rondo::from_range(bits) | rondo::map(same); };
  EXPECT_EQ(rondo::evaluate(flags() | rondo::collect() | counted), std::vector{3});
  EXPECT_EQ(rondo::evaluate(rondo::from_range(std::vector(bits))), bits);
  EXPECT_EQ(rondo::evaluate(flags() | rondo::sort_by(same)), (std::vector{false, true, true, true}));
  EXPECT_EQ(rondo::evaluate(flags() | rondo::group_by(same, [](bool a, bool) { return a; })),
            (std::vector{true, false}));
  int yes = 0;
  rondo::for_each(flags(), [&](bool b) { yes += b ? 1 : 0; });
  for (const bool& b : rondo::sequential(flags())) yes += b ? 10 : 0;
  EXPECT_EQ(yes, 33);
}

TEST(Stages, AContainerThatIsMovedInGivesItsItems) {
  std::vector<std::unique_ptr<int>> numbers;
  for (int i = 0; i < 10; ++i) numbers.push_back(std::make_unique<int>(i));
  const auto out = rondo::evaluate(rondo::from_range(std::move(numbers)) | rondo::chunks(3));
  ASSERT_EQ(out.size(), 10U);
  EXPECT_EQ(*out[7], 7);

  const std::vector<std::string> kept = {"one", "two"};
  EXPECT_EQ(rondo::evaluate(rondo::from_range(kept)), kept);
  EXPECT_EQ(rondo::evaluate(rondo::from_range(std::views::iota(0, 3))), (std::vector{0, 1, 2}));
  std::vector<std::string> seen = kept;
  EXPECT_EQ(rondo::evaluate(rondo::from_range(seen)), kept);
  EXPECT_EQ(seen, kept) << "a container that is not moved in stays as it is";
}

TEST(Stages, ImpossibleSizesAreRefusedByName) {
  EXPECT_THROW((void)rondo::chunks(0), rondo::OptionError);
  EXPECT_THROW((void)rondo::sequentialize(0), rondo::OptionError);
  for (const double priority : {0.0, std::numeric_limits<double>::infinity()}) {
    EXPECT_THROW((void)rondo::evaluate(rondo::from_range(std::vector{1}), {.priority = priority}),
                 rondo::OptionError);
  }
  EXPECT_THROW((void)rondo::evaluate(rondo::from_range(std::vector{1}), {.effectiveness = 2}),
               rondo::OptionError);
}

rondo::Stream<std::string> traced(std::string* trace, int count) {
  for (int i = 0; i < count; ++i) {
    *trace += " made " + std::to_string(i);
    const std::string copied = std::to_string(i);
    if (i % 2 == 0) {
      co_yield copied;
    } else {
      co_yield std::to_string(i);
    }
  }
  *trace += " ended";
}
rondo::Stream<std::string> nested(std::string* trace, int count) {
  co_yield elements_of(traced(trace, count));
}

TEST(Chunks, ASourceGoesOnWithinAChunkAndNotBeforeItIsPassedOn) {
  for (const auto source : {traced, nested}) {
    std::string trace;
    rondo::for_each(source(&trace, 5) | rondo::chunks(2), [&](std::string item) { trace += " got " + item; },
                    {.threads_max = 1});
    EXPECT_EQ(trace, " made 0 made 1 got 0 got 1 made 2 made 3 got 2 got 3 made 4 ended got 4");
  }
}

struct ThrowsWhenMoved {
  explicit ThrowsWhenMoved(int* moves_left) : left(moves_left) {}
  ThrowsWhenMoved(ThrowsWhenMoved&& other) : left(other.left) {
    if (--*left < 0) throw std::runtime_error("moved too often");
  }
  int* left;
};
rondo::Stream<ThrowsWhenMoved> guarded(int* left, bool* caught) {
  try {
    for (int i = 0; i < 20; ++i) co_yield ThrowsWhenMoved(left);
  } catch (...) {
    *caught = true;
  }
}

TEST(Chunks, WhatTheMoveIntoAChunkThrowsIsNotThrownInTheSource) {
  int left = 5;
  bool caught = false;
  EXPECT_THROW(rondo::for_each(guarded(&left, &caught) | rondo::chunks(10), [](ThrowsWhenMoved&&) {},
                               {.threads_max = 1}),
               std::runtime_error);
  EXPECT_FALSE(caught);
}

rondo::Stream<int> stops_itself(std::stop_source* stop, int* made) {
  for (;;) {
    if (++*made == 5) stop->request_stop();
    co_yield int(*made);
  }
}

TEST(Chunks, FewBigItemsTakeNoMoreMemoryThanTheyAre) {
  using Big = std::array<char, 100'000>;
  for (std::vector<Big>& chunk :
       rondo::sequential(rondo::streaming::chunked(rondo::from_range(std::vector<Big>(3)), 1'000'000))) {
    EXPECT_EQ(chunk.size(), 3u);
    EXPECT_LE(chunk.capacity(), 4u);
  }
}

TEST(Chunks, AStopRequestIsSeenInTheMiddleOfAChunk) {
  std::stop_source stop;
  int made = 0;
  EXPECT_THROW(rondo::for_each(stops_itself(&stop, &made) | rondo::chunks(1'000'000), [](int) {},
                               {.threads_max = 1, .stop = stop.get_token()}),
               rondo::Stopped);
  EXPECT_EQ(made, 5);
}

}  // namespace
