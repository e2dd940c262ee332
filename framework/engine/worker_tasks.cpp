// Tasks at a worker: updates of a fresh state each, which nobody keeps.
#include <exception>
#include <utility>

#include "engine/check.hpp"
#include "engine/exception_text.hpp"
#include "engine/worker.hpp"

namespace rondo::engine {

using messages::TaskStatus;

void Worker::take(const messages::Tasks& tasks, transport::Envelope& envelope) {
  const auto bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, key, input] : tasks.tasks)
      tasks_.push_back({number, key, tasks.round, tasks.seed, bytes, input.bytes()});
  }
  executor_->notify();
}

// What has not started is not wanted any more.
void Worker::take(const messages::CancelTasks&) {
  const std::lock_guard lock(mutex_);
  for (const Task& task : tasks_) task_results_.push_back({task.number, 0, TaskStatus::kDropped, {}});
  tasks_.clear();
  tasks_due_ = true;
}

void Worker::send_task_results() {
  std::vector<TaskResult> results;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(tasks_due_, false)) return;
    results.swap(task_results_);
  }
  Buffer out = to_bytes(messages::TasksDone());
  for (const TaskResult& result : results)
    append(out, messages::TasksDone::Item{result.number, result.seconds, result.status, result.output});
  transport_.send(kMaster, std::move(out));
}

void Worker::run_task() {
  const Task& task = task_.task;
  TaskResult& result = task_.result;
  result = {task.number, 0, TaskStatus::kDone, {}};
  task_.start = transport_.now();
  try {
    const detail::Object state = kernel_->make_state();
    kernel_->update(state.get(), nullptr, task.input, {StateId{task.key}, task.round, task.seed},
                    result.output);
  } catch (const CheckFailure& found) {
    result.status = TaskStatus::kDiffers;
    result.output.clear();
    const std::string_view text = found.what();
    result.output.append(std::as_bytes(std::span(text)));
  } catch (...) {
    result.status = TaskStatus::kFailed;
    result.output.clear();
    const std::string text = exception_text();
    result.output.append(std::as_bytes(std::span(text)));
  }
}

// Alone or together: results travel when there is nothing more to wait for, or when the first has waited long enough.
bool Worker::end_task() {
  const transport::Seconds now = transport_.now();
  task_.result.seconds = (now - task_.start).count();
  task_results_.push_back(std::move(task_.result));
  task_.task = {};  // the message that holds its input
  constexpr transport::Seconds kPatience{1e-3};
  if (task_results_.size() == 1) first_task_done_ = now;
  if (!tasks_.empty() && now - first_task_done_ < kPatience) return false;
  return tasks_due_ = true;
}

}  // namespace rondo::engine
