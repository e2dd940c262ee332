// One evaluation's membership in a CoreBudget.
//
// begin() waits for the caller's core. Every further thread takes a lease before it starts to work and gives it
// back when it stops. `allotted` is called, under the budget's lock, whenever the evaluation may have more or
// fewer leases than before or may find one free; it must not call the budget.
//
// A nested evaluation, one that is started inside a work unit of another, needs no core for its caller's thread:
// the outer evaluation lends it that of the unit. So such a core is counted twice when cores are allotted. And an
// outer evaluation whose stream waits for the unit has no use for further threads, whatever it demanded before:
// `actors` says how many could be at work.
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>

#include <rondo/stream/core_budget.hpp>

namespace rondo::streaming {

class CoreShare {
 public:
  CoreShare(CoreBudget& budget, double priority, unsigned threads_max, const std::atomic<unsigned>& actors,
            std::function<void(unsigned)> allotted);
  ~CoreShare();
  CoreShare(const CoreShare&) = delete;
  CoreShare& operator=(const CoreShare&) = delete;

  // The budget of the evaluation that this thread is at work in; null: none.
  [[nodiscard]] static CoreBudget* budget_of_this_thread();

  // False: a stop was requested before there was a core.
  [[nodiscard]] bool begin(const std::stop_token& stop);
  void demand(double critical_fraction, unsigned threads_max);
  // It has no more threads, whatever it demands.
  void limit(unsigned threads);
  [[nodiscard]] bool lease();
  void give_back();
  // The stream waits, so `actors` is lower than before.
  void waits();

  // While it lives, evaluations started on this thread with the same budget share its core.
  class OnThisThread {
   public:
    explicit OnThisThread(CoreShare& share);
    ~OnThisThread();
    OnThisThread(const OnThisThread&) = delete;
    OnThisThread& operator=(const OnThisThread&) = delete;

   private:
    friend class CoreShare;
    CoreShare& share_;
    const OnThisThread* outer_;
  };

 private:
  friend class rondo::CoreBudget;
  [[nodiscard]] static CoreShare* lender(const CoreBudget& budget);

  CoreBudget& budget_;
  CoreDemand demand_;
  unsigned limit_;
  const std::atomic<unsigned>& actors_;
  std::function<void(unsigned)> allotted_;
  CoreShare* const outer_;           // lends the caller's core; null if not nested
  std::atomic<unsigned> nested_{0};  // evaluations that this one lends a core to
  unsigned allotment_ = 0;
  unsigned leased_ = 0;  // the caller's core included, unless nested
};

}  // namespace rondo::streaming
