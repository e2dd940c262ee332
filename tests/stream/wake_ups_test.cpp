// Threads that sleep are woken: each notification of the hand-over, of the rest and of the core budget is the only one that
// can reach the thread that a test puts to sleep. A test waits until that thread sleeps, and time-outs do not come, so a
// notification that is missing is a hang in every run; the deadline of the test names it.
#include "condition_waits.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <deque>
#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <rondo/stream.hpp>
#include <string>
#include <thread>
#include <vector>

#include "deadline.hpp"
#include "stream/core_share.hpp"
#include "stream/crew.hpp"

namespace {

using condition_waits::await;
using condition_waits::Endless;
using rondo::Handover;
using rondo::Stream;
using rondo::streaming::Baton;
using rondo::streaming::CoreShare;
using rondo::streaming::Crew;
using rondo::streaming::Evaluation;
using rondo::streaming::Roster;
using rondo::streaming::Sections;
using rondo::streaming::Stepper;

constexpr std::chrono::seconds kDeadline{20};

template <class Body>
void promptly(Body body) {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  within_deadline(std::string(test->test_suite_name()) + "." + test->name(), std::move(body), kDeadline);
}

Stream<int> numbers(int count) {
  for (int i = 0; i < count; ++i) co_yield int(i);
}

// A baton that this thread holds, and others that wait for it.
struct Waiting {
  explicit Waiting(Handover handover, unsigned at_work = 1) : baton(std::make_shared<Baton>(handover)) {
    roster.target = at_work;
    roster.at_work = at_work;
    EXPECT_TRUE(baton->try_take());
  }
  std::future<Baton::Taken> taker() {
    return std::async(std::launch::async, [this] {
      Stepper* part = nullptr;
      return baton->take(roster, sections, part);
    });
  }
  std::future<void> rester() {
    return std::async(std::launch::async,
                      [this, seen = baton->invitations()] { baton->rest(seen, std::nullopt); });
  }

  std::shared_ptr<Baton> baton;
  std::atomic<unsigned> apart{0};
  Roster roster{apart};
  Sections sections{baton->closed(), baton->actors(), nullptr};
};

TEST(WakeUps, TheBatonIsPutBackForAThreadThatWaits) {
  promptly([] {
    for (const auto handover : {Handover::unfair, Handover::fair}) {
      Waiting waiting(handover);
      for (int turn = 0; turn < 3; ++turn) {
        auto taker = waiting.taker();
        await(1);
        waiting.baton->put_back();
        EXPECT_EQ(taker.get(), Baton::Taken::yes) << "and this thread has it for the next turn";
      }
    }
  });
}

TEST(WakeUps, AnotherThreadIsWokenByOneThatIsDismissedInsteadOfTakingTheBaton) {
  promptly([] {
    Waiting waiting(Handover::unfair, 3);
    std::vector<std::future<Baton::Taken>> takers;
    for (int i = 0; i < 2; ++i) takers.push_back(waiting.taker());
    await(2);
    waiting.roster.target = 2;
    waiting.baton->put_back();
    unsigned dismissed = 0;
    for (auto& taker : takers)
      if (taker.get() == Baton::Taken::dismissed) ++dismissed;
    EXPECT_EQ(dismissed, 1U);
  });
}

TEST(WakeUps, AllThatWaitLookWhetherTheyAreDismissed) {
  promptly([] {
    for (const auto handover : {Handover::unfair, Handover::fair}) {
      for (const bool rings : {false, true}) {
        Waiting waiting(handover, 4);
        std::vector<std::future<Baton::Taken>> takers;
        for (int i = 0; i < 3; ++i) takers.push_back(waiting.taker());
        await(3);
        waiting.roster.target = 1;
        if (rings) {
          waiting.baton->ring();
        } else {
          waiting.baton->look_again();
        }
        for (auto& taker : takers) EXPECT_EQ(taker.get(), Baton::Taken::dismissed);
      }
    }
  });
}

TEST(WakeUps, AllThatRestAreInvited) {
  promptly([] {
    for (const bool rings : {false, true}) {
      Waiting waiting(Handover::unfair);
      std::vector<std::future<void>> resters;
      for (int i = 0; i < 2; ++i) resters.push_back(waiting.rester());
      await(2);
      if (rings) {
        waiting.baton->ring();
      } else {
        waiting.baton->invite();
      }
    }
  });
}

TEST(WakeUps, WhenItIsOverNobodyWaitsOrRestsAnyMore) {
  promptly([] {
    for (const auto handover : {Handover::unfair, Handover::fair}) {
      Waiting waiting(handover, 3);
      auto rester = waiting.rester();
      auto first = waiting.taker(), second = waiting.taker();
      await(3);
      waiting.baton->close();
      EXPECT_EQ(first.get(), Baton::Taken::closed);
      EXPECT_EQ(second.get(), Baton::Taken::closed);
      rester.get();
    }
  });
}

// The state of a thread as the kernel gives it: 'S' if it sleeps.
char state_of(pid_t thread) {
  std::ifstream in("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string stat;
  std::getline(in, stat);
  const std::size_t end = stat.rfind(')');
  return end == std::string::npos ? '?' : stat[end + 2];
}

// `sleeps` is a call that has looked, found nothing, and is about to sleep. In this moment this thread calls `wakes`; the
// other one sleeps when `wakes` has returned, or waits for the mutex.
template <class Sleeps, class Wakes>
void wake_between_look_and_sleep(Sleeps sleeps, Wakes wakes) {
  std::atomic<bool> looked = false, woken = false;
  const pid_t waker = gettid();
  condition_waits::before_wait = [&] {
    looked = true;
    while (!woken && state_of(waker) != 'S') std::this_thread::yield();
  };
  condition_waits::interrupt = true;
  auto sleeper = std::async(std::launch::async, sleeps);
  while (!looked) std::this_thread::yield();
  wakes();
  woken = true;
  sleeper.get();
}

TEST(WakeUps, TheBatonIsPutBackBetweenTheLookOfAThreadAndItsSleep) {
  promptly([] {
    for (const auto handover : {Handover::unfair, Handover::fair}) {
      Waiting waiting(handover);
      Stepper* part = nullptr;
      wake_between_look_and_sleep(
          [&] { EXPECT_EQ(waiting.baton->take(waiting.roster, waiting.sections, part), Baton::Taken::yes); },
          [&] { waiting.baton->put_back(); });
    }
  });
}

TEST(WakeUps, AnInvitationComesBetweenTheLookOfAThreadAndItsSleep) {
  promptly([] {
    Waiting waiting(Handover::unfair);
    const unsigned seen = waiting.baton->invitations();
    wake_between_look_and_sleep([&] { waiting.baton->rest(seen, std::nullopt); },
                                [&] { waiting.baton->invite(); });
  });
}

TEST(WakeUps, ItEndsBetweenTheLookOfAThreadAndItsSleep) {
  promptly([] {
    for (const auto handover : {Handover::unfair, Handover::fair}) {
      Waiting waiting(handover);
      Stepper* part = nullptr;
      wake_between_look_and_sleep(
          [&] {
            EXPECT_EQ(waiting.baton->take(waiting.roster, waiting.sections, part), Baton::Taken::closed);
          },
          [&] { waiting.baton->close(); });
    }
  });
}

// Opens once, for threads that wait for that.
class Gate {
 public:
  void pass() {
    reached_ = true;
    reached_.notify_all();
    open_.wait(false);
  }
  void await_arrival() const { reached_.wait(false); }
  void open() {
    open_ = true;
    open_.notify_all();
  }

 private:
  std::atomic<bool> reached_{false}, open_{false};
};

// The thread that the baton was put back for takes a part of the pipeline over instead: what is behind the source, which
// another thread is inside of, and before the stage that has just been left.
TEST(WakeUps, AnotherThreadIsWokenByOneThatTakesOverAPartInsteadOfTheBaton) {
  promptly([] {
    Gate between, source;
    const auto items = [](Gate* gate) -> Stream<int> {
      co_yield 0;
      co_yield 1;
      gate->pass();
      co_yield 2;
    };
    const auto passes_on = [](Stream<int> in, Gate* gate) -> Stream<int> {
      while (int* n = co_await in.next()) {
        co_yield *n;
        gate->pass();
      }
    };
    const auto same = [](int n) { return n; };
    const auto ignore = [](int) {};
    Stream<int> lower = items(&source) | rondo::chunks(1) | rondo::map(same) | rondo::sequentialize(5);
    Stream<int> upper = passes_on(std::move(lower), &between) | rondo::chunks(1) | rondo::map(same) |
                        rondo::sequentialize(5) | rondo::chunks(1) | rondo::map(same) |
                        rondo::sequentialize(5);
    Evaluation evaluation(rondo::streaming::drained(std::move(upper), &ignore), Handover::unfair);
    Baton& baton = evaluation.baton();
    const auto next_unit = [&] {
      rondo::streaming::UnitReference unit;
      EXPECT_TRUE(baton.try_take());
      EXPECT_EQ(evaluation.step(unit), Evaluation::Turn::unit);
      baton.put_back();
      return unit;
    };
    auto first = next_unit(), second = next_unit();
    EXPECT_FALSE(evaluation.run(std::move(first)));
    auto above = next_unit();  // of the second map, with the first item
    std::thread inside([&] {
      rondo::streaming::UnitReference unit;
      EXPECT_TRUE(baton.try_take());
      EXPECT_EQ(evaluation.step(unit), Evaluation::Turn::over);
    });
    between.await_arrival();
    EXPECT_FALSE(evaluation.run(std::move(above)));
    Stepper* const part = evaluation.sections().take_over();
    ASSERT_NE(part, nullptr);
    ASSERT_FALSE(part->is_apart()) << "this thread has the baton now";
    between.open();
    source.await_arrival();
    std::atomic<unsigned> apart = 0;
    Roster roster(apart);
    const auto take = [&] {
      Stepper* got = nullptr;
      return baton.take(roster, evaluation.sections(), got);
    };
    auto one = std::async(std::launch::async, take), other = std::async(std::launch::async, take);
    await(2);
    EXPECT_FALSE(evaluation.run(std::move(second))) << "there is something to take over now";
    rondo::streaming::UnitReference unit;
    EXPECT_EQ(evaluation.step(unit, part), Evaluation::Turn::unit) << "of the third map";
    baton.put_back();
    const auto taken = std::pair(one.get(), other.get());
    EXPECT_TRUE(taken == std::pair(Baton::Taken::part, Baton::Taken::yes) ||
                taken == std::pair(Baton::Taken::yes, Baton::Taken::part));
    evaluation.stop();
    source.open();
    inside.join();
  });
}

// Waits for the answer of another thread, which answers when this one sleeps.
TEST(WakeUps, AThreadThatPullsByItselfIsWokenByTheResult) {
  promptly([] {
    auto [slot, filler] = rondo::make_slot<int>(rondo::FilledBy::outside);
    const pid_t waiting = gettid();
    std::atomic<bool> begun = false;
    std::thread other([&, filler = std::move(filler)]() mutable {
      begun.wait(false);
      while (state_of(waiting) != 'S') std::this_thread::yield();
      filler.fill(3);
    });
    auto stream = [](rondo::Slot<int> awaited, std::atomic<bool>* begins) -> Stream<int> {
      *begins = true;
      begins->notify_all();
      co_yield co_await awaited;
    };
    for (int& n : rondo::sequential(stream(std::move(slot), &begun))) EXPECT_EQ(n, 3);
    other.join();
  });
}

// A share of a budget, without an evaluation.
struct Share {
  Share(rondo::CoreBudget& budget, unsigned threads_max, double priority = 1)
      : share(budget, priority, threads_max, actors, [this](unsigned n) { allotted = n; }) {}
  std::future<bool> begin() {
    return std::async(std::launch::async, [this] { return share.begin({}); });
  }
  std::atomic<unsigned> actors{100};
  std::atomic<unsigned> allotted{0};
  CoreShare share;
};

TEST(WakeUps, TheEndOfAnEvaluationGivesItsCoreToOneThatWaits) {
  promptly([] {
    const Endless endless;
    rondo::CoreBudget budget(1);
    std::optional<Share> first(std::in_place, budget, 1U);
    ASSERT_TRUE(first->share.begin({}));
    Share second(budget, 1);
    auto begun = second.begin();
    await(1);
    first.reset();
    EXPECT_TRUE(begun.get());
    EXPECT_EQ(budget.cores_in_use(), 1U);
  });
}

TEST(WakeUps, ACoreThatIsGivenBackGoesToAnEvaluationThatWaits) {
  promptly([] {
    const Endless endless;
    rondo::CoreBudget budget(2);
    Share first(budget, 2);
    ASSERT_TRUE(first.share.begin({}));
    ASSERT_TRUE(first.share.lease());
    Share second(budget, 1);
    EXPECT_EQ(first.allotted, 1U) << "asked to leave";
    auto begun = second.begin();
    await(1);
    first.share.give_back();
    EXPECT_TRUE(begun.get());
  });
}

// Whichever of the two has waited longer.
TEST(WakeUps, OfTwoThatWaitForACoreTheOneThatIsToHaveItIsWoken) {
  promptly([] {
    const Endless endless;
    for (const double priority : {0.5, 2.0}) {
      rondo::CoreBudget budget(1);
      std::optional<Share> first(std::in_place, budget, 1U, 4);
      ASSERT_TRUE(first->share.begin({}));
      std::optional<Share> one(std::in_place, budget, 1U), other(std::in_place, budget, 1U, priority);
      auto one_begun = one->begin();
      await(1);
      auto other_begun = other->begin();
      await(2);
      first.reset();
      auto& next = priority > 1 ? other : one;
      EXPECT_TRUE((priority > 1 ? other_begun : one_begun).get());
      next.reset();
      EXPECT_TRUE((priority > 1 ? one_begun : other_begun).get());
    }
  });
}

TEST(WakeUps, AnEvaluationIsToldWhenItMayHaveMoreCores) {
  rondo::CoreBudget budget(4);
  std::optional<Share> other(std::in_place, budget, 4U);
  EXPECT_EQ(other->allotted, 4U);
  Share mine(budget, 4);
  EXPECT_EQ(other->allotted, 3U) << "it came first";
  EXPECT_EQ(mine.allotted, 1U);
  other->share.limit(1);
  EXPECT_EQ(mine.allotted, 3U) << "the other one has no more threads";
  other->share.limit(4);
  EXPECT_EQ(mine.allotted, 1U);
  other->share.demand(1, 1);
  EXPECT_EQ(mine.allotted, 3U) << "the other one needs no more";
  other.reset();
  EXPECT_EQ(mine.allotted, 4U);
}

TEST(WakeUps, ANestedEvaluationIsToldThatTheOuterOneWaits) {
  rondo::CoreBudget budget(2);
  Share outer(budget, 2);
  ASSERT_TRUE(outer.share.begin({}));
  const CoreShare::OnThisThread unit(outer.share);
  Share nested(budget, 2);
  EXPECT_EQ(nested.allotted, 1U);
  outer.actors = 1;
  outer.share.waits();
  EXPECT_EQ(nested.allotted, 2U);
}

// Both threads wait for a slot when another evaluation asks for one of their cores.
TEST(WakeUps, AThreadThatWaitsForAResultGivesItsCoreToAnotherEvaluation) {
  promptly([] {
    const Endless endless;
    rondo::CoreBudget budget(2);
    auto [slot, filler] = rondo::make_slot<int>(rondo::FilledBy::outside);
    auto waits = [](rondo::Slot<int> awaited) -> Stream<int> {
      auto unit = rondo::work([] {});
      rondo::Slot<void> done = co_yield unit;
      co_await done;
      co_yield co_await awaited;
    };
    std::thread first([&, slot = std::move(slot)]() mutable {
      EXPECT_EQ(
          rondo::evaluate(waits(std::move(slot)), {.threads_max = 2, .effectiveness = 0, .budget = &budget}),
          std::vector{7});
    });
    await(2);
    EXPECT_EQ(rondo::evaluate(numbers(3), {.threads_max = 1, .budget = &budget}).size(), 3U);
    filler.fill(7);
    first.join();
  });
}

// What the only thread at work is inside of waits for the thread that rests.
TEST(WakeUps, AThreadThatRestsWithoutACoreIsInvitedWhenThereIsOne) {
  promptly([] {
    const Endless endless;
    rondo::CoreBudget budget(2);
    std::optional<Share> other(std::in_place, budget, 1U);
    ASSERT_TRUE(other->share.begin({}));
    std::atomic<int> met = 0;
    std::thread evaluation([&] {
      const auto out = rondo::evaluate(numbers(2) | rondo::map([&](int n) {
                                         met.fetch_add(1);
                                         met.notify_all();
                                         met.wait(1);
                                         return n;
                                       }),
                                       {.threads_max = 2, .effectiveness = 0, .budget = &budget});
      EXPECT_EQ(out.size(), 2U);
    });
    met.wait(0);
    await(1);
    EXPECT_EQ(met, 1);
    other.reset();
    evaluation.join();
  });
}

// In each way in which an evaluation can end.
TEST(WakeUps, AThreadThatRestsIsWokenAtTheEnd) {
  enum class End { itself, exception, stop };
  promptly([] {
    const Endless endless;
    for (const End end : {End::itself, End::exception, End::stop}) {
      rondo::CoreBudget budget(2);
      Share other(budget, 1);  // so that one of two threads has no core
      ASSERT_TRUE(other.share.begin({}));
      std::stop_source stop;
      auto stream = [&](End how) -> Stream<int> {
        auto unit = rondo::work([] {});
        rondo::Slot<void> slot = co_yield unit;
        static_cast<void>(slot);
        await(1);
        if (how == End::exception) throw std::range_error("the end");
        if (how == End::stop) stop.request_stop();
        co_yield 1;
      };
      const auto run = [&] {
        (void)rondo::evaluate(
            stream(end), {.threads_max = 2, .effectiveness = 0, .stop = stop.get_token(), .budget = &budget});
      };
      if (end == End::itself) run();
      if (end == End::exception) {
        EXPECT_THROW(run(), std::range_error);
      }
      if (end == End::stop) {
        EXPECT_THROW(run(), rondo::Stopped);
      }
    }
  });
}

// Time that only the work moves, for each thread.
thread_local std::chrono::nanoseconds virtual_time{};
std::chrono::nanoseconds virtual_clock() { return virtual_time; }

Stream<std::monostate> with_threads(unsigned threads, const Crew* const* crew) {
  while ((*crew)->at_work() < threads) {
    auto unit = rondo::work([] { virtual_time += std::chrono::milliseconds(100); });
    rondo::Slot<void> slot = co_yield unit;
    static_cast<void>(slot);
  }
}

// The rule asks for one thread, when the other one waits for the stream and this one does not put it back.
Stream<std::monostate> then_with_one(const Crew* const* crew) {
  co_yield rondo::elements_of(with_threads(2, crew));
  virtual_time += std::chrono::seconds(10);
  const auto awaited = std::make_shared<std::atomic<bool>>(false);
  auto unit = rondo::work([awaited] {
    awaited->wait(false);
    await(1);
  });
  rondo::Slot<void> slot = co_yield unit;
  *awaited = true;  // by the other thread, which finds that it has to wait
  awaited->notify_all();
  co_await slot;
  while ((*crew)->at_work() > 1) std::this_thread::yield();
  co_yield rondo::elements_of(with_threads(2, crew));
}

template <class MakeStream>
void with_the_rule(MakeStream make_stream, unsigned threads_max) {
  const Endless endless;
  const Crew* pointer = nullptr;
  Evaluation evaluation(make_stream(&pointer), Handover::unfair);
  Crew crew(evaluation, {.threads_max = threads_max, .clock = virtual_clock});
  pointer = &crew;
  crew.work();
  evaluation.conclude();
}

TEST(WakeUps, AThreadThatWaitsLeavesWhenTheRuleAsksForFewer) {
  promptly([] { with_the_rule(then_with_one, 2); });
}

TEST(WakeUps, ThreadsThatRestAreInvitedWhenTheRuleAsksForMore) {
  promptly([] {
    const auto one_then_three = [](const Crew* const* crew) -> Stream<std::monostate> {
      co_yield rondo::elements_of(with_threads(3, crew));
      while ((*crew)->at_work() > 1) {
        virtual_time += std::chrono::seconds(10);
        auto unit = rondo::work([] {});
        rondo::Slot<void> slot = co_yield unit;
        static_cast<void>(slot);
      }
      await(2);
      co_yield rondo::elements_of(with_threads(3, crew));
    };
    with_the_rule(one_then_three, 3);
  });
}

}  // namespace
