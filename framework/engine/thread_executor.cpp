#include "engine/thread_executor.hpp"

#include "engine/crash_line.hpp"
#include "engine/start_thread.hpp"

namespace rondo::engine {

void ThreadExecutor::start(Work& work) {
  thread_ = start_thread(what_, [this, &work] { loop(work); });
}

void ThreadExecutor::notify() {
  {
    const std::lock_guard lock(mutex_);
    notified_ = true;
  }
  changed_.notify_one();
}

void ThreadExecutor::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void ThreadExecutor::loop(Work& work) {
  const CrashMark mark(rank_);
  for (bool goes_on = true; goes_on;) {
    goes_on = wait();
    while (work.next()) work.run();  // also after stop(): the work says what is still to be done
  }
}

// Whether the executor goes on after the pieces that are there now.
bool ThreadExecutor::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return notified_ || stopping_; });
  notified_ = false;
  return !stopping_;
}

}  // namespace rondo::engine
