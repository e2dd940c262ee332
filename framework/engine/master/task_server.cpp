#include "engine/master/task_server.hpp"

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <rondo/error.hpp>

namespace rondo::engine {

void PostedTasks::open() {
  const std::lock_guard lock(mutex_);
  is_open_ = true;
}

void PostedTasks::close() {
  const std::lock_guard lock(mutex_);
  is_open_ = false;
  tasks_.clear();
}

void PostedTasks::post(detail::Task task) {
  const std::lock_guard lock(mutex_);
  if (!is_open_)
    throw InputError("a task was posted to a master that does not serve: use evaluate_on(master, ...)", {});
  tasks_.push_back(std::move(task));
}

std::vector<detail::Task> PostedTasks::take(std::size_t most, std::size_t shares) {
  const std::lock_guard lock(mutex_);
  std::vector<detail::Task> taken;
  for (std::size_t left = std::min(most, (tasks_.size() + shares - 1) / shares); left > 0; --left) {
    taken.push_back(std::move(tasks_.front()));
    tasks_.pop_front();
  }
  return taken;
}

void TaskServer::post(detail::Task task) {
  posted_.post(std::move(task));
  transport_.wake();
}

void TaskServer::serve(const std::function<bool()>& ended) {
  ++ensemble_.round;
  posted_.open();
  serving_ = true;
  const auto leave = [](TaskServer* server) {
    server->posted_.close();
    server->serving_ = false;
    server->tasks_.clear();
    server->posters_ = 0;
  };
  const std::unique_ptr<TaskServer, decltype(leave)> serving(this, leave);
  load_.assign(peers_.count(), 0);
  cancelled_ = false;
  loop_.run_until([&] {
    if (!ended()) {
      hand_out();
      return false;
    }
    if (!std::exchange(cancelled_, true) && !tasks_.empty())
      peers_.send_all(to_bytes(messages::CancelTasks()));
    return tasks_.empty();
  });
}

scheduler::Worker TaskServer::least_busy() const {
  std::uint32_t least = 0;
  for (std::uint32_t w = 0; w < peers_.count(); ++w)
    if (!peers_.is_lost(w) && (peers_.is_lost(least) || load_[w] < load_[least])) least = w;
  return scheduler::Worker{least};
}

// Two batches at each worker, the one it works on and the next, of a millisecond each or of one task.
void TaskServer::hand_out() {
  constexpr double kBatchSeconds = 1e-3;
  constexpr double kBatchMost = 256;
  const auto batch =
      static_cast<std::size_t>(seconds_ > 0 ? std::clamp(kBatchSeconds / seconds_, 1.0, kBatchMost) : 1);
  while (true) {
    const scheduler::Worker worker = least_busy();
    if (load_[index(worker)] >= 2 * batch) return;
    std::vector<detail::Task> tasks = posted_.take(batch, peers_.alive());
    if (tasks.empty()) return;
    std::vector<std::uint64_t> numbers;
    for (detail::Task& task : tasks) {
      numbers.push_back(next_++);
      tasks_.emplace(numbers.back(), Posted{std::move(task), worker});
    }
    send_tasks(worker, numbers);
  }
}

void TaskServer::send_tasks(scheduler::Worker worker, std::span<const std::uint64_t> numbers) {
  Buffer out = to_bytes(messages::Tasks{ensemble_.round - 1, ensemble_.seed, {}});
  for (const std::uint64_t number : numbers) {
    Posted& posted = tasks_.at(number);
    posted.worker = worker;
    append(out, messages::Tasks::Item{number, posted.task.key, posted.task.input});
    if (!keeps_inputs_) posted.task.input = Buffer();
  }
  load_[index(worker)] += numbers.size();
  peers_.send(worker, std::move(out));
}

void TaskServer::take(Rank from, const messages::TasksDone& done) {
  using messages::TaskStatus;
  for (const auto& [number, seconds, status, block] : done.tasks) {
    const Bytes output = block.bytes();
    const auto found = tasks_.find(number);
    if (found == tasks_.end()) throw Error("task " + std::to_string(number) + " ended twice");
    const detail::Task task = std::move(found->second.task);
    tasks_.erase(found);
    --load_[index(peers_.worker_of(from))];
    if (status == TaskStatus::kDropped) continue;
    seconds_ += (std::max(seconds, 1e-9) - seconds_) / (seconds_ > 0 ? 16 : 1);
    if (status == TaskStatus::kDone) {
      task.done(output);
      continue;
    }
    const std::string text(reinterpret_cast<const char*>(output.data()), output.size());
    const std::string whole =
        "task " + std::to_string(task.key) + " on rank " + std::to_string(value(from)) + ": " + text;
    if (status == TaskStatus::kDiffers) {
      differs_ = true;
      task.failed(std::make_exception_ptr(CheckError(whole, StateId{task.key}, ensemble_.round - 1, 0)));
    } else {
      task.failed(std::make_exception_ptr(
          UpdateError(whole, {{StateId{task.key}, from, ensemble_.round - 1, text}}, {})));
    }
  }
}

void TaskServer::resume() {
  std::map<scheduler::Worker, std::vector<std::uint64_t>> again;
  for (auto each = tasks_.begin(); each != tasks_.end();) {
    if (!peers_.is_lost(each->second.worker)) {
      ++each;
    } else if (cancelled_) {
      each = tasks_.erase(each);
    } else {
      const scheduler::Worker to = least_busy();
      again[to].push_back(each->first);
      each->second.worker = to;
      ++each;
    }
  }
  for (const auto& [worker, numbers] : again) send_tasks(worker, numbers);
}

}  // namespace rondo::engine
