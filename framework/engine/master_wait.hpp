// The master's one way to wait: it takes in messages until something is true. It throws WorkerLost when states are gone.
#pragma once

#include <algorithm>

#include "engine/freed_memory.hpp"
#include "engine/master.hpp"

namespace rondo::engine {

// How long a signal may go unseen, where nothing interrupts the wait.
inline constexpr transport::Seconds kSignalLatency{0.1};

template <class Done>
void Master::run_until(const Done& done) {
  last_progress_ = watched_at_ = transport_.now().count();
  detector_.begin(last_progress_);
  constexpr const char* kPlace = "a call of the master";
  const Doing doing(host_.watchdog, kPlace);
  while (true) {
    if (host_.watchdog != nullptr) (void)host_.watchdog->here({kPlace, true});
    while (auto envelope = transport_.receive()) or_end([&] { dispatch(std::move(*envelope)); });
    if (own_worker_) or_end([&] { own_worker_->poll(); });
    if (census_) finish_recovery();
    if (!census_ && done()) return;
    limit_freed_memory(transport_.now().count());
    watch_time();
    speak();
    transport::Seconds patience(1);
    if (own_worker_) patience = own_worker_->patience();
    if (transport_.unsent() > 0) patience = std::min(patience, transport::Seconds(200e-6));
    patience = std::min(patience, transport::Seconds(std::max(watch_stall(), 1e-3)));
    if (options_.recover) patience = std::min(patience, transport::Seconds(watch_silence()));
    if (!options_.checkpoint.empty()) patience = std::min(patience, kSignalLatency);
    transport_.wait(patience);
  }
}

}  // namespace rondo::engine
