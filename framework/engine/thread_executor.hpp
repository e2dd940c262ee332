// An executor with a thread of its own.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>

#include <rondo/ids.hpp>

#include "engine/executor.hpp"
#include "threads/thread.hpp"

namespace rondo::engine {

class ThreadExecutor final : public Executor {
 public:
  /// `what` names the work in the error of a thread that cannot be started: "the updates of a worker".
  ThreadExecutor(Rank rank, std::string what) : rank_(rank), what_(std::move(what)) {}
  ThreadExecutor(const ThreadExecutor&) = delete;
  ThreadExecutor& operator=(const ThreadExecutor&) = delete;
  ~ThreadExecutor() override { stop(); }

  void start(Work& work) override;
  void notify() override;
  void stop() override;

 private:
  void loop(Work& work);
  [[nodiscard]] bool wait();

  const Rank rank_;
  const std::string what_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool notified_ = false;
  bool stopping_ = false;
  threads::Thread thread_;  // last: it uses all the others
};

}  // namespace rondo::engine
