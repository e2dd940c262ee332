// What the master keeps below a limit: bytes of states per worker, inputs that wait at one, messages that have not left, the length of
// a message, rounds that are open. Workers are played by the test, so that each number can be seen.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "played_workers.hpp"

namespace rondo::engine {
namespace {

class Grow : public Update<std::vector<double>, std::string, double> {
 public:
  double update(std::vector<double>& state, const std::string&, const Call&) override {
    return state.front();
  }
};

Buffer packed_output() {
  Buffer output;
  pack(1.0, output);
  return output;
}

class MasterLimits : public testing::Test {
 protected:
  // An assignment that the master has sent: the states' slots, in order.
  struct Assigned {
    messages::CallHeader call{};
    std::vector<scheduler::Job> jobs;
    std::size_t input_bytes = 0;
    std::size_t message_bytes = 0;
  };
  static Assigned read_assignment(Bytes sent) {
    const auto assign = from_bytes<messages::Assign>(sent);
    Assigned assigned{assign.call, assign.jobs, 0, sent.size()};
    std::size_t inputs = 0;
    for (const Block& input : assign.own_inputs) {
      assigned.input_bytes += input.bytes().size();
      ++inputs;
    }
    EXPECT_EQ(inputs, assign.call.own_inputs ? assign.jobs.size() : 0);
    return assigned;
  }
  static std::vector<scheduler::Done> done(std::span<const scheduler::Job> jobs, float seconds) {
    std::vector<scheduler::Done> all;
    for (const scheduler::Job& job : jobs) all.push_back({job.slot, job.round, seconds, job.hop});
    return all;
  }

  const detail::Program program_ = detail::make_program<Grow>([] { return Grow(); });
  const Buffer output_ = packed_output();
};

// Five states each; one worker is done at once, and asks for more. So much memory it has left.
TEST_F(MasterLimits, AThiefGetsNoMoreThanTheMemoryThatItsOwnStatesLeave) {
  constexpr std::size_t kDoubles = 1000;
  PlayedWorkers workers(2, program_);
  Options options;
  options.memory = 7.5 * kDoubles * sizeof(double);
  std::map<Rank, Assigned> assigned;
  std::vector<double> appetites;
  workers.hears = [&](Rank to, Bytes sent) {
    const Kind kind = kind_of(sent);
    if (kind == Kind::kAssign) {
      assigned[to] = read_assignment(sent);
      const std::vector<scheduler::Done> all = done(assigned[to].jobs, 1);
      if (to == Rank{1}) workers.report(to, assigned[to].call.epoch, all, output_, true);
    }
    if (kind != Kind::kGive) return;
    const auto give = from_bytes<messages::Give>(sent);
    EXPECT_EQ(to, Rank{2});
    EXPECT_EQ(give.thief, Rank{1});
    appetites.push_back(give.request.bytes_max);
    workers.say(to, to_bytes(messages::Gave{give.epoch, give.thief, 0, 0, 0, {}}));
    workers.report(to, give.epoch, done(assigned[to].jobs, 1), output_, false);
  };
  const int status = run_played<Grow>(workers, program_, options, [&](Master<Grow>& master) {
    master.reset(std::vector<std::vector<double>>(10, std::vector<double>(kDoubles)));
    (void)master.update("");
  });
  EXPECT_EQ(status, 0);
  ASSERT_EQ(appetites.size(), 1U);
  EXPECT_GT(appetites.front(), 2.4 * kDoubles * sizeof(double));
  EXPECT_LT(appetites.front(), 2.5 * kDoubles * sizeof(double));
}

// Inputs of 1 kB, of which 10 may wait; workers that are done with some of them say so.
void expect_inputs_to_wait(const std::vector<std::size_t>& sizes, float seconds, std::size_t limit) {
  const detail::Program program = detail::make_program<Grow>([] { return Grow(); });
  PlayedWorkers workers(2, program);
  Options options;
  options.input_memory = limit;
  struct Waiting {
    std::uint64_t epoch = 0;
    std::deque<std::pair<scheduler::Job, std::size_t>> jobs;
    std::size_t bytes = 0;
  };
  std::map<Rank, Waiting> waiting;
  std::size_t most = 0;
  std::size_t updates = 0;
  workers.hears = [&](Rank to, Bytes sent) {
    const Kind kind = kind_of(sent);
    if (kind == Kind::kGive) {  // none
      const auto give = from_bytes<messages::Give>(sent);
      return workers.say(to, to_bytes(messages::Gave{give.epoch, give.thief, 1, 0, 0, {}}));
    }
    if (kind != Kind::kAssign) return;
    const auto assign = from_bytes<messages::Assign>(sent);
    Waiting& its = waiting[to];
    its.epoch = assign.call.epoch;
    auto input = assign.own_inputs.begin();
    for (const scheduler::Job& job : assign.jobs) {
      its.jobs.push_back({job, input->bytes().size()});
      its.bytes += input->bytes().size();
      ++input;
    }
    most = std::max(most, its.bytes);
  };
  const Buffer output = packed_output();
  workers.waits = [&] {
    for (auto& [rank, its] : waiting) {
      if (its.jobs.empty()) continue;
      const auto [job, bytes] = its.jobs.front();
      its.jobs.pop_front();
      its.bytes -= bytes;
      ++updates;
      workers.time += transport::Seconds(seconds);
      const std::vector<scheduler::Done> one{{job.slot, job.round, seconds, job.hop}};
      workers.report(rank, its.epoch, one, output, its.jobs.empty());
    }
  };
  const int status = run_played<Grow>(workers, program, options, [&](Master<Grow>& master) {
    master.reset(std::vector<std::vector<double>>(sizes.size(), std::vector<double>(1)));
    std::vector<std::string> inputs;
    for (const std::size_t size : sizes) inputs.emplace_back(size, 'x');
    for (int round = 0; round < 3; ++round) {
      if (round > 0) most = 0;  // how big they are is known from the first one on
      (void)master.update(inputs);
    }
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(updates, 3 * sizes.size());
  EXPECT_LE(most, limit);
  EXPECT_GT(most, limit / 3);  // and as many as may
}

TEST_F(MasterLimits, NoMoreInputsWaitAtAWorkerThanTheirMemoryHolds) {
  expect_inputs_to_wait(std::vector<std::size_t>(60, 1000), 1.0F, 10'300);
}

TEST_F(MasterLimits, NorDoInputsOfUpdatesThatTakeNoTime) {
  expect_inputs_to_wait(std::vector<std::size_t>(60, 1000), 1e-7F, 10'300);
}

TEST_F(MasterLimits, NorDoInputsAfterASmallOne) {
  std::vector<std::size_t> sizes(60, 1000);
  sizes.front() = 1;
  expect_inputs_to_wait(sizes, 1e-7F, 10'300);
}

TEST_F(MasterLimits, AnAssignmentOfManyStatesGoesInShortMessages) {
  PlayedWorkers workers(1, program_);
  constexpr std::size_t kStates = 30'000;
  std::vector<scheduler::Slot> slots;
  std::size_t longest = 0;
  bool ended = false;
  workers.hears = [&](Rank to, Bytes sent) {
    if (kind_of(sent) != Kind::kAssign) return;
    const Assigned assigned = read_assignment(sent);
    EXPECT_FALSE(ended);
    EXPECT_EQ(assigned.call.input_included, slots.empty());
    ended = !assigned.call.more_follow;
    longest = std::max(longest, assigned.message_bytes);
    for (const scheduler::Job& job : assigned.jobs) slots.push_back(job.slot);
    workers.report(to, assigned.call.epoch, done(assigned.jobs, 1e-6F), output_, false);
  };
  const int status = run_played<Grow>(workers, program_, {}, [&](Master<Grow>& master) {
    master.reset(std::vector<std::vector<double>>(kStates, std::vector<double>(1)));
    (void)master.update("the same for all");
  });
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(ended);
  ASSERT_EQ(slots.size(), kStates);
  EXPECT_TRUE(std::is_sorted(slots.begin(), slots.end()));
  EXPECT_LE(longest, WorkerSettings().message_bytes + 1000);
}

// States leave rank 0 as fast as its messages do: of 120 MB no more than a third waits.
TEST_F(MasterLimits, ResetWaitsWhileMuchIsUnsent) {
  PlayedWorkers workers(2, program_);
  constexpr std::size_t kDoubles = 125'000;  // 1 MB
  std::size_t most = 0;
  workers.hears = [&](Rank, Bytes sent) {
    if (kind_of(sent) != Kind::kPlace) return;
    workers.bytes_unsent += sent.size();
    most = std::max(most, workers.bytes_unsent);
  };
  workers.waits = [&] { workers.bytes_unsent -= std::min<std::size_t>(workers.bytes_unsent, 5 << 20); };
  const int status = run_played<Grow>(workers, program_, {}, [&](Master<Grow>& master) {
    master.reset(std::vector<std::vector<double>>(120, std::vector<double>(kDoubles)));
  });
  EXPECT_EQ(status, 0);
  EXPECT_LE(most, WorkerSettings().unsent_bytes + kDoubles * sizeof(double) + 1000);
  EXPECT_GT(most, WorkerSettings().unsent_bytes / 2);
}

// ---- on real workers

class Pass : public Update<int, int, int> {
 public:
  int update(int& state, const int& input, const Call&) override { return state += input; }
};

TEST(Evolve, NoMoreRoundsAreOpenThanMayBe) {
  for (const std::size_t ahead : {1, 2, 5}) {
    const int status = test::run_with<Pass>(
        {"--rondo-workers=2", "--rondo-rounds-ahead=" + std::to_string(ahead)}, [&](Master<Pass>& master) {
          master.reset(std::vector<int>(20, 0));
          std::size_t pulled = 0, complete = 0, most = 0;
          std::vector<int> rounds(30);
          const auto inputs = std::views::transform(rounds, [&](int) {
            most = std::max(most, ++pulled - complete);
            return 1;
          });
          master.evolve(inputs, [&](std::size_t, std::span<const int>) { ++complete; });
          EXPECT_EQ(complete, rounds.size());
          EXPECT_EQ(most, ahead);
        });
    EXPECT_EQ(status, 0);
  }
}

}  // namespace
}  // namespace rondo::engine
