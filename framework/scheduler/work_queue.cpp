#include "scheduler/work_queue.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace rondo::scheduler {

// The order of a heap whose top runs first: the oldest round, then the longest update (one of unknown cost may be the
// longest) or the one that is to begin first, then the state's place.
struct WorkQueue::Before {
  double reach;

  bool operator()(const Job& a, const Job& b) const {
    if (a.round != b.round) return a.round > b.round;
    if (a.cost == 0 || b.cost == 0 || reach == 0) {
      if (a.cost != b.cost) return b.cost == 0 || (a.cost != 0 && a.cost < b.cost);
    } else if (begin(a) != begin(b)) {
      return begin(a) > begin(b);
    }
    return a.slot > b.slot;
  }
  // Multiples of the golden ratio are spread evenly, whichever run of them one takes.
  [[nodiscard]] double begin(const Job& job) const {
    return std::fmod(job.slot * 0.6180339887498949, 1) * reach - job.cost;
  }
};

WorkQueue::Before WorkQueue::before() const { return {reach_}; }

void WorkQueue::begin(std::uint32_t rounds, RunOrder order) {
  *this = WorkQueue();
  rounds_ = rounds;
  staggered_ = order == RunOrder::kStaggered && rounds == 1;
}

void WorkQueue::count(const Job& job, double sign) {
  (job.cost > 0 ? known_ : unknown_) += sign * (job.cost > 0 ? job.cost : 1) * rounds_left(job);
  if (ready_.empty() && shut_.empty()) known_ = unknown_ = 0;  // no rounding error survives an empty queue
}

void WorkQueue::put(const Job& job) {
  if (job.round < open_) {
    ready_.push_back(job);
    std::push_heap(ready_.begin(), ready_.end(), before());
  } else {
    shut_.push_back(job);
  }
  count(job, 1);
}

void WorkQueue::open(std::uint32_t open) {
  if (open <= open_) return;
  open_ = open;
  std::vector<Job> jobs = std::exchange(shut_, {});
  jobs.insert(jobs.end(), ready_.begin(), ready_.end());
  ready_.clear();
  known_ = unknown_ = 0;
  for (const Job& job : jobs) {
    (job.round < open_ ? ready_ : shut_).push_back(job);
    count(job, 1);
  }
  std::make_heap(ready_.begin(), ready_.end(), before());
}

void WorkQueue::close(std::uint32_t rounds) {
  rounds_ = rounds;
  std::erase_if(shut_, [&](const Job& job) { return job.round >= rounds; });
  std::erase_if(absent_, [&](const auto& entry) { return entry.second.round >= rounds; });
}

void WorkQueue::add(const Job& job, bool here) {
  if (job.round >= rounds_) return;
  if (here) {
    put(job);
  } else {
    absent_.emplace(job.state, job);
  }
}

void WorkQueue::arrived(StateId state) {
  if (const auto found = absent_.find(state); found != absent_.end()) {
    put(found->second);
    absent_.erase(found);
  }
}

void WorkQueue::stop() {
  ready_.clear();
  shut_.clear();
  absent_.clear();
  known_ = unknown_ = 0;
  rounds_ = 0;
}

const Job* WorkQueue::start(Time now) {
  if (ready_.empty()) return nullptr;
  if (staggered_ && known_ > reach_) {
    reach_ = known_;
    std::make_heap(ready_.begin(), ready_.end(), before());
  }
  std::pop_heap(ready_.begin(), ready_.end(), before());
  running_ = ready_.back();
  ready_.pop_back();
  count(*running_, -1);
  running_since_ = now;
  return &*running_;
}

void WorkQueue::finished(Time now, Seconds duration) {
  measured_ += duration.count();
  mean_ = std::max(measured_ / static_cast<double>(++measurements_), 1e-9);
  running_since_ = now;
  Job job = *std::exchange(running_, std::nullopt);
  ++job.round;
  if (job.round < rounds_) put(job);
}

void WorkQueue::failed() { running_.reset(); }

double WorkQueue::rest_of_running(Time now) const {
  if (!running_) return 0;
  const double predicted = cost(*running_);
  const double elapsed = (now - running_since_).count();
  // an update that is overdue has, for all we know, as much before it as it is late
  const double rest =
      elapsed < predicted ? predicted - elapsed : std::max(elapsed - predicted, predicted / 10);
  return rest + predicted * (rounds_left(*running_) - 1);
}

Seconds WorkQueue::left(Time now) const { return Seconds(known_ + unknown_ * mean_ + rest_of_running(now)); }

Seconds WorkQueue::smallest(const MoveCost& move) const {
  Seconds least = kNever;
  for (const Job& job : ready_) least = std::min(least, Seconds(work(job)) + move.of_state(job.bytes));
  return least;
}

std::vector<Job> WorkQueue::give(Time now, const Appetite& thief, const MoveCost& move) {
  std::vector<Portion> portions(ready_.size());
  for (std::size_t i = 0; i < ready_.size(); ++i)
    portions[i] = {static_cast<std::uint32_t>(i), ready_[i].slot, work(ready_[i]), ready_[i].bytes};
  const std::vector<std::uint32_t> chosen = share(std::move(portions), left(now), thief, move);
  std::vector<Job> given;
  if (chosen.empty()) return given;

  std::vector<bool> taken(ready_.size(), false);
  for (const std::uint32_t position : chosen) {
    taken[position] = true;
    given.push_back(ready_[position]);
    ++given.back().hop;
  }
  std::size_t position = 0;
  std::erase_if(ready_, [&](const Job&) { return taken[position++]; });
  std::make_heap(ready_.begin(), ready_.end(), before());
  for (const Job& job : given) count(job, -1);
  return given;
}

}  // namespace rondo::scheduler
