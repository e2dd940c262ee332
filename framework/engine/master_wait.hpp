// The master's one way to wait: it takes in messages until something is true.
#pragma once

#include <algorithm>

#include "engine/master.hpp"

namespace rondo::engine {

template <class Done>
void Master::run_until(const Done& done) {
  heard_ = transport_.now().count();
  while (true) {
    while (auto envelope = transport_.receive()) dispatch(std::move(*envelope));
    if (own_worker_) own_worker_->poll();
    if (done()) return;
    transport::Seconds patience(1);
    if (own_worker_) patience = own_worker_->patience();
    if (transport_.unsent() > 0) patience = std::min(patience, transport::Seconds(200e-6));
    if (options_.stall > 0) {
      const double silent_since = std::max(heard_, told_);
      if (transport_.now().count() - silent_since > options_.stall) tell_stall();
      patience = std::min(patience, transport::Seconds(std::max(options_.stall / 4, 1e-3)));
    }
    transport_.wait(patience);
  }
}

}  // namespace rondo::engine
