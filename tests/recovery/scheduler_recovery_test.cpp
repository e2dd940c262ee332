// A scheduler that loses workers: whatever has been done and wherever the states are, the rest of the call is done by those
// that are left, each state's rounds once and in order, and nothing is given to the lost ever again.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <stdexcept>
#include <variant>
#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::scheduler {
namespace {

// Workers that do what they are told, in random order, and of which some vanish.
class Course {
 public:
  explicit Course(std::uint64_t seed) : random_(seed) {
    Settings settings;
    settings.workers = 2 + below(6);
    settings.rebalance = below(5) > 0;
    settings.batch = below(2) > 0 ? 1 + below(5) : 0;
    scheduler_.emplace(settings);
    alive_.assign(settings.workers, true);
    place(1 + below(30));
  }

  void run() {
    for (std::uint32_t call = 1 + below(4); call > 0; --call) {
      if (below(3) == 0) resample();
      if (scheduler_->size() == 0) place(1 + below(30));
      if (below(4) == 0) lose_between_calls();
      run_call();
    }
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  [[nodiscard]] std::size_t workers_alive() const {
    return static_cast<std::size_t>(std::count(alive_.begin(), alive_.end(), true));
  }
  Worker some_alive() {
    while (true)
      if (const std::uint32_t w = below(static_cast<std::uint32_t>(alive_.size())); alive_[w])
        return Worker{w};
  }
  void expect_alive(Worker worker) {
    EXPECT_TRUE(alive_[index(worker)]) << "worker " << index(worker) << " is lost";
  }

  void place(std::uint32_t count) {
    std::vector<StateId> ids;
    for (std::uint32_t i = 0; i < count; ++i) ids.push_back(StateId{next_id_++});
    for (const Worker owner : scheduler_->reset(ids, {})) expect_alive(owner);
  }
  void resample() {
    std::vector<std::uint32_t> offspring(scheduler_->size());
    for (std::uint32_t& each : offspring) each = below(4);
    for (const Copy& copy : scheduler_->resample(offspring, StateId{next_id_})) expect_alive(copy.to);
    next_id_ += scheduler_->size();
  }

  // Loses one, or more at a time, but never all; returns whether it did.
  bool lose() {
    bool any = false;
    for (std::uint32_t n = 1 + below(2); n > 0 && workers_alive() > 1; --n) {
      const Worker victim = some_alive();
      alive_[index(victim)] = false;
      scheduler_->lose(victim);
      any = true;
    }
    return any;
  }
  // What the lost had goes to others; some of the rest too.
  std::vector<Worker> new_owners() {
    std::vector<Worker> owners;
    for (Slot slot = 0; slot < scheduler_->size(); ++slot) {
      const Worker owner = scheduler_->owner(slot);
      owners.push_back(alive_[index(owner)] && below(4) > 0 ? owner : some_alive());
    }
    return owners;
  }
  void lose_between_calls() {
    if (!lose()) return;
    const std::vector<Worker> owners = new_owners();
    EXPECT_TRUE(scheduler_->recover(now_, owners, {}, false).empty());
    for (Slot slot = 0; slot < scheduler_->size(); ++slot) EXPECT_EQ(scheduler_->owner(slot), owners[slot]);
  }

  struct Job {
    Slot slot;
    std::uint32_t round;
    std::uint32_t hop;
  };

  void run_call() {
    rounds_ = below(2) > 0 ? 1 : below(6);
    const bool many = rounds_ != 1;
    open_ = many ? 0 : 1;
    jobs_.assign(alive_.size(), {});
    done_.assign(scheduler_->size(), 0);
    complete_ = 0;
    ended_ = stopping_ = false;
    obey(scheduler_->on(now_, event::Begin{many ? UINT32_MAX : 1, 1 + below(40)}));
    if (!many) obey(scheduler_->on(now_, event::Opened{1}));
    for (int step = 0; !ended_ && !testing::Test::HasFailure(); ++step) {
      ASSERT_LT(step, 100'000) << "the call does not end";
      now_ += Seconds(1e-3);
      if (many && open_ < rounds_ && below(3) == 0) obey(scheduler_->on(now_, event::Opened{++open_}));
      if (many && open_ == rounds_ && !std::exchange(closed_, true))
        obey(scheduler_->on(now_, event::Closed{rounds_}));
      if (ended_) break;
      if (below(60) == 0 && lose()) recover();
      if (!stopping_ && below(200) == 0) obey(scheduler_->on(now_, event::Cancel{}));
      work(some_alive());
    }
    closed_ = false;
    if (!stopping_) {
      EXPECT_EQ(complete_, rounds_);
      for (const std::uint32_t done : done_) EXPECT_EQ(done, rounds_);
    }
  }

  // A worker does one of its jobs that can run, and reports.
  void work(Worker worker) {
    std::deque<Job>& mine = jobs_[index(worker)];
    if (stopping_) {
      mine.clear();
      return obey(scheduler_->on(now_, event::Stopped{worker}));
    }
    std::vector<Done> done;
    const auto job = std::find_if(mine.begin(), mine.end(), [&](const Job& j) { return j.round < open_; });
    if (job != mine.end()) {
      EXPECT_EQ(done_[job->slot], job->round) << "a round twice or out of order";
      ++done_[job->slot];
      done.push_back({job->slot, job->round, 1e-3F, job->hop});
      if (++job->round >= rounds_) mine.erase(job);
    }
    const auto ready = static_cast<std::size_t>(
        std::count_if(mine.begin(), mine.end(), [&](const Job& j) { return j.round < open_; }));
    obey(scheduler_->on(now_, event::Report{worker, done, Seconds(static_cast<double>(ready) * 1e-3), ready,
                                            Seconds(1e-3), ready == 0}));
  }

  void recover() {
    for (auto& jobs : jobs_) jobs.clear();
    const bool stop = std::exchange(stopping_, false);
    // outputs that were not told are not known to have been made
    for (Slot slot = 0; slot < done_.size(); ++slot) EXPECT_EQ(scheduler_->rounds_done(slot), done_[slot]);
    const std::vector<Worker> owners = new_owners();
    obey(scheduler_->recover(now_, owners, done_, stop));
    EXPECT_TRUE(ended_ || stopping_ == stop);
  }

  void obey(const std::vector<Command>& commands) {
    for (const Command& each : commands) std::visit([&](const auto& c) { obey(c); }, each);
  }
  void obey(const command::Assign& assign) {
    expect_alive(assign.worker);
    for (const Slot slot : assign.slots)
      jobs_[index(assign.worker)].push_back({slot, scheduler_->rounds_done(slot), scheduler_->hop(slot)});
  }
  void obey(const command::Move& move) {
    expect_alive(move.from);
    expect_alive(move.to);
  }
  void obey(const command::Give& give) {
    expect_alive(give.victim);
    expect_alive(give.thief);
    std::vector<Given> given;
    std::deque<Job>& from = jobs_[index(give.victim)];
    for (std::uint32_t n = below(3); n > 0 && !from.empty() && from.back().round < open_; --n) {
      Job job = from.back();
      from.pop_back();
      given.push_back({job.slot, ++job.hop});
      jobs_[index(give.thief)].push_back(job);
    }
    obey(scheduler_->on(now_,
                        event::Gave{give.victim, give.thief, given, Seconds(0), from.size(), Seconds(1e-3)}));
  }
  void obey(const command::Complete& complete) { EXPECT_EQ(complete.round, complete_++); }
  void obey(const command::Stop&) { stopping_ = true; }
  void obey(const command::End&) { ended_ = true; }

  std::mt19937_64 random_;
  std::optional<Scheduler> scheduler_;
  std::vector<bool> alive_;
  std::uint64_t next_id_ = 0;
  Time now_{1};
  std::vector<std::deque<Job>> jobs_;
  std::vector<std::uint32_t> done_;
  std::uint32_t rounds_ = 0, open_ = 0, complete_ = 0;
  bool closed_ = false, ended_ = false, stopping_ = false;
};

TEST(SchedulerRecovery, TheRestOfACallIsDoneByThoseThatAreLeft) {
  for (std::uint64_t seed = 0; seed < 3000 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Course(seed).run();
  }
}

TEST(SchedulerRecovery, TheLastWorkerCannotBeLost) {
  Settings settings;
  settings.workers = 2;
  Scheduler scheduler(settings);
  scheduler.lose(Worker{1});
  EXPECT_EQ(scheduler.alive(), std::vector<std::uint32_t>{0});
  EXPECT_THROW(scheduler.lose(Worker{0}), std::logic_error);
}

TEST(SchedulerRecovery, NoStateIsRecoveredOnALostWorkerOrInARoundThatIsOver) {
  Settings settings;
  settings.workers = 2;
  Scheduler scheduler(settings);
  const std::vector<StateId> ids = {StateId{0}, StateId{1}};
  (void)scheduler.reset(ids, {});
  scheduler.lose(Worker{1});
  const std::vector<Worker> lost = {Worker{0}, Worker{1}}, left = {Worker{0}, Worker{0}};
  EXPECT_THROW((void)scheduler.recover(Time(1), lost, {}, false), std::logic_error);
  (void)scheduler.on(Time(1), event::Begin{1, 10});
  (void)scheduler.on(Time(1), event::Opened{1});
  const std::vector<std::uint32_t> too_many = {0, 2}, one = {1, 0};
  EXPECT_THROW((void)scheduler.recover(Time(1), left, too_many, false), std::logic_error);
  const std::vector<Command> commands = scheduler.recover(Time(1), left, one, false);
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(std::get<command::Assign>(commands[0]).slots, std::vector<Slot>{1});
}

}  // namespace
}  // namespace rondo::scheduler
