// Results do not wait for the source, nor for any other code of the user's that takes long. Where a test has real threads, what
// has to happen is waited for by the work itself, and a hang is ended by a deadline.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <condition_variable>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "deadline.hpp"
#include "random_pipelines.hpp"

namespace {

using by_hand::Job;
using by_hand::Meanwhile;
using by_hand::note_what_is_thrown;
using by_hand::Outcome;
using rondo::Slot;
using rondo::Stream;

template <class Drive>
Outcome outcome_of(std::uint64_t seed, std::uint64_t kinds, Drive drive) {
  Job job(seed, kinds);
  note_what_is_thrown(job.outcome, [&] { drive(job); });
  return job.outcome;
}

auto on(unsigned threads) {
  return [threads](Job& job) {
    rondo::for_each(std::move(job.stream), std::ref(job), {.threads_max = threads, .effectiveness = 0});
  };
}

// Virtual threads move while code of the user's runs on another one.
TEST(TakenOver, TheOutcomeIsTheSameWhereverCodeOfTheUsersTakesLong) {
  std::size_t taken_over = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    // Without the last kind: a loop blocks the real thread, while it waits for virtual ones.
    const Outcome alone = outcome_of(seed, 19, on(1));
    for (unsigned threads = 2; threads <= 8; ++threads) {
      const auto by_hand_on = [&](Job& job) {
        taken_over +=
            by_hand::by_hand_on(threads, seed + threads, std::move(job.stream), job, Meanwhile::others_move);
      };
      ASSERT_EQ(outcome_of(seed, 19, by_hand_on), alone) << threads << " threads";
    }
    if (seed % 5 == 0) {
      ASSERT_EQ(outcome_of(seed, 20, on(3)), outcome_of(seed, 20, on(1)));
    }
  }
  EXPECT_GT(taken_over, 1000U);
}

// A client that sends requests, and sends no more before it has the answers to those.
class Conversation {
 public:
  // The source: is inside of a call that does not return before there is a request, or none any more.
  Stream<int> requests() {
    while (const std::optional<int> request = next_request()) co_yield int(*request);
  }
  // Another one: gives the stream back, and waits for a slot.
  Stream<int> awaited_requests() {
    for (;;) {
      Slot<std::optional<int>> slot = request();
      const std::optional<int> next = co_await slot;
      if (!next) co_return;
      co_yield int(*next);
    }
  }
  // The sink.
  void answer(int n) {
    {
      const std::scoped_lock lock(mutex_);
      answers_.push_back(n);
    }
    changed_.notify_all();
  }
  // The client.
  void talk(int turns, int at_once) {
    for (int i = 0; i < turns; ++i) {
      std::unique_lock lock(mutex_);
      for (int k = 0; k < at_once; ++k) open_.push_back(i * at_once + k);
      hand_out(lock);
      changed_.wait(lock, [&] { return std::ssize(answers_) == (i + 1) * at_once; });
    }
    std::unique_lock lock(mutex_);
    over_ = true;
    hand_out(lock);
  }
  const std::vector<int>& answers() const { return answers_; }

 private:
  std::optional<int> next_request() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return over_ || !open_.empty(); });
    return take_request();
  }
  std::optional<int> take_request() {
    if (open_.empty()) return std::nullopt;
    const int request = open_.front();
    open_.pop_front();
    return request;
  }
  Slot<std::optional<int>> request() {
    auto pair = rondo::make_slot<std::optional<int>>(rondo::FilledBy::outside, "the next request");
    std::unique_lock lock(mutex_);
    asked_.emplace(std::move(pair.filler));
    hand_out(lock);
    return std::move(pair.slot);
  }
  void hand_out(std::unique_lock<std::mutex>& lock) {
    changed_.notify_all();
    if (!asked_ || (!over_ && open_.empty())) return;
    auto filler = std::move(*asked_);
    asked_.reset();
    const std::optional<int> next = take_request();
    lock.unlock();
    filler.fill(next);
    lock.lock();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<int> open_;
  std::vector<int> answers_;
  std::optional<rondo::Filler<std::optional<int>>> asked_;
  bool over_ = false;
};

int twice(int n) { return 2 * n; }

// Whether each answer comes before the next request, if `build` makes a pipeline of a source that gives twice each item.
template <class Build>
void expect_answers(const std::string& what, Build build, std::vector<unsigned> threads = {1, 2, 3, 8},
                    Stream<int> (Conversation::*source)() = &Conversation::requests) {
  for (const unsigned count : threads) {
    for (const bool always_all : {true, false}) {
      for (const auto handover : {rondo::Handover::unfair, rondo::Handover::fair}) {
        const int at_once = always_all ? 1 : 3;
        Conversation conversation;
        within_deadline(what + ", " + std::to_string(count) + " threads", [&] {
          std::thread client([&] { conversation.talk(30, at_once); });
          rondo::for_each(
              build((conversation.*source)()), [&](int n) { conversation.answer(n); },
              {.threads_max = count, .effectiveness = always_all ? 0.0 : 0.7, .handover = handover});
          client.join();
        });
        std::vector<int> wanted(static_cast<std::size_t>(30 * at_once));
        for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = 2 * static_cast<int>(i);
        EXPECT_EQ(conversation.answers(), wanted) << what;
      }
    }
  }
}

Stream<int> passes_on(Stream<int> in) {
  while (int* n = co_await in.next()) co_yield *n;
}

TEST(Sources, AnAnswerDoesNotWaitForTheNextRequest) {
  using rondo::map, rondo::sequentialize;
  const auto same = [](int n) { return n; };
  expect_answers("map", [](auto in) { return std::move(in) | map(twice); });
  expect_answers("chunks of one", [](auto in) { return std::move(in) | rondo::chunks(1) | map(twice); });
  expect_answers("no map", [](auto in) {
    return std::move(in) | [](Stream<int> all) -> Stream<int> {
      while (int* n = co_await all.next()) co_yield twice(*n);
    };
  });
  expect_answers("slots", [](auto in) { return std::move(in) | map(twice) | sequentialize(2); });
  expect_answers("two maps", [&](auto in) {
    return std::move(in) | map(twice) | sequentialize(5) | map(same) | sequentialize(3);
  });
  expect_answers("a coroutine between three", [&](auto in) {
    return std::move(in) | map(twice) | sequentialize(5) | passes_on | map(same) | sequentialize(3) |
           passes_on | map(same);
  });
  expect_answers("items that pass by", [&](auto in) {
    const auto first = [](int a, int) { return a; };
    return std::move(in) | map(twice) | sequentialize(2) | rondo::chunks(1) |
           rondo::when([](int n) { return n < 0; }, rondo::group_by(same, first));
  });
  expect_answers("a stage of a user", [](auto in) {
    return by_hand::ahead_of_results(std::move(in), by_hand::Rest::ahead, {}) | map(twice);
  });
}

// The program that asks with a line, and waits for a line.
TEST(Sources, AnAnswerDoesNotWaitForTheNextLine) {
  for (const unsigned threads : {1U, 2U, 8U}) {
    int to_program[2], to_client[2];
    ASSERT_EQ(pipe2(to_program, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(to_client, O_CLOEXEC), 0);
    const auto path = [](int descriptor) { return "/dev/fd/" + std::to_string(descriptor); };
    std::string answers;
    within_deadline("lines", [&] {
      std::thread client([&] {
        std::ifstream in(path(to_client[0]));
        for (int i = 0; i < 20; ++i) {
          const std::string request = "request " + std::to_string(i) + "\n";
          ASSERT_EQ(write(to_program[1], request.data(), request.size()), std::ssize(request));
          std::string answer;
          std::getline(in, answer);
          answers += answer + ";";
        }
        close(to_program[1]);
      });
      {
        std::ifstream in(path(to_program[0]));
        std::ofstream out(path(to_client[1]));
        auto lines = [](std::istream* from) -> Stream<std::string> {
          for (std::string line; std::getline(*from, line);) co_yield std::move(line);
        };
        // the program has no end of its own of the client's pipe
        close(to_client[1]);
        const auto length = [](const std::string& line) { return line.size(); };
        rondo::for_each(lines(&in) | rondo::map(length), [&](std::size_t n) { out << n << std::endl; },
                        {.threads_max = threads, .effectiveness = 0});
      }
      client.join();
    });
    close(to_program[0]);
    close(to_client[0]);
    EXPECT_EQ(answers, "9;9;9;9;9;9;9;9;9;9;10;10;10;10;10;10;10;10;10;10;");
  }
}

// Answers to requests, from a thread that is no thread of the evaluation.
class Server {
 public:
  Server() : thread_([this] { serve(); }) {}
  ~Server() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Slot<int> ask(int n) {
    auto pair = rondo::make_slot<int>(rondo::FilledBy::outside, "an answer from outside");
    {
      const std::scoped_lock lock(mutex_);
      open_.emplace_back(n, std::move(pair.filler));
    }
    changed_.notify_all();
    return std::move(pair.slot);
  }

 private:
  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return over_ || !open_.empty(); });
      if (open_.empty()) return;
      auto [n, filler] = std::move(open_.front());
      open_.pop_front();
      lock.unlock();
      filler.fill(2 * n);
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<int, rondo::Filler<int>>> open_;
  bool over_ = false;
  std::thread thread_;
};

// What a stage on other machines does.
Stream<int> answered_by(Server* server, Stream<int> in) {
  std::deque<Slot<int>> open;
  std::exception_ptr error;
  for (bool more = true; more || !open.empty();) {
    if (more && (open.empty() || (open.size() < 4 && !open.front().ready()))) {
      bool held_up = false;
      auto next = open.empty() ? in.next(error) : in.next(error, held_up, open.front());
      const int* n = co_await next;
      more = n != nullptr || held_up;
      if (n != nullptr) open.push_back(server->ask(*n));
      continue;
    }
    co_yield co_await open.front();
    open.pop_front();
  }
  if (error) std::rethrow_exception(error);
}

TEST(Sources, AResultFromOutsideDoesNotWaitForTheSource) {
  Server server;
  expect_answers("outside", [&](auto in) { return answered_by(&server, std::move(in)); });
  expect_answers("outside and inside", [&](auto in) {
    const auto same = [](int n) { return n; };
    return answered_by(&server, std::move(in) | rondo::map(same) | rondo::sequentialize(2)) |
           rondo::map(same);
  });
}

TEST(Sources, AnAnswerDoesNotWaitForASourceThatAwaitsASlot) {
  expect_answers(
      "a slot", [](auto in) { return std::move(in) | rondo::map(twice); }, {1, 2, 3, 8},
      &Conversation::awaited_requests);
  expect_answers(
      "a slot, two maps",
      [](auto in) {
        return std::move(in) | rondo::map(twice) | rondo::sequentialize(5) |
               rondo::map([](int n) { return n; });
      },
      {1, 2, 3, 8}, &Conversation::awaited_requests);
  Server server;
  expect_answers(
      "a slot, outside", [&](auto in) { return answered_by(&server, std::move(in)); }, {1, 2, 3, 8},
      &Conversation::awaited_requests);
}

// What a stop request waits for: the call that the source is in, and what other threads are in the middle of.
TEST(Sources, AStopRequestIsHeededWithinASourceThatWatchesForIt) {
  for (const unsigned threads : {1U, 2U, 3U}) {
    std::stop_source stop;
    std::mutex mutex;
    std::condition_variable_any never;
    int given = 0;
    auto source = [&](std::stop_token token) -> Stream<int> {
      for (int i = 0; i < 5; ++i) co_yield int(i);
      {  // not held where another thread may go on
        std::unique_lock lock(mutex);
        never.wait(lock, token, [] { return false; });
      }
      co_yield 5;
    };
    within_deadline("stop", [&] {
      const auto sink = [&](int) {
        if (++given == 5) stop.request_stop();
      };
      EXPECT_THROW(rondo::for_each(source(stop.get_token()) | rondo::map(twice), sink,
                                   {.threads_max = threads, .effectiveness = 0, .stop = stop.get_token()}),
                   rondo::Stopped);
    });
    EXPECT_EQ(given, 5) << "and what is yielded after that goes nowhere";
  }
}

// What is behind it may be gone when the source comes out of a call.
TEST(Sources, WhatIsPulledMayOutliveTheStageThatPulledIt) {
  for (const unsigned threads : {2U, 3U}) {
    std::atomic<bool> given = false;
    auto source = [&](std::shared_ptr<int> alive) -> Stream<int> {
      co_yield int(*alive);
      given.wait(false);
      co_yield int(*alive + 1);
    };
    auto first_then_more = [](Stream<int> in) -> Stream<int> {
      {
        auto first = std::move(in) | rondo::map(twice) | rondo::take(1);
        while (int* n = co_await first.next()) co_yield *n;
      }
      co_yield 100;
    };
    const auto alive = std::make_shared<int>(7);
    std::vector<int> out;
    within_deadline("take", [&] {
      rondo::for_each(first_then_more(source(alive)),
                      [&](int n) {
                        out.push_back(n);
                        if (n != 100) return;
                        given = true;
                        given.notify_all();
                      },
                      {.threads_max = threads, .effectiveness = 0});
    });
    EXPECT_EQ(out, (std::vector{14, 100}));
    EXPECT_EQ(alive.use_count(), 1);
  }
}

}  // namespace
