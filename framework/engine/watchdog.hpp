// Holds the limits of a run, by a thread of its own, while the thread that looks after them is away (engine/vigil.hpp).
//
// Every rank has one from the start of the run to its end, MPI included. The watched thread is the one that communicates; only it
// calls what is here. Ends the process by _exit: other threads are in the middle of things, MPI may be called by the watched thread
// only, and a launcher ends the others when one rank has left without MPI_Finalize.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include <rondo/ids.hpp>

#include "engine/vigil.hpp"
#include "threads/thread.hpp"

namespace rondo::engine {

class Watchdog {
 public:
  // `prepare` is called before the process ends, from another thread: it leaves word of the status. If it hangs too, the process
  // ends without it.
  using Prepare = void (*)(int status);
  Watchdog(const Vigil::Limits& limits, Prepare prepare);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  Vigil::Place here(Vigil::Place place);
  void leave_by(double at, int status, std::string source);
  void main_has_ended(int status);
  void leaves();
  // As soon as it is known which rank this is.
  void set_rank(Rank rank, const Vigil::Limits& limits);

 private:
  void watch();

  const Prepare prepare_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Vigil vigil_;
  bool over_ = false;
  threads::Thread thread_;  // last: it uses all the others
};

// The watched thread is at one place as long as it lives, and then back at the one before.
class Doing {
 public:
  // Without a watchdog nothing is watched.
  Doing(Watchdog* watchdog, const char* what, bool counts = true) : watchdog_(watchdog) {
    if (watchdog_ != nullptr) before_ = watchdog_->here({what, counts});
  }
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;
  ~Doing() {
    if (watchdog_ != nullptr) (void)watchdog_->here(before_);
  }

 private:
  Watchdog* const watchdog_;
  Vigil::Place before_;
};

}  // namespace rondo::engine
