// Sees what rank 0 decides about a run, and takes no part.
#pragma once

#include <vector>

#include "scheduler/scheduler.hpp"

namespace rondo::engine {

/// Called by the thread that runs the program's main. Must not throw.
class Observer {
 public:
  virtual ~Observer() = default;
  /// The run has begun. The scheduler outlives the calls of decided().
  virtual void begins(const scheduler::Scheduler&) {}
  /// `event` has happened, and `commands` are what the scheduler has decided. They have not been performed yet.
  virtual void decided(scheduler::Time /*now*/, const scheduler::Event& /*event*/,
                       const std::vector<scheduler::Command>& /*commands*/) {}
};

}  // namespace rondo::engine
