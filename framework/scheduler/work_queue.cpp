#include "scheduler/work_queue.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

namespace rondo::scheduler {

namespace {

// With so many jobs each is a small part of all: which of the short ones comes last makes no difference to the end.
constexpr std::size_t kMany = 1000;
// So many jobs are looked through whenever it is asked what there is, and sorted whenever some come.
constexpr std::size_t kFew = 64;
// What comes one by one goes to the heap while it is no more than this part of what is there.
constexpr std::size_t kPart = 8;

}  // namespace

// The order of a heap whose top runs first: the oldest round, then the longest update (one of unknown cost may be the
// longest) or the one that is to begin first, then the state's place. Short updates run in the order of their places, as they
// are in memory.
struct WorkQueue::Before {
  double reach;
  float shorts;
  Slot first;
  double slots;

  bool operator()(const Job& a, const Job& b) const {
    if (a.round != b.round) return a.round > b.round;
    const double mine = begin(a), other = begin(b);
    return mine != other ? mine > other : a.slot > b.slot;
  }
  // When it is to begin, or minus its length.
  [[nodiscard]] double begin(const Job& job) const {
    if (job.cost == 0) return -std::numeric_limits<double>::infinity();
    const bool is_short = job.cost <= shorts;
    if (reach == 0) return is_short ? 0 : -job.cost;
    if (is_short) return (static_cast<double>(job.slot) - first) / slots * reach;
    // multiples of the golden ratio are spread evenly, whichever run of them one takes
    return std::fmod(job.slot * 0.6180339887498949, 1) * reach - job.cost;
  }
};

WorkQueue::Before WorkQueue::before() const {
  return {reach_, short_, first_, static_cast<double>(last_) - first_ + 1};
}

template <class Visit>
void WorkQueue::for_each_ready(const Visit& visit) const {
  std::for_each(run_.begin() + static_cast<std::ptrdiff_t>(next_), run_.end(), visit);
  std::for_each(heap_.begin(), heap_.end(), visit);
  std::for_each(fresh_.begin(), fresh_.end(), visit);
}

void WorkQueue::begin(std::uint32_t rounds, RunOrder order) {
  std::vector<Job> run = std::move(run_), fresh = std::move(fresh_);  // their memory serves the next call
  *this = WorkQueue();
  run_ = std::move(run);
  fresh_ = std::move(fresh);
  run_.clear();
  fresh_.clear();
  rounds_ = rounds;
  staggered_ = order == RunOrder::kStaggered && rounds == 1;
}

void WorkQueue::count(const Job& job, double sign) {
  (job.cost > 0 ? known_ : unknown_) += sign * (job.cost > 0 ? job.cost : 1) * rounds_left(job);
  if (ready() == 0 && shut_.empty()) known_ = unknown_ = 0;  // no rounding error survives an empty queue
  ++changes_;
}

void WorkQueue::put(const Job& job) {
  (job.round < open_ ? fresh_ : shut_).push_back(job);
  count(job, 1);
}

void WorkQueue::open(std::uint32_t open) {
  if (open <= open_) return;
  open_ = open;
  for (const Job& job : std::exchange(shut_, {})) (job.round < open_ ? fresh_ : shut_).push_back(job);
  known_ = unknown_ = 0;
  for_each_ready([&](const Job& job) { count(job, 1); });
  for (const Job& job : shut_) count(job, 1);
}

// What is to be done here decides how far ends are spread and what is short. Whether the run is in another order now.
bool WorkQueue::update_order() {
  for (const Job& job : fresh_) {
    first_ = std::min(first_, job.slot);
    last_ = std::max(last_, job.slot);
  }
  const double reach = staggered_ ? std::max(reach_, known_) : 0;
  float shorts = short_;
  if (ready() >= kMany)
    shorts =
        std::max(shorts, static_cast<float>(known_ / (static_cast<double>(kMany) * std::max(open_, 1U))));
  if (reach == reach_ && shorts == short_) return false;
  reach_ = reach;
  short_ = shorts;
  std::make_heap(heap_.begin(), heap_.end(), before());
  return run_mixed_;
}

// Moves jobs that are not short from the list to the heap, if they are few.
void WorkQueue::take_long(std::vector<Job>& jobs) {
  const auto is_long = [&](const Job& job) { return job.cost == 0 || job.cost > short_; };
  const auto longs = static_cast<std::size_t>(std::count_if(jobs.begin(), jobs.end(), is_long));
  if (longs == 0 || longs > jobs.size() / kPart) return;
  std::erase_if(jobs, [&](const Job& job) {
    if (!is_long(job)) return false;
    heap_.push_back(job);
    std::push_heap(heap_.begin(), heap_.end(), before());
    return true;
  });
}

// Makes the list the end of the run, if it is sorted and nothing of it comes before what is there.
bool WorkQueue::append(std::vector<Job>& jobs) {
  const auto earlier = [later = before()](const Job& a, const Job& b) { return later(b, a); };
  if (next_ == run_.size()) {
    run_.clear();
    next_ = 0;
    run_mixed_ = false;
  }
  const bool follows = run_.empty() || jobs.empty() || !earlier(jobs.front(), run_.back());
  if (!follows || !std::is_sorted(jobs.begin(), jobs.end(), earlier)) return false;
  run_mixed_ =
      run_mixed_ || std::any_of(jobs.begin(), jobs.end(), [&](const Job& j) { return j.cost > short_; });
  if (run_.empty()) run_.swap(jobs);
  run_.insert(run_.end(), jobs.begin(), jobs.end());
  jobs.clear();
  return true;
}

void WorkQueue::sort_all() {
  std::vector<Job> all = std::exchange(fresh_, {});
  all.insert(all.end(), run_.begin() + static_cast<std::ptrdiff_t>(next_), run_.end());
  all.insert(all.end(), heap_.begin(), heap_.end());
  next_ = run_.size();
  heap_.clear();
  take_long(all);
  const auto earlier = [later = before()](const Job& a, const Job& b) { return later(b, a); };
  if (!std::is_sorted(all.begin(), all.end(), earlier)) std::sort(all.begin(), all.end(), earlier);
  append(all);
  fresh_.swap(all);  // keeps its memory
}

// Gives the newest jobs their places. What comes from the master is in the order of the slots, in one or several blocks: where
// all of it is short, or of unknown cost, it is so already.
void WorkQueue::sort_fresh() {
  const bool run_ended = next_ == run_.size() && heap_.size() >= kFew;
  if (fresh_.empty() && !run_ended) return;
  if (update_order() || run_ended) return sort_all();
  if (fresh_.size() >= kFew) {
    take_long(fresh_);
    if (append(fresh_)) return;
  }
  if (fresh_.size() * kPart > ready() - fresh_.size()) return sort_all();
  for (const Job& job : fresh_) {
    heap_.push_back(job);
    std::push_heap(heap_.begin(), heap_.end(), before());
  }
  fresh_.clear();
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
  run_.clear();
  heap_.clear();
  fresh_.clear();
  next_ = 0;
  shut_.clear();
  absent_.clear();
  known_ = unknown_ = 0;
  rounds_ = 0;
}

const Job* WorkQueue::start(Time now) {
  if (ready() == 0) return nullptr;
  sort_fresh();
  const bool from_run = next_ < run_.size() && (heap_.empty() || before()(heap_.front(), run_[next_]));
  if (from_run) {
    running_ = run_[next_++];
  } else {
    std::pop_heap(heap_.begin(), heap_.end(), before());
    running_ = heap_.back();
    heap_.pop_back();
  }
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

double WorkQueue::rest_of_update(Time now) const {
  if (!running_) return 0;
  const double predicted = cost(*running_);
  const double elapsed = (now - running_since_).count();
  // an update that is overdue has, for all we know, as much before it as it is late
  return elapsed < predicted ? predicted - elapsed : std::max(elapsed - predicted, predicted / 10);
}

double WorkQueue::rest_of_running(Time now) const {
  return running_ ? rest_of_update(now) + cost(*running_) * (rounds_left(*running_) - 1) : 0;
}

Seconds WorkQueue::left(Time now) const { return Seconds(known_ + unknown_ * mean_ + rest_of_running(now)); }

Offer WorkQueue::offer(Time now, const MoveCost& move) {
  const bool old = ready() <= kFew || 2 * changes_ >= offered_ ||
                   (unknown_ > 0 && std::abs(mean_ - mean_offered_) > mean_offered_ / 4);
  if (old) {
    offer_ = {};
    smallest_ = kNever;
    offered_ = ready();
    changes_ = 0;
    mean_offered_ = mean_;
    for_each_ready([&](const Job& job) {
      const Seconds both = Seconds(work(job)) + move.of_state(job.bytes);
      smallest_ = std::min(smallest_, both);
      if (!move.pays(work(job), job.bytes)) return;
      ++offer_.count;
      offer_.smallest = std::min(offer_.smallest, both);
    });
  }
  if (rest_of_update(now) > move.latency.count()) return {ready(), smallest_};
  return offer_;
}

std::vector<Job> WorkQueue::give(Time now, const StealRequest& thief, const MoveCost& move) {
  std::vector<Job> given;
  if (offer(now, move).count == 0) return given;
  std::vector<Candidate> candidates;
  candidates.reserve(ready());
  std::uint32_t position = 0;
  for_each_ready([&](const Job& job) { candidates.push_back({position++, job.slot, work(job), job.bytes}); });
  const std::vector<std::uint32_t> chosen =
      share(std::move(candidates), left(now), thief, move, Seconds(rest_of_update(now)));
  if (chosen.empty()) return given;

  // which job stands at each of the positions, in the order in which they are chosen
  std::vector<std::uint32_t> turn(ready(), UINT32_MAX);
  for (std::uint32_t i = 0; i < chosen.size(); ++i) turn[chosen[i]] = i;
  given.resize(chosen.size());
  position = 0;
  const auto take = [&](const Job& job) {
    const std::uint32_t mine = turn[position++];
    if (mine == UINT32_MAX) return false;
    given[mine] = job;
    ++given[mine].hop;
    return true;
  };
  run_.erase(std::remove_if(run_.begin() + static_cast<std::ptrdiff_t>(next_), run_.end(), take), run_.end());
  std::erase_if(heap_, take);
  std::erase_if(fresh_, take);
  std::make_heap(heap_.begin(), heap_.end(), before());
  for (const Job& job : given) count(job, -1);
  return given;
}

}  // namespace rondo::scheduler
