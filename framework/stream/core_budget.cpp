#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>

#include <rondo/cores.hpp>
#include <rondo/error.hpp>
#include <rondo/stream/core_budget.hpp>
#include <rondo/stream/speedup.hpp>

#include "stream/core_share.hpp"

namespace rondo {

std::vector<unsigned> allot_cores(unsigned cores, std::span<const CoreDemand> demands) {
  std::vector<unsigned> allotment(demands.size(), 0);
  std::vector<std::size_t> order(demands.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](auto a, auto b) { return demands[a].priority > demands[b].priority; });
  for (const std::size_t one : order) {
    if (cores == 0) return allotment;
    allotment[one] = 1;
    --cores;
  }
  const auto gain = [&](std::size_t one) {
    const CoreDemand& demand = demands[one];
    const unsigned n = allotment[one];
    if (n >= demand.threads_max) return 0.0;
    const double p = demand.critical_fraction;
    return demand.priority * (queueing_speedup(p, n + 1) - queueing_speedup(p, n));
  };
  std::vector<double> gains(demands.size());
  for (std::size_t one = 0; one < gains.size(); ++one) gains[one] = gain(one);
  for (; cores > 0 && !gains.empty(); --cores) {
    const auto best = static_cast<std::size_t>(std::ranges::max_element(gains) - gains.begin());
    if (gains[best] <= 0) break;
    ++allotment[best];
    gains[best] = gain(best);
  }
  return allotment;
}

namespace {

// How long threads have to sleep until their cores count as unused.
constexpr std::chrono::seconds kAsleep{1};

// How often a thread has gone to sleep; nothing: it does not sleep now.
std::optional<std::string> sleep_of(pid_t thread) {
  std::ifstream status("/proc/self/task/" + std::to_string(thread) + "/status");
  bool asleep = false;
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("State:")) asleep = line.find("S (sleeping)") != std::string::npos;
    if (asleep && line.starts_with("voluntary_ctxt_switches:")) return line;
  }
  return std::nullopt;
}

}  // namespace

struct CoreBudget::State {
  explicit State(unsigned n) : cores(n) {}

  const unsigned cores;
  mutable std::mutex mutex;
  std::condition_variable_any freed;
  unsigned leased = 0;
  std::vector<streaming::CoreShare*> shares;  // in order of arrival
  std::vector<pid_t> threads;                 // of all evaluations

  // Equal answers mean that no thread has been awake in between; nothing: one is awake now.
  [[nodiscard]] std::optional<std::vector<std::string>> all_asleep() const {
    std::vector<std::string> all;
    for (const pid_t thread : threads) {
      std::optional<std::string> sleep = sleep_of(thread);
      if (!sleep) return std::nullopt;
      all.push_back(std::to_string(thread) + *sleep);
    }
    return all;
  }

  void rebalance() {
    std::vector<CoreDemand> demands;
    unsigned lent = 0;
    for (const auto* share : shares) {
      CoreDemand demand = share->demand_;
      demand.threads_max = std::min(demand.threads_max, share->limit_);
      if (share->nested_ > 0) demand.threads_max = std::min(demand.threads_max, share->actors_.load());
      if (share->outer_ != nullptr) ++lent;
      demands.push_back(demand);
    }
    const std::vector<unsigned> allotment = allot_cores(cores + lent, demands);
    for (std::size_t i = 0; i < shares.size(); ++i) {
      shares[i]->allotment_ = allotment[i];
      if (shares[i]->allotted_) shares[i]->allotted_(std::max(allotment[i], 1U));
    }
    freed.notify_all();
  }
};

CoreBudget::CoreBudget(unsigned cores) : state_(new State(cores)) {
  if (cores == 0) throw OptionError("a CoreBudget needs at least 1 core, got 0");
}
CoreBudget::~CoreBudget() = default;

CoreBudget& CoreBudget::process() {
  static CoreBudget budget(rondo::cores());
  return budget;
}

unsigned CoreBudget::cores() const { return state_->cores; }
unsigned CoreBudget::cores_in_use() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->leased;
}

namespace streaming {

namespace {
thread_local const CoreShare::OnThisThread* innermost = nullptr;
}

CoreShare::OnThisThread::OnThisThread(CoreShare& share) : share_(share), outer_(innermost) {
  innermost = this;
  CoreBudget::State& state = *share_.budget_.state_;
  const std::scoped_lock lock(state.mutex);
  state.threads.push_back(gettid());
}
CoreShare::OnThisThread::~OnThisThread() {
  innermost = outer_;
  CoreBudget::State& state = *share_.budget_.state_;
  const std::scoped_lock lock(state.mutex);
  state.threads.erase(std::ranges::find(state.threads, gettid()));
}

CoreShare::CoreShare(CoreBudget& budget, double priority, unsigned threads_max,
                     const std::atomic<unsigned>& actors, std::function<void(unsigned)> allotted)
    : budget_(budget),
      demand_{0, threads_max, priority},
      limit_(threads_max),
      actors_(actors),
      allotted_(std::move(allotted)),
      outer_(lender(budget)) {
  CoreBudget::State& state = *budget_.state_;
  const std::scoped_lock lock(state.mutex);
  state.shares.push_back(this);
  if (outer_ != nullptr) outer_->nested_.fetch_add(1);
  state.rebalance();
}

CoreBudget* CoreShare::budget_of_this_thread() {
  return innermost != nullptr ? &innermost->share_.budget_ : nullptr;
}

CoreShare* CoreShare::lender(const CoreBudget& budget) {
  const OnThisThread* held = innermost;
  while (held != nullptr && &held->share_.budget_ != &budget) held = held->outer_;
  return held != nullptr ? &held->share_ : nullptr;
}

bool CoreShare::begin(const std::stop_token& stop) {
  if (outer_ != nullptr) return true;
  CoreBudget::State& state = *budget_.state_;
  std::unique_lock lock(state.mutex);
  const auto free = [&] { return state.leased < state.cores && allotment_ > 0; };
  for (auto before = state.all_asleep(); !state.freed.wait_for(lock, stop, kAsleep, free);) {
    if (stop.stop_requested()) return false;
    // They may all be waiting for this evaluation, and in any case their cores are idle.
    auto now = state.all_asleep();
    if (now && now == before) break;
    before = std::move(now);
  }
  ++state.leased;
  ++leased_;
  return true;
}

CoreShare::~CoreShare() {
  CoreBudget::State& state = *budget_.state_;
  const std::scoped_lock lock(state.mutex);
  state.leased -= leased_;
  if (outer_ != nullptr) outer_->nested_.fetch_sub(1);
  std::erase(state.shares, this);
  state.rebalance();
}

void CoreShare::demand(double critical_fraction, unsigned threads_max) {
  const std::scoped_lock lock(budget_.state_->mutex);
  demand_.critical_fraction = critical_fraction;
  demand_.threads_max = threads_max;
  budget_.state_->rebalance();
}

void CoreShare::limit(unsigned threads) {
  const std::scoped_lock lock(budget_.state_->mutex);
  limit_ = threads;
  budget_.state_->rebalance();
}

bool CoreShare::lease() {
  CoreBudget::State& state = *budget_.state_;
  const std::scoped_lock lock(state.mutex);
  const unsigned mine = leased_ + (outer_ != nullptr ? 1 : 0);
  if (mine >= allotment_ || state.leased >= state.cores) return false;
  ++leased_;
  ++state.leased;
  return true;
}

void CoreShare::give_back() {
  CoreBudget::State& state = *budget_.state_;
  const std::scoped_lock lock(state.mutex);
  --leased_;
  --state.leased;
  state.rebalance();
}

void CoreShare::waits() {
  if (nested_ == 0) return;
  const std::scoped_lock lock(budget_.state_->mutex);
  budget_.state_->rebalance();
}

}  // namespace streaming
}  // namespace rondo
