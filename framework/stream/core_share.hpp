// One evaluation's membership in a CoreBudget.
//
// The constructor waits for the caller's core. Every further thread takes a lease before it starts to work
// and gives it back when it stops. `allotted` is called, under the budget's lock, whenever the evaluation may
// have more or fewer leases than before or may find one free; it must not call the budget.
#pragma once

#include <functional>

#include <rondo/stream/core_budget.hpp>

namespace rondo::streaming {

class CoreShare {
 public:
  CoreShare(CoreBudget& budget, double priority, unsigned threads_max,
            std::function<void(unsigned)> allotted);
  ~CoreShare();
  CoreShare(const CoreShare&) = delete;
  CoreShare& operator=(const CoreShare&) = delete;

  void demand(double critical_fraction, unsigned threads_max);
  [[nodiscard]] bool lease();
  void give_back();

  // While it lives, evaluations started on this thread with the same budget share its core.
  class OnThisThread {
   public:
    explicit OnThisThread(const CoreShare& share);
    ~OnThisThread();
    OnThisThread(const OnThisThread&) = delete;
    OnThisThread& operator=(const OnThisThread&) = delete;

   private:
    friend class CoreShare;
    const CoreBudget* budget_;
    const OnThisThread* outer_;
  };

 private:
  friend class rondo::CoreBudget;
  CoreBudget& budget_;
  CoreDemand demand_;
  std::function<void(unsigned)> allotted_;
  const bool nested_;  // the caller's core belongs to an outer evaluation
  unsigned allotment_ = 0;
  unsigned leased_ = 0;  // the caller's core included, unless nested
};

}  // namespace rondo::streaming
