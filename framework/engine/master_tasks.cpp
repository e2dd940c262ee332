// Tasks on rank 0: posted by any thread, handed out as workers run dry.
#include <algorithm>
#include <memory>
#include <utility>

#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

void Master::post(detail::Task task) {
  {
    const std::lock_guard lock(posts_mutex_);
    if (!serving_)
      throw InputError("a task was posted to a master that does not serve: use evaluate_on(master, ...)", {});
    posted_.push_back(std::move(task));
  }
  transport_.wake();
}

void Master::serve(const std::function<bool()>& ended) {
  require_idle();
  require_going();
  require_workers();
  Running running;  // other calls are refused as long as this one runs
  running_ = &running;
  ++round_;
  {
    const std::lock_guard lock(posts_mutex_);
    serving_ = true;
  }
  const std::unique_ptr<Master, void (*)(Master*)> leave(this, [](Master* master) {
    const std::lock_guard lock(master->posts_mutex_);
    master->serving_ = false;
    master->posted_.clear();
    master->tasks_.clear();
    master->running_ = nullptr;
    master->posters_ = 0;
  });
  task_load_.assign(workers_, 0);
  tasks_cancelled_ = false;
  run_until([&] {
    if (!ended()) {
      hand_out();
      return false;
    }
    if (!std::exchange(tasks_cancelled_, true) && !tasks_.empty())
      send_all(to_bytes(messages::CancelTasks()));
    return tasks_.empty();
  });
}

void Master::wake() { transport_.wake(); }

scheduler::Worker Master::least_busy() const {
  std::uint32_t least = 0;
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!peers_.lost[w] && (peers_.lost[least] || task_load_[w] < task_load_[least])) least = w;
  return scheduler::Worker{least};
}

// Two batches at each worker, the one it works on and the next, of a millisecond each or of one task.
void Master::hand_out() {
  constexpr double kBatchSeconds = 1e-3;
  constexpr double kBatchMost = 256;
  const auto batch = static_cast<std::size_t>(
      task_seconds_ > 0 ? std::clamp(kBatchSeconds / task_seconds_, 1.0, kBatchMost) : 1);
  while (true) {
    const scheduler::Worker worker = least_busy();
    if (task_load_[index(worker)] >= 2 * batch) return;
    std::vector<detail::Task> tasks;
    {
      const std::lock_guard lock(posts_mutex_);
      // a share for everybody, where there are not enough for full batches
      const std::size_t share = std::min(batch, (posted_.size() + workers_alive() - 1) / workers_alive());
      for (std::size_t i = 0; i < share; ++i) {
        tasks.push_back(std::move(posted_.front()));
        posted_.pop_front();
      }
    }
    if (tasks.empty()) return;
    std::vector<std::uint64_t> numbers;
    for (detail::Task& task : tasks) {
      numbers.push_back(next_task_++);
      tasks_.emplace(numbers.back(), Posted{std::move(task), worker});
    }
    send_tasks(worker, numbers);
  }
}

void Master::send_tasks(scheduler::Worker worker, std::span<const std::uint64_t> numbers) {
  Buffer out = to_bytes(messages::Tasks{round_ - 1, seed_, {}});
  for (const std::uint64_t number : numbers) {
    Posted& posted = tasks_.at(number);
    posted.worker = worker;
    append(out, messages::Tasks::Item{number, posted.task.key, posted.task.input});
    if (!options_.recover) posted.task.input = Buffer();
  }
  task_load_[index(worker)] += numbers.size();
  send(rank_of(worker), std::move(out));
}

void Master::take(Rank from, const messages::TasksDone& done) {
  using messages::TaskStatus;
  for (const auto& [number, seconds, status, block] : done.tasks) {
    const Bytes output = block.bytes();
    const auto found = tasks_.find(number);
    if (found == tasks_.end()) throw Error("task " + std::to_string(number) + " ended twice");
    const detail::Task task = std::move(found->second.task);
    tasks_.erase(found);
    --task_load_[index(worker_of(from))];
    if (status == TaskStatus::kDropped) continue;
    task_seconds_ += (std::max(seconds, 1e-9) - task_seconds_) / (task_seconds_ > 0 ? 16 : 1);
    if (status == TaskStatus::kDone) {
      task.done(output);
      continue;
    }
    const std::string text(reinterpret_cast<const char*>(output.data()), output.size());
    const std::string whole =
        "task " + std::to_string(task.key) + " on rank " + std::to_string(value(from)) + ": " + text;
    if (status == TaskStatus::kDiffers) {
      differs_ = true;
      task.failed(std::make_exception_ptr(CheckError(whole, StateId{task.key}, round_ - 1, 0)));
    } else {
      task.failed(
          std::make_exception_ptr(UpdateError(whole, {{StateId{task.key}, from, round_ - 1, text}}, {})));
    }
  }
}

}  // namespace rondo::engine
