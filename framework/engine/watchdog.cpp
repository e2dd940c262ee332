#include "engine/watchdog.hpp"
#include "engine/log.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <utility>

#include "engine/host.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

namespace {

double seconds_now() { return transport::steady_now().count(); }

// Runs `work` on a thread of its own, and waits for it, but not for ever: it may hang as everything else does.
template <class Work>
void try_to(Work work) {
  struct Shared {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  constexpr std::chrono::seconds kPatience(1);
  const auto shared = std::make_shared<Shared>();
  std::unique_ptr<threads::Thread> thread;
  try {
    thread = std::make_unique<threads::Thread>([shared, work = std::move(work)] {
      work();
      const std::lock_guard lock(shared->mutex);
      shared->done = true;
      shared->changed.notify_one();
    });
  } catch (const std::system_error&) {
    return;  // no thread is left for it
  }
  std::unique_lock lock(shared->mutex);
  if (!shared->changed.wait_for(lock, kPatience, [&] { return shared->done; }))
    (void)thread.release();  // its destructor would wait
}

void print(const std::string& line) {
  try_to([line] {
    if (write(STDERR_FILENO, line.data(), line.size()) < 0) return;  // nobody is left to tell
  });
}

}  // namespace

Watchdog::Watchdog(const Vigil::Limits& limits, Prepare prepare)
    : prepare_(prepare), vigil_(limits, seconds_now()) {
  try {
    thread_ = threads::Thread([this] { watch(); });
  } catch (const std::system_error& error) {
    standard_error().tell(std::string("nothing holds the limits of the run where a disk or a rank hangs: ") +
                          error.what());
  }
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_one();
}

Vigil::Place Watchdog::here(Vigil::Place place) {
  const std::lock_guard lock(mutex_);
  return vigil_.here(seconds_now(), place);
}

void Watchdog::leave_by(double at, int status, std::string source) {
  const std::lock_guard lock(mutex_);
  vigil_.leave_by(at, status, std::move(source));
}

void Watchdog::main_has_ended(int status) {
  const std::lock_guard lock(mutex_);
  vigil_.main_has_ended(status);
}

void Watchdog::leaves() {
  const std::lock_guard lock(mutex_);
  vigil_.leaves(seconds_now());
}

void Watchdog::set_rank(Rank rank, const Vigil::Limits& limits) {
  const std::lock_guard lock(mutex_);
  vigil_.set_name("rank " + std::to_string(value(rank)));
  vigil_.set_limits(limits);
}

void Watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!over_) {
    changed_.wait_for(lock, std::chrono::duration<double>(vigil_.patience()));
    if (over_) return;
    const auto verdict = vigil_.look(seconds_now(), SignalWatch::asked());
    if (!verdict) continue;
    lock.unlock();
    if (!verdict->line.empty()) print(verdict->line);
    if (verdict->status) {
      try_to(flush_output);
      if (prepare_ != nullptr) try_to([prepare = prepare_, status = *verdict->status] { prepare(status); });
      _exit(*verdict->status);
    }
    lock.lock();
  }
}

}  // namespace rondo::engine
