// What a worker is told and what it reports. The states it holds are in worker_states.cpp, calls in worker_call.cpp, checkpoints in
// worker_checkpoint.cpp, losses in worker_recovery.cpp, tasks in worker_tasks.cpp.
#include "engine/worker.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/freed_memory.hpp"

namespace rondo::engine {

using transport::Envelope;

Worker::Worker(transport::Transport& transport, const Host& host, std::unique_ptr<detail::Kernel> kernel,
               const WorkerSettings& settings)
    : transport_(transport),
      storage_(host.storage),
      platform_(host.platform),
      kernel_(std::move(kernel)),
      settings_(settings),
      copy_memory_(settings_.save_bytes),
      executor_(platform_.make_executor(transport.rank(), "the updates of a worker")) {
  executor_->start(*this);
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
    replay_stopped_ = true;
  }
  executor_->stop();
}

void Worker::handle(Envelope envelope) {
  if (!lost_.empty() && lost_.contains(envelope.from)) return;  // its states are restored from copies
  const Kind kind = kind_of(envelope.message);
  // what is late now, a context say, would be sent on to ranks that may have left
  if (closed_ && !messages::AtTheEnd::has(kind)) return;
  const auto handler = [&](const auto& message) {
    if constexpr (requires { take(message, envelope); })
      take(message, envelope);
    else
      take(message);
  };
  if (!dispatch(messages::ForWorker(), envelope.message, handler))
    throw Error("a worker got a message of kind " + std::to_string(static_cast<unsigned>(kind)));
}

void Worker::take(const messages::Close&) {
  closed_ = closing_ = true;
  postponed_.clear();
}

void Worker::take(const messages::Exit& exit) { exit_status_ = exit.status; }

void Worker::take(const messages::Leave& leave) {
  dismissed_ = true;
  exit_status_ = leave.status;
}

void Worker::take(const messages::Count&) {
  transport_.send(kMaster, to_bytes(messages::Counted{counters_}));
}

void Worker::poll() {
  while (!postponed_.empty() && has_room(postponed_.front().state, postponed_.front().order)) {
    PendingOrder next = std::move(postponed_.front());
    postponed_.pop_front();
    carry_out(next.state, next.order);
    proceed(next.state);
  }
  load_some();
  limit_freed_memory(transport_.now().count());
  if (settings_.recover) take_replayed();
  flush_outgoing();
  if (const StopRequest wish = platform_.take_stop_request(); wish != StopRequest::kNone)
    transport_.send(kMaster, to_bytes(messages::Signal{wish}));
  tell_saved();
  report();
  send_task_results();
  if (settings_.recover) send_census();

  if (closing_ && postponed_.empty() && !saver_ && transport_.unsent() == 0) {
    closing_ = false;
    transport_.send(kMaster, to_bytes(messages::Closed()));
  }
}

// Called with the lock held.
scheduler::Seconds Worker::report_period() const {
  return scheduler::report_period(scheduler::Seconds(settings_.report_interval),
                                  queue_.left(transport_.now()), planned_);
}

// Called with the lock held.
scheduler::Seconds Worker::low(scheduler::Time now) const {
  if (more_follow_) return scheduler::Seconds(0);
  return scheduler::low_mark(scheduler::Seconds(settings_.low), now - began_, call_.rounds);
}

// Called with the lock held.
bool Worker::late(scheduler::Time now) const {
  return queue_.ready() > 0 && scheduler::is_late(scheduler::Seconds(settings_.report_interval), now - began_,
                                                  reported_finish_, now + queue_.left(now), call_.rounds);
}

transport::Seconds Worker::patience() const {
  constexpr transport::Seconds kUnsent{200e-6};  // nobody tells when a message has left
  constexpr transport::Seconds kIdle{1};
  if (closing_ || !postponed_.empty() || !loading_.empty()) return kUnsent;
  const std::lock_guard lock(mutex_);
  if (report_due_) return transport::Seconds(0);
  if (done_.empty() && queue_.ready() == 0) return kIdle;
  const scheduler::Time now = transport_.now();
  const auto due = last_report_ + report_period() - now;
  const auto most = call_.rounds == 1 ? scheduler::look_period(queue_.left(now)) : kIdle;
  return std::clamp(due, transport::Seconds(0), std::min(most, kIdle));
}

// Tells the master what was done since the last time, and then that this worker has failed or stopped, if so.
void Worker::report() {
  messages::Report out{};
  messages::Report::Progress& head = out.progress;
  bool stopped = false;
  std::vector<Buffer> failures;
  {
    const std::lock_guard lock(mutex_);
    const scheduler::Time now = transport_.now();
    const bool timely =
        (!done_.empty() || queue_.ready() > 0) && (now - last_report_ >= report_period() || late(now));
    stopped = stopping_ && !computing_;
    if (!report_due_ && !timely && !stopped) return;
    report_due_ = false;
    last_report_ = now;
    if (stopped) stopping_ = false;
    head.epoch = call_.epoch;
    head.left = queue_.left(now).count();
    const scheduler::Offer offer = queue_.offer(now, settings_.move);
    head.ready = offer.count;
    head.smallest = offer.smallest.count();
    head.hungry = scheduler::Seconds(head.left) < low(now);
    reported_finish_ = now + scheduler::Seconds(head.left);
    if (head.hungry) planned_ = scheduler::Seconds(0);  // from now on everything matters
    std::swap(done_, sent_);
    head.processor_time = sent_.processor_time;
    failures.swap(failures_);
  }
  const std::size_t room = sizeof(Kind) + sizeof head + 16 +
                           sent_.jobs.size() * (sizeof(scheduler::Done) + 8) + sent_.outputs.size();
  std::swap(out.done, sent_.jobs);
  Buffer bytes = to_bytes(out, room);
  std::swap(out.done, sent_.jobs);
  std::size_t at = 0;
  for (const std::uint64_t size : sent_.sizes) {
    append(bytes, Block(Bytes(sent_.outputs.data() + at, size)));
    at += size;
  }
  sent_.clear();
  transport_.send(kMaster, std::move(bytes));

  for (Buffer& failure : failures) transport_.send(kMaster, std::move(failure));
  if (stopped) transport_.send(kMaster, to_bytes(messages::Stopped{head.epoch}));
}

void Worker::take(const messages::Ping&) {
  messages::Condition now;
  now.unsent = transport_.unsent();
  now.saving = saver_.has_value();
  {
    const std::lock_guard lock(mutex_);
    if (queue_.running()) {
      now.running = queue_.running()->state;
      now.running_for = (transport_.now() - queue_.running_since()).count();
    }
    for (const auto& [id, entry] : states_) {
      if (entry.state) continue;
      if (now.absent++ == 0 || id < now.first_absent) now.first_absent = id;
    }
    now.ready = queue_.ready();
    now.jobs = queue_.size();
    now.lacks_context = context_version_ < call_.context;
  }
  transport_.send(kMaster, to_bytes(messages::Status{now}));
}

}  // namespace rondo::engine
