// The worker's side of the scheduling: what runs next, what is left, what to give away.
//
// Pure; used from one thread at a time (the engine's worker guards it with its lock, the simulator needs none).
//
// A job is one state's way through the rounds of a call: one round for `update`, many for `evolve`. A job waits until its
// state is here and its round is open, then runs, then waits for the next round. Runnable jobs run in the order of
// round, then as RunOrder says.
//
// Invariant: a job is absent (its state is on the way), shut (its round is not open), ready, or running; a state has
// at most one job.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include <rondo/ids.hpp>

#include "scheduler/share.hpp"
#include "scheduler/types.hpp"

namespace rondo::scheduler {

struct Job {
  StateId state;
  Slot slot;
  std::uint32_t round;  // the next one to run, counted from the start of the call
  float cost;           // predicted seconds of one update; 0: unknown
  float bytes;          // of the packed state; decides whether a move pays
  std::uint32_t hop;    // how often the job has changed its worker
};

enum class RunOrder {
  kLongestFirst,  // short ones even out the end
  // Where many workers share few cores, and updates wait besides computing: all of them would have long updates first and
  // leave cores idle, and short ones at the end, of which each wants a core again and again. Here every update ends
  // at a time of its own, spread evenly over the round. Counts for calls of one round and for known costs.
  kStaggered
};

// What a worker on a node with so many cores does.
[[nodiscard]] inline RunOrder run_order(std::size_t workers_here, std::size_t cores_here) {
  return workers_here > cores_here ? RunOrder::kStaggered : RunOrder::kLongestFirst;
}

class WorkQueue {
 public:
  // A call begins: `rounds` in all (kUnknownRounds while the inputs have not ended), none of them open.
  void begin(std::uint32_t rounds, RunOrder order = RunOrder::kLongestFirst);
  static constexpr std::uint32_t kUnknownRounds = UINT32_MAX;

  // Rounds 0 to open - 1 can run.
  void open(std::uint32_t open);
  // The call has this many rounds.
  void close(std::uint32_t rounds);

  // Takes a job over. `here`: its state is; otherwise arrived() follows. O(1).
  void add(const Job& job, bool here);
  void arrived(StateId state);
  // Drops every job but the running one, and opens nothing any more: the call is cancelled.
  void stop();

  // The job to run now, or null; it is running until finished(). O(1) for jobs that were added together in the order of their
  // slots and are all short, otherwise O(log jobs), amortised.
  [[nodiscard]] const Job* start(Time now);
  // The running job has done its round, in `duration`.
  void finished(Time now, Seconds duration);
  // The running job ends without having done its round.
  void failed();

  // Ready jobs for a thief, best ratio of time to the cost of the move first, as long as the pair of workers ends
  // earlier by each. Their hops are counted up. Empty if nothing pays. O(jobs + given log jobs).
  [[nodiscard]] std::vector<Job> give(Time now, const StealRequest& thief, const MoveCost& move);

  // Predicted work of the open rounds, the rest of the running update included.
  [[nodiscard]] Seconds left(Time now) const;
  // The part of it that states of known cost will take which have not started; 0 while there are any of unknown cost.
  [[nodiscard]] Seconds known() const { return Seconds(unknown_ > 0 ? 0 : known_); }
  // What a thief could get of the ready jobs: those that are more work than their move, and all of them while an update runs
  // that takes longer than a message. Where there are many jobs they are looked through again only when half of them have come or
  // gone. Amortised O(1) per job.
  [[nodiscard]] Offer offer(Time now, const MoveCost& move);
  [[nodiscard]] std::size_t ready() const { return run_.size() - next_ + heap_.size() + fresh_.size(); }
  // Jobs in any condition.
  [[nodiscard]] std::size_t size() const {
    return ready() + absent_.size() + shut_.size() + (running_ ? 1 : 0);
  }
  [[nodiscard]] const std::optional<Job>& running() const { return running_; }
  [[nodiscard]] Time running_since() const { return running_since_; }

 private:
  struct Before;
  [[nodiscard]] Before before() const;
  [[nodiscard]] double cost(const Job& job) const { return job.cost > 0 ? job.cost : mean_; }
  [[nodiscard]] double rounds_left(const Job& job) const { return job.round < open_ ? open_ - job.round : 0; }
  [[nodiscard]] double work(const Job& job) const { return cost(job) * rounds_left(job); }
  [[nodiscard]] double rest_of_update(Time now) const;
  [[nodiscard]] double rest_of_running(Time now) const;
  void count(const Job& job, double sign);
  void put(const Job& job);
  bool update_order();
  void take_long(std::vector<Job>& jobs);
  bool append(std::vector<Job>& jobs);
  void sort_all();
  void sort_fresh();
  template <class Visit>
  void for_each_ready(const Visit& visit) const;

  // Ready jobs: a run that is in order, a heap of those that came later or are not short, and the newest, in no order until an
  // update begins.
  std::vector<Job> run_;
  std::size_t next_ = 0;    // what stands before it in the run has begun
  bool run_mixed_ = false;  // there are known costs in the run that are not short
  std::vector<Job> heap_;
  std::vector<Job> fresh_;
  std::vector<Job> shut_;
  std::unordered_map<StateId, Job> absent_;
  std::optional<Job> running_;
  Time running_since_{0};
  std::uint32_t open_ = 0;
  std::uint32_t rounds_ = kUnknownRounds;
  bool staggered_ = false;
  double reach_ = 0;  // seconds over which the ends of updates are staggered; 0: longest first
  float short_ = 0;   // an update that takes no longer is short: its place in the order does not matter
  Slot first_ = std::numeric_limits<Slot>::max();  // the slots of all jobs that were here
  Slot last_ = 0;
  Offer offer_;                // of jobs that are more work than their move
  Seconds smallest_ = kNever;  // of all
  std::size_t offered_ = 0;    // ready jobs when these were found
  std::size_t changes_ = 0;    // since then
  double mean_offered_ = 0;
  // Sums over the ready and the shut jobs, so that left() is O(1): predicted seconds, and updates of unknown cost.
  double known_ = 0;
  double unknown_ = 0;
  // The mean of this call's updates here; stands in for a cost that is not known. A millisecond until the first one has ended.
  double mean_ = 1e-3;
  double measured_ = 0;
  std::uint64_t measurements_ = 0;
};

}  // namespace rondo::scheduler
