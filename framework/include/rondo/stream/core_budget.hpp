// CoreBudget: a fixed number of cores, shared by several evaluations at the same time.
//
//   rondo::CoreBudget budget(8);
//   // on any threads:
//   rondo::evaluate(pipeline, {.budget = &budget, .priority = 2});
//
// Never more threads of its evaluations are at work than there are cores: a core changes hands when the
// thread that had it has left, not when it was asked to. (The one exception: below.) Each core goes to the evaluation that gains most
// from it by the speed-up model, weighted by priority; every evaluation has one, and one that finds none free
// waits for it, or for a stop request. The allotment follows the evaluations' phases while they run.
//
// An evaluation that a work unit starts on its own thread uses the core of that unit, so it needs not wait. It has the
// budget of the outer evaluation, unless it is given another one. One that a
// work unit starts on another thread (std::async, say) needs a core of its own, and may have to wait for one that the
// unit keeps, which waits for it. So an evaluation begins without a core if all threads that have one were asleep for
// one second on end: until one of them ends there may be more threads at work than cores, should the others wake up.
//
// The budget must outlive its evaluations. Any thread may use it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#pragma GCC visibility push(default)

namespace rondo {

/// What one evaluation could do with cores.
struct CoreDemand {
  /// The share of a unit's time in which the thread holds the stream, from 0 to 1.
  double critical_fraction = 0;
  unsigned threads_max = 1;  ///< it has no use for more
  double priority = 1;       ///< positive and finite
};

/// How many cores each gets. Pure. One each, by priority and then in order, as long as there are any; then one
/// by one to the one for which priority * (speedup(n + 1) - speedup(n)) is highest, the first of equals.
[[nodiscard]] std::vector<unsigned> allot_cores(unsigned cores, std::span<const CoreDemand> demands);

namespace streaming {
class __attribute__((visibility("hidden"))) CoreShare;
}

/// Shares a number of cores among evaluations that run at the same time. See the top of this file.
class CoreBudget {
 public:
  /// Of at least one core.
  explicit CoreBudget(unsigned cores);
  ~CoreBudget();
  CoreBudget(const CoreBudget&) = delete;
  CoreBudget& operator=(const CoreBudget&) = delete;

  /// One for the whole process, with as many cores as there are for the thread that asks first; see rondo/cores.hpp.
  [[nodiscard]] static CoreBudget& process();

  /// How many it shares out.
  [[nodiscard]] unsigned cores() const;
  /// How many evaluations have of these now.
  [[nodiscard]] unsigned cores_in_use() const;

 private:
  friend class streaming::CoreShare;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rondo

#pragma GCC visibility pop
