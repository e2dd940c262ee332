// Tasks on rank 0: what each worker gets, and when.
#include <gtest/gtest.h>

#include <algorithm>
#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <rondo/error.hpp>

#include "engine/master/task_server.hpp"
#include "rank_zero.hpp"

namespace rondo::engine {
namespace {

class TaskServerTest : public testing::Test {
 protected:
  // Posts so many tasks, of keys from 0 on.
  void post(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t key = posted_++;
      server_.post({key, Buffer(), [this, key](Bytes) { done_.push_back(key); },
                    [this](std::exception_ptr) { ++failed_; }});
    }
  }
  // Takes in what was sent to the workers since the last call.
  void collect() {
    for (const QuietTransport::Sent& each : zero_.transport.take_sent()) {
      if (kind_of(each.message) == Kind::kCancelTasks) is_cancelled_ = true;
      if (kind_of(each.message) != Kind::kTasks) continue;
      for (const auto& task : from_bytes<messages::Tasks>(each.message).tasks)
        at_[static_cast<std::size_t>(value(each.to))].push_back(task.number);
    }
  }
  // A worker has ended all that it has.
  void end(std::size_t rank, double seconds, messages::TaskStatus status = messages::TaskStatus::kDone) {
    Buffer out = to_bytes(messages::TasksDone());
    for (const std::uint64_t number : std::exchange(at_[rank], {}))
      append(out, messages::TasksDone::Item{number, seconds, status, Block(Bytes())});
    server_.take(Rank{static_cast<std::int32_t>(rank)}, from_bytes<messages::TasksDone>(out));
  }
  void end_all(double seconds, messages::TaskStatus status = messages::TaskStatus::kDone) {
    for (std::size_t rank = 1; rank <= 4; ++rank) end(rank, seconds, status);
  }
  [[nodiscard]] std::vector<std::size_t> loads() const {
    std::vector<std::size_t> all;
    for (std::size_t rank = 1; rank <= 4; ++rank) all.push_back(at_[rank].size());
    return all;
  }
  // Serves. Each turn of the loop does one of these steps; after the last one the program wants no more, and the workers drop what
  // they have.
  void serve(const std::vector<std::function<void()>>& steps) {
    std::size_t turn = 0;
    zero_.loop.wait = [&] {
      collect();
      if (turn < steps.size()) return steps[turn++]();
      ++turn;
      if (is_cancelled_) end_all(0, messages::TaskStatus::kDropped);
    };
    server_.serve([&] { return turn > steps.size(); });
  }

  RankZero zero_;
  TaskServer server_{zero_.peers, zero_.loop, zero_.ensemble, zero_.transport, true};
  std::uint64_t posted_ = 0;
  std::vector<std::uint64_t> done_;
  int failed_ = 0;
  std::vector<std::vector<std::uint64_t>> at_ =
      std::vector<std::vector<std::uint64_t>>(5);  // numbers of tasks, by rank
  bool is_cancelled_ = false;
};

using Loads = std::vector<std::size_t>;

TEST_F(TaskServerTest, ATaskIsTakenWhileItServesAndNotElse) {
  EXPECT_THROW(post(1), InputError);
  serve({[&] { EXPECT_NO_THROW(post(1)); }});
  EXPECT_EQ(zero_.transport.wakes, 1) << "rank 0 sleeps until something is posted";
  EXPECT_THROW(post(1), InputError);
}

TEST_F(TaskServerTest, LongTasksAreHandedOutOneByOne) {
  serve({[&] { post(100); },
         [&] {
           EXPECT_EQ(loads(), (Loads{2, 2, 2, 2})) << "the one that runs and the next";
           end_all(1.0);
         },
         [&] {
           EXPECT_EQ(loads(), (Loads{2, 2, 2, 2}));
           end(3, 1.0);
         },
         [&] {
           EXPECT_EQ(loads(), (Loads{2, 2, 2, 2})) << "rank 3 gets the next ones";
         }});
  EXPECT_EQ(done_.size(), 10U);
}

TEST_F(TaskServerTest, ShortTasksAreHandedOutInBatchesOfAMillisecond) {
  serve({[&] { post(10'000); }, [&] { end_all(10e-6); },
         [&] {
           EXPECT_EQ(loads(), (Loads{200, 200, 200, 200})) << "two batches of 100";
         }});
}

TEST_F(TaskServerTest, ABatchHasALimitHoweverShortTheTasksAre) {
  serve({[&] { post(10'000); }, [&] { end_all(1e-9); },
         [&] {
           EXPECT_EQ(loads(), (Loads{512, 512, 512, 512}));
         }});
}

TEST_F(TaskServerTest, AFewTasksAreForEverybody) {
  serve({[&] { post(8); },
         [&] {
           end_all(1e-6);  // batches are big from now on
           post(8);
         },
         [&] {
           EXPECT_EQ(loads(), (Loads{2, 2, 2, 2}));
         }});
}

TEST_F(TaskServerTest, TasksOfALostWorkerGoToTheOthersAndEndOnce) {
  serve({[&] { post(8); },
         [&] {
           EXPECT_EQ(loads(), (Loads{2, 2, 2, 2}));
           zero_.workers.lost[3] = true;
           at_[4].clear();
           server_.resume();
         },
         [&] {
           EXPECT_EQ(at_[1].size() + at_[2].size() + at_[3].size(), 8U);
           for (std::size_t rank = 1; rank <= 3; ++rank) end(rank, 1.0);
         }});
  std::sort(done_.begin(), done_.end());
  EXPECT_EQ(done_, (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(TaskServerTest, CancelledTasksOfALostWorkerAreNotWaitedFor) {
  bool was_cancelled = false;
  zero_.loop.wait = [&] {
    collect();
    if (!is_cancelled_) return;
    was_cancelled = true;
    for (std::size_t rank = 1; rank <= 3; ++rank) end(rank, 0, messages::TaskStatus::kDropped);
    zero_.workers.lost[3] = true;
    server_.resume();
  };
  int asked = 0;
  server_.serve([&] {
    if (asked++ == 0) post(8);
    return asked > 2;
  });
  EXPECT_TRUE(was_cancelled);
  EXPECT_TRUE(done_.empty());
}

TEST_F(TaskServerTest, AFailureGoesToItsTask) {
  serve({[&] { post(1); }, [&] { end_all(1.0, messages::TaskStatus::kFailed); }});
  EXPECT_EQ(failed_, 1);
  EXPECT_TRUE(done_.empty());
}

}  // namespace
}  // namespace rondo::engine
