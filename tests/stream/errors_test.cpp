// Exceptions: the outcome of an evaluation, that is what the sink was given and what was thrown then, is the same for any
// number of threads and any timing, and that of a sequential program.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <numeric>
#include <stdexcept>

#include "by_hand.hpp"

namespace {

using by_hand::Hands;
using rondo::Slot;
using rondo::Stream;

struct Outcome {
  std::vector<int> given;
  std::string thrown = "nothing";
  bool operator==(const Outcome&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  for (const int n : outcome.given) out << n << " ";
  return out << "and then " << outcome.thrown;
}

template <class Body>
void note_what_is_thrown(Outcome& outcome, Body body) {
  try {
    body();
  } catch (const rondo::DeadlockError&) {
    outcome.thrown = "a deadlock";
  } catch (const std::exception& error) {
    outcome.thrown = error.what();
  }
}

// Fails for some of the values, always for the same.
struct Fails {
  std::string who;
  std::uint64_t salt = 0;
  std::uint64_t one_in = 0;  // 0: never

  bool at(int n) const {
    if (one_in == 0) return false;
    const std::uint64_t mixed = (static_cast<std::uint64_t>(n) + salt) * 0x9E3779B97F4A7C15U;
    return (mixed >> 40U) % one_in == 0;
  }
  int operator()(int n) const {
    if (at(n)) throw std::out_of_range(who + " at " + std::to_string(n));
    return n;
  }
};

Stream<int> source(int count, Fails fails) {
  for (int i = 0; i < count; ++i) co_yield fails(i);
}

Stream<int> inside_the_stream(Stream<int> in, Fails fails) {
  while (int* n = co_await in.next()) co_yield fails(*n) + 1;
}

// Begins several units before it reads the first result.
Stream<int> in_batches(Stream<int> in, std::size_t size, Fails fails) {
  for (bool more = true; more;) {
    std::vector<Slot<int>> slots;
    while (more && slots.size() < size) {
      const int* n = co_await in.next();
      more = n != nullptr;
      if (!more) break;
      auto unit = rondo::work([fails, n = *n] { return fails(n) + 2; });
      Slot<int> slot = co_yield unit;
      slots.push_back(std::move(slot));
    }
    for (auto& slot : slots) co_yield co_await slot;
  }
}

Stream<int> with_the_next_begun(Stream<int> in, Fails fails) {
  std::deque<Slot<int>> open;
  std::exception_ptr error;
  for (bool more = true; more || !open.empty();) {
    while (more && (open.empty() || (open.size() < 4 && !open.front().ready()))) {
      const int* n = co_await in.next(error);
      more = n != nullptr;
      if (!more) break;
      auto unit = rondo::work([fails, n = *n] { return fails(n) - 3; });
      Slot<int> slot = co_yield unit;
      open.push_back(std::move(slot));
    }
    if (open.empty()) break;
    co_yield co_await open.front();
    open.pop_front();
  }
  if (error) std::rethrow_exception(error);
}

Stream<int> catches_what_a_unit_throws(Stream<int> in, Fails fails) {
  while (const int* n = co_await in.next()) {
    auto unit = rondo::work([fails, n = *n] { return fails(n); });
    Slot<int> slot = co_yield unit;
    int result = -1000;
    try {
      result = co_await slot;
    } catch (const std::out_of_range&) {
    }
    co_yield std::move(result);
  }
}

Stream<int> catches_what_the_input_throws(Stream<int> in, Stream<int> instead) {
  int caught = -2000;
  try {
    while (int* n = co_await in.next()) co_yield *n;
  } catch (const rondo::DeadlockError&) {
    caught = -3000;
  } catch (const std::out_of_range&) {
  }
  co_yield std::move(caught);
  co_yield rondo::elements_of(std::move(instead));
}

Stream<int> reads_no_result(Stream<int> in, Fails fails) {
  while (const int* n = co_await in.next()) {
    auto unit = rondo::work([fails, n = *n] { fails(n); });
    Slot<void> dropped = co_yield unit;
    static_cast<void>(dropped);
    co_yield *n;
  }
}

// Before each value a few units whose results it never reads, and then the rest of them in a nested stream.
Stream<int> drops(int count, int n, Fails fails) {
  for (int i = 0; i < count; ++i) {
    auto unit = rondo::work([fails, at = 1000 * n + i] { fails(at); });
    static_cast<void>(co_yield unit);
  }
  if (count > 1) co_yield rondo::elements_of(drops(count / 2, n, fails));
  co_yield std::move(n);
}

Stream<int> drops_many(Stream<int> in, int count, Fails fails) {
  while (const int* n = co_await in.next()) co_yield rondo::elements_of(drops(count, *n, fails));
}

// Drops what others began, and yields nothing.
Stream<Slot<int>> begins(Stream<int> in, Fails fails) {
  while (const int* n = co_await in.next()) {
    auto unit = rondo::work([fails, n = *n] { return fails(n); });
    Slot<int> slot = co_yield unit;
    co_yield std::move(slot);
  }
}

Stream<int> drops_what_others_began(Stream<int> in, Fails fails) {
  auto slots = begins(std::move(in), fails);
  int count = 0;
  while (Slot<int>* slot = co_await slots.next()) {
    const Slot<int> dropped = std::move(*slot);
    ++count;
  }
  co_yield std::move(count);
}

Stream<int> waits_for_ever_at(Stream<int> in, int count) {
  auto [slot, filler] = rondo::make_slot<int>(rondo::FilledBy::evaluation);
  while (const int* n = co_await in.next()) {
    if (count-- == 0) co_yield co_await slot;
    co_yield *n;
  }
}

// A random pipeline; equal seeds give equal ones.
class Random {
 public:
  explicit Random(std::uint64_t seed) : random_(seed) {}
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }

  Stream<int> pipeline(int depth = 0) {
    Stream<int> stream = source(static_cast<int>(pick(120)), fails("the source"));
    for (std::uint64_t stages = 1 + pick(4); stages > 0; --stages) stream = grown(std::move(stream), depth);
    return stream;
  }

  Fails fails(const char* who) {
    const std::uint64_t one_in = pick(3) != 0 ? 0 : std::uint64_t{1} << (3 + pick(6));
    return {who, pick(1000), one_in};
  }

 private:
  Stream<int> grown(Stream<int> in, int depth) {
    switch (pick(16)) {
      case 0: return inside_the_stream(std::move(in), fails("a stage"));
      case 1: return in_batches(std::move(in), 1 + pick(9), fails("a batch"));
      case 2: return with_the_next_begun(std::move(in), fails("a window"));
      case 3: return catches_what_a_unit_throws(std::move(in), {"a caught one", pick(1000), 4});
      case 4:
        if (depth > 2) return in;
        return catches_what_the_input_throws(std::move(in), pipeline(depth + 1));
      case 5: return reads_no_result(std::move(in), fails("an unread one"));
      case 6: return std::move(in) | rondo::take(pick(100));
      case 7: {
        auto sorted = std::move(in) | rondo::chunks(1 + pick(20)) | rondo::sort_by(fails("a key of sort_by"));
        return std::move(sorted) | rondo::sequentialize(1 + pick(5));
      }
      case 8: {
        const auto combine = [f = fails("group_by")](int a, int b) { return f(std::max(a, b)); };
        auto grouped = std::move(in) | rondo::chunks(1 + pick(20)) |
                       rondo::group_by([](int n) { return n & ~3; }, combine);
        return std::move(grouped) | rondo::sequentialize(1 + pick(5));
      }
      case 9: {
        const auto pass = [f = fails("a condition")](int n) { return f(n) % 5 != 0; };
        return std::move(in) | rondo::chunks(1 + pick(9)) | rondo::filter(pass) | rondo::collect();
      }
      case 10:
        if (pick(4) != 0) return in;
        return waits_for_ever_at(std::move(in), static_cast<int>(pick(60)));
      case 11: return drops_many(std::move(in), static_cast<int>(pick(12)), fails("one of many unread"));
      case 12: return drops_what_others_began(std::move(in), fails("another's unread one"));
      default:
        return std::move(in) | rondo::chunks(1 + pick(9)) | rondo::map(fails("map")) |
               rondo::sequentialize(1 + pick(9));
    }
  }
  std::mt19937_64 random_;
};

// A pipeline and a sink that may throw.
struct Job {
  explicit Job(std::uint64_t seed)
      : random(seed), stream(random.pipeline()), sink_fails(random.fails("the sink")) {}
  void operator()(int&& n) { outcome.given.push_back(sink_fails(n)); }
  Random random;
  Stream<int> stream;
  Fails sink_fails;
  Outcome outcome;
};

Outcome by_hand_of(std::uint64_t seed, unsigned threads, std::uint64_t order) {
  Job job(seed);
  note_what_is_thrown(job.outcome, [&] {
    Hands hands(rondo::streaming::drained(std::move(job.stream), &job), threads, order);
    if (!hands.go()) throw std::logic_error("hangs");
    hands.evaluation().conclude();
  });
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
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
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
      note_what_is_thrown(outcome, [&] {
        Hands hands(rondo::streaming::drained(std::move(pipeline), &give), threads, seed);
        ASSERT_TRUE(hands.go());
        hands.evaluation().conclude();
      });
      ASSERT_EQ(outcome, model) << threads << " threads";
    }
  }
}

// Begins units without end and reads none of them.
Stream<int> never_reads(Fails fails, std::vector<int>* begun) {
  for (int i = 0;; ++i) {
    begun->push_back(i);
    auto unit = rondo::work([fails, i] { fails(i); });
    Slot<void> dropped = co_yield unit;
    if (i % 2 == 0) dropped.discard();
  }
}

TEST(Errors, OfASlotThatIsDroppedUnreadEndTheEvaluationAtOnePlace) {
  const auto ignored = [](int&&) {};
  for (unsigned threads = 1; threads <= 8; ++threads) {
    std::vector<int> begun;
    Outcome outcome;
    note_what_is_thrown(outcome, [&] {
      Hands hands(rondo::streaming::drained(never_reads({"a unit", 0, 40}, &begun), &ignored), threads,
                  threads);
      ASSERT_TRUE(hands.go());
      hands.evaluation().conclude();
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
    auto pipeline = std::move(in) | rondo::map(fails) | rondo::take(most);
    Hands hands(rondo::streaming::drained(std::move(pipeline), &give), threads, seed);
    if (!hands.go()) throw std::logic_error("hangs");
    hands.evaluation().conclude();
  });
  return outcome;
}

std::vector<int> up_to(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(Errors, OfADroppedSlotComeOutOfTheStreamThatDroppedIt) {
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

TEST(Errors, OfADroppedSlotAreFoundByAStreamThatBeginsNothingMore) {
  for (unsigned threads = 1; threads <= 4; ++threads)
    EXPECT_EQ(pulled_ahead(drops_later(300), {}, 1000, threads, threads), (Outcome{up_to(257), "the first"}));
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
