// Streams whose work is done on ranks: the same values wherever it runs, bounded, and an end in every case.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <rondo/ranks.hpp>

#include "command_line.hpp"

namespace rondo::test {
namespace {

// The number of steps of the Collatz sequence, in words: work that differs from item to item.
class Steps : public Update<Nothing, std::uint64_t, std::string> {
 public:
  std::string update(Nothing&, const std::uint64_t& input, const Call& call) override {
    if (input == 666) throw std::runtime_error("not this one");
    unsigned steps = 0;
    for (std::uint64_t n = input; n > 1; n = n % 2 == 0 ? n / 2 : 3 * n + 1) ++steps;
    return std::to_string(input) + " takes " + std::to_string(steps) + " by " +
           std::to_string(call.random()());
  }
};

Stream<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to,
                              std::atomic<std::uint64_t>* pulled = nullptr) {
  for (std::uint64_t n = from; n < to; ++n) {
    if (pulled != nullptr) ++*pulled;
    co_yield n;
  }
}

std::vector<std::string> expected(std::uint64_t from, std::uint64_t to, std::uint64_t task,
                                  std::uint64_t round) {
  Steps steps;
  Nothing nothing;
  std::vector<std::string> texts;
  for (std::uint64_t n = from; n < to; ++n)
    texts.push_back(steps.update(nothing, n, Steps::Call(StateId{task++}, round, nothing, 7)));
  return texts;
}

TEST(StreamOnRanks, GivesTheOutputsInTheOrderOfTheItems) {
  CommandLine line({"--rondo-workers=3", "--rondo-seed=7"});
  EXPECT_EQ(0, run<Steps>(line.argc, line.argv(), [](Master<Steps>& master) {
              EXPECT_EQ(evaluate_on(master, numbers(1, 500) | on_ranks(master)), expected(1, 500, 0, 0));
              std::uint64_t round = 0;
              for (const std::size_t slots : {1, 2, 100})
                EXPECT_EQ(evaluate_on(master, numbers(1, 100) | on_ranks(master, slots), {.threads_max = 3}),
                          expected(1, 100, 0, ++round));
              EXPECT_TRUE(evaluate_on(master, numbers(1, 1) | on_ranks(master)).empty());
            }));
}

// Items are numbered by themselves in each stage, so it does not matter how far ahead others were handed out.
TEST(StreamOnRanks, DrawsTheSameRandomNumbersWhateverWasHandedOutBefore) {
  for (const char* workers : {"--rondo-workers=1", "--rondo-workers=3"}) {
    CommandLine line({workers, "--rondo-seed=7"});
    EXPECT_EQ(0, run<Steps>(line.argc, line.argv(), [](Master<Steps>& master) {
                EXPECT_EQ(evaluate_on(master, numbers(1, 500) | on_ranks(master) | take(10)),
                          expected(1, 11, 0, 0));
                EXPECT_EQ(evaluate_on(master, numbers(1, 50) | on_ranks(master)), expected(1, 50, 0, 1));
                const auto digit = [](const std::string& text) {
                  return std::uint64_t{static_cast<unsigned char>(text[0])};
                };
                auto twice = evaluate_on(
                    master, numbers(40, 50) | on_ranks(master) | chunks(3) | map(digit) | on_ranks(master));
                const std::vector<std::string> once = expected('4', '4' + 1, std::uint64_t{1} << 40, 2);
                ASSERT_EQ(twice.size(), 10U);
                EXPECT_EQ(twice.front(), once.front());
              }));
  }
}

TEST(StreamOnRanks, StandsBetweenOtherStages) {
  CommandLine line({"--rondo-workers=2"});
  EXPECT_EQ(0, run<Steps>(line.argc, line.argv(), [](Master<Steps>& master) {
              auto lengths = evaluate_on(
                  master,
                  numbers(1, 300) | chunks(10) | filter([](std::uint64_t n) { return n % 3 == 0; }) |
                      on_ranks(master, 5) | map([](const std::string& text) { return text.find(' '); }),
                  {.threads_max = 2});
              ASSERT_EQ(lengths.size(), 99U);
              EXPECT_EQ(lengths.front(), 1U);
              EXPECT_EQ(lengths.back(), 3U);
            }));
}

TEST(StreamOnRanks, PullsTheSourceOnlyAsResultsArePassedOn) {
  CommandLine line({"--rondo-workers=2"});
  EXPECT_EQ(0, run<Steps>(line.argc, line.argv(), [](Master<Steps>& master) {
              std::atomic<std::uint64_t> pulled = 0;
              std::uint64_t passed = 0;
              for_each_on(master, numbers(1, 400, &pulled) | on_ranks(master, 8), [&](std::string&&) {
                ++passed;
                EXPECT_LE(pulled.load(), passed + 8);
              });
              EXPECT_EQ(passed, 399U);
            }));
}

TEST(StreamOnRanks, AnUpdateThatThrowsEndsTheEvaluationAndTheMasterStaysUsable) {
  CommandLine line({"--rondo-workers=3"});
  EXPECT_EQ(0, run<Steps>(line.argc, line.argv(), [](Master<Steps>& master) {
              try {
                (void)evaluate_on(master, numbers(600, 10'000) | on_ranks(master, 50));
                ADD_FAILURE() << "no exception";
              } catch (const UpdateError& error) {
                EXPECT_NE(std::string(error.what()).find("not this one"), std::string::npos) << error.what();
                ASSERT_EQ(error.failures().size(), 1U);
                EXPECT_EQ(value(error.failures()[0].state), 66U);
              }
              EXPECT_EQ(evaluate_on(master, numbers(1, 50) | on_ranks(master)).size(), 49U);
              master.reset(std::vector<Nothing>(5));
              EXPECT_EQ(master.update(6)[3].substr(0, 9), "6 takes 8");
            }));
}

// Whatever it throws.
class Throws : public Update<Nothing, int, int> {
 public:
  int update(Nothing&, const int& input, const Call&) override {
    if (input == 7) throw 5;
    return input;
  }
};

Stream<int> up_to(int last) {
  for (int i = 1; i <= last; ++i) co_yield i;
}

TEST(StreamOnRanks, AnUpdateThatThrowsNoStdExceptionFailsToo) {
  CommandLine line({"--rondo-workers=3"});
  EXPECT_EQ(0, run<Throws>(line.argc, line.argv(), [](Master<Throws>& master) {
              EXPECT_THROW((void)evaluate_on(master, up_to(20) | on_ranks(master)), UpdateError);
              EXPECT_EQ(evaluate_on(master, up_to(6) | on_ranks(master)).size(), 6U);
            }));
}

TEST(StreamOnRanks, RefusesTheMasterInsideAndTasksOutside) {
  CommandLine line({"--rondo-workers=2"});
  EXPECT_EQ(0, run<Steps>(line.argc, line.argv(), [](Master<Steps>& master) {
              EXPECT_THROW((void)evaluate(numbers(1, 5) | on_ranks(master)), InputError);
              EXPECT_EQ(evaluate_on(master, numbers(1, 5) | on_ranks(master)).size(), 4U);
            }));
}

// A client that sends no request before it has the answer to the one before. The source is inside of a call until then.
struct Conversation {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t asked = 0, answered = 0;
  static constexpr std::uint64_t all = 20;

  Stream<std::uint64_t> requests() {
    for (std::uint64_t n = 1; n <= all; ++n) {
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return asked == n; });
      }
      co_yield std::uint64_t(n);
    }
  }
  void answer() {
    const std::scoped_lock lock(mutex);
    ++answered;
    changed.notify_all();
  }
  void ask() {
    for (std::uint64_t n = 1; n <= all; ++n) {
      std::unique_lock lock(mutex);
      asked = n;
      changed.notify_all();
      changed.wait(lock, [&] { return answered == n; });
    }
  }
};

TEST(StreamOnRanks, AnAnswerDoesNotWaitForTheNextRequest) {
  CommandLine line({"--rondo-workers=2"});
  EXPECT_EQ(0, run<Steps>(line.argc, line.argv(), [](Master<Steps>& master) {
              for (const unsigned threads : {1U, 2U}) {
                Conversation conversation;
                std::thread client([&] { conversation.ask(); });
                for_each_on(master, conversation.requests() | on_ranks(master),
                            [&](std::string&&) { conversation.answer(); }, {.threads_max = threads});
                client.join();
                EXPECT_EQ(conversation.answered, Conversation::all);
              }
            }));
}

// A walk whose steps come as a stream.
class Walk : public Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override { return state += input; }
};

Stream<double> halves(int count) {
  double step = 1;
  for (int i = 0; i < count; ++i) {
    step /= 2;
    co_yield step;
  }
}

TEST(StreamOnRanks, FeedsEvolve) {
  CommandLine line({"--rondo-workers=3"});
  EXPECT_EQ(0, run<Walk>(line.argc, line.argv(), [](Master<Walk>& master) {
              master.reset({0, 10, 20});
              std::vector<std::vector<double>> seen;
              master.evolve(halves(3), [&](std::size_t, std::span<const double> outputs) {
                seen.emplace_back(outputs.begin(), outputs.end());
              });
              EXPECT_EQ(seen, (std::vector<std::vector<double>>{
                                  {.5, 10.5, 20.5}, {.75, 10.75, 20.75}, {.875, 10.875, 20.875}}));
            }));
}

}  // namespace
}  // namespace rondo::test
