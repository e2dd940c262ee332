// The worker on rank 0: --rondo-master-works. The master's thread serves it.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/worker.hpp"

namespace rondo::engine {

class OwnWorker {
 public:
  /// What was said to all workers before this one was there is told first.
  void begin(transport::Transport& transport, const Host& host, std::unique_ptr<detail::Kernel> kernel,
             const WorkerSettings& settings) {
    worker_.emplace(transport, host, std::move(kernel), settings);
    for (transport::Envelope& early : std::exchange(early_, {})) worker_->handle(std::move(early));
  }
  /// Nothing more is told to it.
  void end() {
    worker_.reset();
    ended_ = true;
  }
  void handle(transport::Envelope envelope) {
    if (worker_) return worker_->handle(std::move(envelope));
    if (!ended_) early_.push_back(std::move(envelope));
  }
  [[nodiscard]] Worker* get() { return worker_ ? &*worker_ : nullptr; }

 private:
  std::vector<transport::Envelope> early_;
  std::optional<Worker> worker_;
  bool ended_ = false;
};

}  // namespace rondo::engine
