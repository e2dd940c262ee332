// Slots that are dropped unread: an error in one comes out of the stream that dropped it, at one place, for any number of
// threads.
#include <gtest/gtest.h>

#include <deque>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "outcome.hpp"

namespace {

using by_hand::by_hand_on;
using by_hand::Fails;
using by_hand::Hands;
using by_hand::note_what_is_thrown;
using by_hand::Outcome;
using rondo::Slot;
using rondo::Stream;

// Begins units without end and reads none of them.
Stream<int> never_reads(Fails fails, std::vector<int>* begun) {
  for (int i = 0;; ++i) {
    begun->push_back(i);
    auto unit = rondo::work([fails, i] { fails(i); });
    Slot<void> dropped = co_yield unit;
    if (i % 2 == 0) dropped.discard();
  }
}

TEST(Unread, ErrorsEndTheEvaluationAtOnePlace) {
  const auto ignored = [](int&&) {};
  for (unsigned threads = 1; threads <= 8; ++threads) {
    std::vector<int> begun;
    Outcome outcome;
    note_what_is_thrown(outcome, [&] {
      by_hand_on(threads, threads, never_reads({"a unit", 0, 40}, &begun), ignored);
    });
    int first = 1;  // of those that are not discarded
    while (!Fails{"a unit", 0, 40}.at(first)) first += 2;
    EXPECT_EQ(outcome.thrown, "a unit at " + std::to_string(first));
    // The last slot that counts is dropped when the stream goes on to begin one unit more.
    EXPECT_EQ(begun.size(), static_cast<std::size_t>(first) + 2 * 256 + 2) << threads << " threads";
  }
}

// Drops `each` slots before every value, of which one is the slot of a unit that throws.
Stream<int> drops_before_each(int count, int each, int bad) {
  for (int n = 0; n < count; ++n) {
    for (int i = 0; i < each; ++i) {
      auto unit = rondo::work([n, i, bad] {
        if (n == bad && i == 0) throw std::out_of_range("unread at " + std::to_string(n));
      });
      static_cast<void>(co_yield unit);
    }
    co_yield n;
  }
}

// Of a stage that pulls ahead: what comes out is that of a program that does one thing after the other.
Outcome pulled_ahead(Stream<int> in, Fails fails, std::size_t most, unsigned threads, std::uint64_t seed) {
  Outcome outcome;
  auto give = [&](int&& n) { outcome.given.push_back(n); };
  note_what_is_thrown(outcome, [&] {
    by_hand_on(threads, seed, std::move(in) | rondo::map(fails) | rondo::take(most), give);
  });
  return outcome;
}

std::vector<int> up_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(Unread, ErrorsComeOutOfTheStreamThatDroppedTheSlot) {
  Fails at_3{"map", 0, 64};
  while (!at_3.at(3) || at_3.at(0) || at_3.at(1) || at_3.at(2)) ++at_3.salt;
  for (unsigned threads = 1; threads <= 8; ++threads) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(std::to_string(threads) + " threads, seed " + std::to_string(seed));
      EXPECT_EQ(pulled_ahead(drops_before_each(30, 1, 8), {}, 5, threads, seed), (Outcome{up_to(5)}))
          << "nobody comes to the end of the stream that drops";
      EXPECT_EQ(pulled_ahead(drops_before_each(30, 1, 2), at_3, 100, threads, seed),
                (Outcome{up_to(3), "map at 3"}))
          << "nor here";
      EXPECT_EQ(pulled_ahead(drops_before_each(30, 1, 8), {}, 100, threads, seed),
                (Outcome{up_to(30), "unread at 8"}));
      EXPECT_EQ(pulled_ahead(drops_before_each(12, 300, 8), {}, 5, threads, seed), (Outcome{up_to(5)}));
      EXPECT_EQ(pulled_ahead(drops_before_each(12, 300, 8), {}, 100, threads, seed),
                (Outcome{up_to(8), "unread at 8"}));
      EXPECT_EQ(pulled_ahead(drops_before_each(12, 300, 2), at_3, 100, threads, seed),
                (Outcome{up_to(2), "unread at 2"}));
    }
  }
}

// Begins units, and then drops them while it yields values only.
Stream<int> drops_later(int count) {
  std::deque<Slot<void>> slots;
  for (int n = 0; n < count; ++n) {
    auto unit = rondo::work([n] {
      if (n == 0) throw std::out_of_range("the first");
    });
    Slot<void> slot = co_yield unit;
    slots.push_back(std::move(slot));
  }
  for (int n = 0;; ++n) {
    if (!slots.empty()) slots.pop_front();
    co_yield n;
  }
}

TEST(Unread, ErrorsAreFoundByAStreamThatBeginsNothingMore) {
  for (unsigned threads = 1; threads <= 4; ++threads)
    EXPECT_EQ(pulled_ahead(drops_later(300), {}, 1000, threads, threads), (Outcome{up_to(257), "the first"}));
}

// Yields nothing, drops two slots in each of its depths; the unit `bad` of those throws.
Stream<int> drops_in_depths(int depths, int bad) {
  for (int i = 0; i < 2; ++i) {
    auto unit = rondo::work([throws = i == bad] {
      if (throws) throw std::out_of_range("nested");
    });
    static_cast<void>(co_yield unit);
  }
  if (depths > 1) co_yield rondo::elements_of(drops_in_depths(depths - 1, bad - 2));
}

Stream<int> leaves_all_to_nested(int count, int depths, int bad) {
  for (int n = 0; n < count; ++n) {
    co_yield rondo::elements_of(drops_in_depths(depths, bad - n * 2 * depths));
    co_yield n;
  }
}

// A stream's count has in it what nested streams have dropped, also what went well and was forgotten there.
TEST(Unread, NestedStreamsCountWhatTheyDrop) {
  for (int depths = 1; depths <= 5; ++depths) {
    for (const int bad : {0, 1, 7, 20, 101}) {
      for (unsigned threads = 1; threads <= 8; ++threads) {
        // the value after which 256 more have been dropped
        const int values = (bad + 256) / (2 * depths) + 1;
        EXPECT_EQ(pulled_ahead(leaves_all_to_nested(500, depths, bad), {}, 1000, threads, threads),
                  (Outcome{up_to(values), "nested"}))
            << depths << " depths, the bad one is " << bad << ", " << threads << " threads";
      }
    }
  }
}

// The first slot it drops may be read while it is in elements_of, as 256 more have been dropped; the second, whose unit
// throws, only where it comes after that.
Stream<int> drops_around_elements_of() {
  std::deque<Slot<void>> slots;
  for (int i = 0; i < 258; ++i) {
    auto unit = rondo::work([i] {
      if (i == 1) throw std::out_of_range("the second");
    });
    Slot<void> slot = co_yield unit;
    slots.push_back(std::move(slot));
  }
  while (slots.size() > 1) slots.pop_front();
  co_yield rondo::elements_of(drops_in_depths(2, -1));
  for (int n = 0;; ++n) co_yield n;
}

TEST(Unread, NestedStreamsMakeNothingDueBeforeTheParentGoesOn) {
  for (const bool first_takes_long : {false, true}) {
    Outcome outcome;
    auto give = [&](int&& n) { outcome.given.push_back(n); };
    Hands hands(rondo::streaming::drained(drops_around_elements_of(), &give), 2, 1);
    if (first_takes_long) {
      for (int i = 0; i < 3; ++i) ASSERT_TRUE(hands.move(0));  // has the first unit
      while (hands.move(1)) continue;
      EXPECT_EQ(outcome, Outcome{}) << "waits for it after elements_of";
    }
    EXPECT_TRUE(hands.go());
    note_what_is_thrown(outcome, [&] { hands.evaluation().conclude(); });
    EXPECT_EQ(outcome, (Outcome{{0}, "the second"}));
  }
}

}  // namespace
