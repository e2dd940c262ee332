// Tasks: posted by any thread, handed out to workers that run dry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include <rondo/detail/engine.hpp>

#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "scheduler/scheduler.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

/// Tasks that are posted and not handed out yet. Thread-safe.
class PostedTasks {
 public:
  /// Takes tasks until close().
  void open();
  /// Drops what is left.
  void close();
  /// Throws InputError unless it is open.
  void post(detail::Task task);
  /// Takes up to `most` of them out, and no more than one share of `shares`: something for everybody.
  [[nodiscard]] std::vector<detail::Task> take(std::size_t most, std::size_t shares);

 private:
  std::mutex mutex_;
  std::deque<detail::Task> tasks_;
  bool is_open_ = false;
};

class TaskServer {
 public:
  /// `keeps_inputs`: a task may have to be sent again, as its worker may be lost. The arguments outlive the server.
  TaskServer(Peers& peers, Loop& loop, Ensemble& ensemble, transport::Transport& transport, bool keeps_inputs)
      : peers_(peers), loop_(loop), ensemble_(ensemble), transport_(transport), keeps_inputs_(keeps_inputs) {}

  /// From any thread. Throws InputError unless another one is in serve().
  void post(detail::Task task);
  [[nodiscard]] std::uint64_t new_poster() { return posters_++; }
  /// Hands out what is posted until `ended` says so, and cancels what has not started then.
  void serve(const std::function<bool()>& ended);
  void take(Rank from, const messages::TasksDone& done);
  /// After a loss: the tasks of lost workers go to others.
  void resume();

  [[nodiscard]] bool is_serving() const { return serving_; }
  /// Whether nothing is at the workers.
  [[nodiscard]] bool is_idle() const { return tasks_.empty(); }
  /// Tasks so far.
  [[nodiscard]] std::uint64_t count() const { return next_; }
  /// Whether --rondo-check has found a difference.
  [[nodiscard]] bool differs() const { return differs_; }

 private:
  struct Posted {
    detail::Task task;
    scheduler::Worker worker;
  };

  void hand_out();
  void send_tasks(scheduler::Worker worker, std::span<const std::uint64_t> numbers);
  [[nodiscard]] scheduler::Worker least_busy() const;

  Peers& peers_;
  Loop& loop_;
  Ensemble& ensemble_;
  transport::Transport& transport_;
  const bool keeps_inputs_;

  PostedTasks posted_;
  bool serving_ = false;
  std::map<std::uint64_t, Posted> tasks_;  // at the workers, by number
  bool cancelled_ = false;
  std::vector<std::size_t> load_;  // tasks, per worker
  std::uint64_t next_ = 0;
  std::uint64_t posters_ = 0;  // since the last serve()
  double seconds_ = 0;         // of one task, lately
  bool differs_ = false;
};

}  // namespace rondo::engine
