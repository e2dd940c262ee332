// Processor time of a thread: what it takes of a core, without what it waits, and without what others take of its core.
#pragma once

#include <ctime>

#include "scheduler/types.hpp"

namespace rondo::engine {

// Processor time of the calling thread, since it began. Takes a third of a microsecond, as the kernel has to be asked.
[[nodiscard]] inline scheduler::Seconds processor_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Measures updates that follow each other. Used by the thread that computes.
//
// It asks for the time only now and then, so that updates of microseconds are no dearer by it: what lies between such updates is
// counted with them.
class UpdateMeter {
 public:
  // Something else than updates may have run since the last one.
  void restart() { running_ = false; }
  void update_begins(scheduler::Time now) {
    if (running_) return;
    running_ = true;
    asked_ = now;
    counted_ = processor_time();
  }
  // What has not been told yet, or nothing while it is not worth the question. `idle`: no other update follows at once.
  [[nodiscard]] scheduler::Seconds update_ends(scheduler::Time now, bool idle) {
    constexpr scheduler::Seconds kBusy{100e-6}, kIdle{10e-6};
    if (now - asked_ < (idle ? kIdle : kBusy)) return scheduler::Seconds(0);
    asked_ = now;
    const scheduler::Seconds before = counted_;
    counted_ = processor_time();
    return counted_ - before;
  }

 private:
  bool running_ = false;
  scheduler::Time asked_{0};
  scheduler::Seconds counted_{0};
};

}  // namespace rondo::engine
