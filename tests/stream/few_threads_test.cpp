// Where the system has no thread left, an evaluation goes on with those that it has.
#include "few_threads.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <rondo/stream.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "deadline.hpp"

namespace {

using few_threads::Only;
using rondo::Stream;

Stream<int> numbers(int count) {
  for (int i = 0; i < count; ++i) co_yield int(i);
}

// To be called inside of work units: returns when so many threads are in here.
class Meeting {
 public:
  explicit Meeting(int threads) : threads_(threads) {}
  void come() {
    met_.fetch_add(1);
    met_.notify_all();
    for (int met = met_; met < threads_; met = met_) met_.wait(met);
  }

 private:
  const int threads_;
  std::atomic<int> met_{0};
};

TEST(FewThreads, AnEvaluationGoesOnWithThoseThatThereAre) {
  for (const double effectiveness : {0.0, 0.7}) {
    for (const int more : {0, 1, 3}) {
      within_deadline("few threads", [&] {
        const Only only(more);
        rondo::StreamReport report;
        const auto out =
            rondo::evaluate(numbers(10'000) | rondo::map([](int n) { return n + 1; }),
                            {.threads_max = 8, .effectiveness = effectiveness, .report = &report});
        ASSERT_EQ(out.size(), 10'000U);
        EXPECT_EQ(out.back(), 10'000);
        EXPECT_LE(report.threads_max, static_cast<unsigned>(more) + 1);
        EXPECT_LE(few_threads::refused, 20) << "is not tried for each unit";
      });
    }
  }
}

TEST(FewThreads, ThoseThatCanBeHadLaterAreStartedThen) {
  within_deadline("later", [] {
    constexpr int before = 100, between = 1000;
    std::optional<Only> only(0);
    Meeting meeting(3);
    const auto out = rondo::evaluate(numbers(before + between + 3) | rondo::map([&](int n) {
                                       if (n == before) only.reset();
                                       if (n >= before + between) meeting.come();
                                       return n;
                                     }),
                                     {.threads_max = 3, .effectiveness = 0});
    EXPECT_EQ(out.size(), static_cast<std::size_t>(before + between + 3));
  });
}

TEST(FewThreads, ThoseOfANestedEvaluationAndOfTwoAtOnce) {
  within_deadline("nested", [] {
    const Only only(1);
    const auto inner = [](int n) {
      return rondo::evaluate(numbers(n) | rondo::map([](int m) { return m; }),
                             {.threads_max = 4, .effectiveness = 0})
          .size();
    };
    const auto out = rondo::evaluate(numbers(20) | rondo::map(inner), {.threads_max = 4, .effectiveness = 0});
    ASSERT_EQ(out.size(), 20U);
    for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(out[i], i);
  });
}

// The first evaluation has no use for the cores that it asked for.
TEST(FewThreads, TheCoresOfABudgetGoToEvaluationsThatHaveThreads) {
  within_deadline("budget", [] {
    rondo::CoreBudget budget(4);
    std::atomic<int> began = 0;
    std::atomic<bool> over = false;
    std::optional<Only> only;
    std::thread first([&] {
      only.emplace(0);
      (void)rondo::evaluate(numbers(2) | rondo::map([&](int n) {
                              began = n + 1;
                              began.notify_all();
                              if (n == 1) over.wait(false);
                              return n;
                            }),
                            {.threads_max = 4, .effectiveness = 0, .budget = &budget});
    });
    for (int n = began; n < 2; n = began) began.wait(n);
    only.reset();
    Meeting meeting(3);
    const auto out = rondo::evaluate(numbers(3) | rondo::map([&](int n) {
                                       meeting.come();
                                       return n;
                                     }),
                                     {.threads_max = 3, .effectiveness = 0, .budget = &budget});
    EXPECT_EQ(out.size(), 3U);
    over = true;
    over.notify_all();
    first.join();
    EXPECT_EQ(budget.cores_in_use(), 0U);
  });
}

TEST(FewThreads, AThreadOfRondosOwnSaysWhatItWasFor) {
  const Only only(0);
  try {
    const rondo::streaming::OwnThread thread("a test", [] {});
    FAIL() << "there was one";
  } catch (const rondo::ThreadError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("a test"), std::string::npos) << text;
    EXPECT_NE(text.find("Resource temporarily unavailable"), std::string::npos) << text;
  }
}

std::chrono::nanoseconds throws_on_other_threads() {
  static const std::thread::id first = std::this_thread::get_id();
  if (std::this_thread::get_id() != first) throw std::range_error("no time");
  return std::chrono::steady_clock::now().time_since_epoch();
}

// What is thrown neither by a stage nor by a unit nor by the sink ends the evaluation, too, and not the program.
TEST(FewThreads, WhatAThreadThrowsByItselfIsThrownToTheCaller) {
  within_deadline("throws", [] {
    (void)throws_on_other_threads();
    auto endless = []() -> Stream<int> {
      for (;;) co_yield 1;
    };
    EXPECT_THROW(rondo::for_each(endless() | rondo::map([](int n) { return n; }), [](int) {},
                                 {.threads_max = 3, .effectiveness = 0, .clock = throws_on_other_threads}),
                 std::range_error);
  });
}

}  // namespace
