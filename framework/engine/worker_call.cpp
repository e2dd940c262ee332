// A worker inside a call: its inputs, its jobs, what it gives away, and the thread that computes.
#include <algorithm>
#include <exception>
#include <utility>

#include "engine/check.hpp"
#include "engine/crash_line.hpp"
#include "engine/exception_text.hpp"
#include "engine/freed_memory.hpp"
#include "engine/worker.hpp"

namespace rondo::engine {

using transport::Envelope;

// ---- what goes down the tree

void Worker::forward(Bytes whole) {
  if (transport_.rank() == kMaster || settings_.recover) return;  // the master has sent it on itself
  for_each_child(transport_.rank(), transport_.size(), settings_.tree_fanout, [&](Rank child) {
    Buffer copy;
    copy.append(whole);
    transport_.send(child, std::move(copy));
  });
}

void Worker::take(const messages::Context& context, Envelope& envelope) {
  forward(envelope.message);
  if (settings_.recover) {
    const std::lock_guard lock(mutex_);
    if (replay_ || replaying_) return early_contexts_.push_back(std::move(envelope));
  }
  context_error_.reset();
  try {
    kernel_->set_context(context.packed.bytes());  // nothing computes: a context comes between calls
  } catch (...) {
    context_error_ = "the context cannot be unpacked: " + exception_text();
  }
  if (settings_.recover) {
    context_.clear();
    context_.append(context.packed.bytes());
  }
  context_version_ = context.version;
  open_rounds();
}

void Worker::take(const messages::Input& input, Envelope& envelope) {
  forward(envelope.message);
  keep_input(input, envelope);
}

void Worker::keep_input(const messages::Input& input, Envelope& envelope) {
  if (input.epoch > call_.epoch) return early_inputs_.push_back(std::move(envelope));
  if (input.epoch < call_.epoch) return;
  SharedInput unpacked = unpack_input(input.packed.bytes());
  {
    const std::lock_guard lock(mutex_);
    for (; inputs_from_ < input.complete && !inputs_.empty(); ++inputs_from_) inputs_.pop_front();
    if (input.round != inputs_from_ + inputs_.size()) throw Error("the inputs of a call came out of order");
    inputs_.push_back(std::move(unpacked));
  }
  open_rounds();
}

// Rounds are open as far as their inputs are here, and the context that they want.
void Worker::open_rounds() {
  {
    const std::lock_guard lock(mutex_);
    if (context_version_ < call_.context || unsaved_ > 0) return;
    queue_.open(call_.own_inputs ? 1 : inputs_from_ + static_cast<std::uint32_t>(inputs_.size()));
    plan();
  }
  executor_->notify();
}

// What the master expects of this worker. Called with the lock held.
void Worker::plan() {
  const scheduler::Time now = transport_.now();
  planned_ = queue_.known();
  reported_finish_ = now + queue_.left(now);
}

// ---- a call

void Worker::begin(const messages::CallHeader& call) {
  const std::lock_guard lock(mutex_);
  call_ = call;
  queue_.begin(call.rounds,
               scheduler::run_order(settings_.workers_here, platform_.cores(settings_.master_process)));
  inputs_.clear();
  inputs_from_ = call.from;
  report_due_ = low_told_ = false;
  began_ = last_report_ = transport_.now();
}

void Worker::take(const messages::Assign& assign, Envelope& envelope) {
  const messages::CallHeader& call = assign.call;
  const bool begins = call.epoch != call_.epoch;
  if (begins) begin(call);
  if (call.input_included) {
    SharedInput unpacked = unpack_input(assign.shared_input.bytes());
    const std::lock_guard lock(mutex_);
    inputs_.push_back(std::move(unpacked));
  }
  if (begins) open_rounds();

  std::shared_ptr<const Buffer> bytes;
  if (call.own_inputs) bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  {
    const std::lock_guard lock(mutex_);
    auto own_input = assign.own_inputs.begin();
    for (const Job& job : assign.jobs) {
      Entry& entry = states_[job.state];
      // nothing stays of an earlier job, which may have been cancelled: it would travel with the state
      entry.message = bytes;
      entry.own_input = {};
      if (call.own_inputs) {
        entry.own_input = own_input->bytes();
        ++own_input;
      }
      entry.epoch = call.epoch;
      entry.rounds = job.round;
      queue_.add(job, entry.here());
    }
    more_follow_ = call.more_follow;
    low_told_ = false;
    plan();
  }
  executor_->notify();
  if (begins) take_early();
}

void Worker::take_early() {
  for (Envelope& each : std::exchange(early_inputs_, {}))
    keep_input(from_bytes<messages::Input>(each.message), each);
  for (Envelope& each : std::exchange(early_, {})) handle(std::move(each));
}

void Worker::take(const messages::Give& give) {
  if (give.epoch != call_.epoch) return;
  messages::Gave gave{call_.epoch, give.thief, 0, 0, 0, {}};
  std::vector<std::pair<Job, Entry>> leaving;
  scheduler::StealRequest request = give.request;
  request.at_once =
      static_cast<double>(settings_.unsent_bytes - std::min(settings_.unsent_bytes, transport_.unsent()));
  {
    const std::lock_guard lock(mutex_);
    for (const Job& job : queue_.give(transport_.now(), request, settings_.move)) {
      const auto found = states_.find(job.state);
      leaving.emplace_back(job, std::move(found->second));
      states_.erase(found);
    }
  }
  for (auto& [job, entry] : leaving) {
    send_state(job.state, give.thief, messages::Parcel{job.state, 1, call_.epoch, job}, entry.state.get(),
               entry.own_input);
    gave.given.push_back({job.slot, job.hop});
    entry.state.reset();  // not in memory twice for longer than it takes
  }
  flush_outgoing();

  {
    const std::lock_guard lock(mutex_);
    const scheduler::Time now = transport_.now();
    gave.left = queue_.left(now).count();
    const scheduler::Offer offer = queue_.offer(now, settings_.move);
    gave.ready = offer.count;
    gave.smallest = offer.smallest.count();
  }
  transport_.send(kMaster, to_bytes(gave));
}

void Worker::take(const messages::Stop& stop) {
  if (stop.epoch != call_.epoch) return;
  const std::lock_guard lock(mutex_);
  queue_.stop();
  stopping_ = report_due_ = true;
}

// ---- the computing thread

bool Worker::next() {
  if (piece_ == Piece::kUpdate) {
    update_.end = transport_.now();
    limit_freed_memory(update_.end.count());
  }
  std::unique_lock lock(mutex_);
  bool wake = end_piece();
  piece_ = leaving_ ? Piece::kNone : take_piece();
  const bool idle = piece_ == Piece::kNone && !leaving_;
  if (idle && !report_due_ && (!done_.empty() || stopping_ || census_due_)) wake = report_due_ = true;
  lock.unlock();
  if (wake) transport_.wake();
  return piece_ != Piece::kNone;
}

void Worker::run() {
  switch (piece_) {
    case Piece::kUpdate: return run_update();
    case Piece::kTask: return run_task();
    case Piece::kReplay: return run_replay();
    case Piece::kNone: return;
  }
}

// Whether the thread that communicates has something to tell. Called with the lock held, as is all that follows but run_...().
bool Worker::end_piece() {
  switch (piece_) {
    case Piece::kUpdate: return end_update();
    case Piece::kTask: meter_.restart(); return end_task();
    case Piece::kReplay:
      meter_.restart();
      end_replay();
      return true;
    case Piece::kNone: break;
  }
  return false;
}

Worker::Piece Worker::take_piece() {
  if (replay_) {
    replay_piece_ = {std::move(*replay_), {}, std::nullopt};
    replay_.reset();
    replaying_ = true;
    replay_stopped_ = false;
    return Piece::kReplay;
  }
  if (const Job* next = queue_.start(transport_.now())) {
    computing_ = true;
    begin_update(*next);
    return Piece::kUpdate;
  }
  if (tasks_.empty()) return Piece::kNone;
  task_.task = std::move(tasks_.front());
  tasks_.pop_front();
  return Piece::kTask;
}

void Worker::begin_update(const Job& job) {
  update_.job = job;
  update_.entry = &states_.at(job.state);
  update_.shared = call_.own_inputs ? nullptr : &inputs_[job.round - inputs_from_];
  update_.call = {job.state, call_.first_round + job.round, call_.seed};
  update_.start = queue_.running_since();
}

// A state that cannot be restored stays as its update left it, and the text of the failure says so.
detail::Object Worker::restored(Snapshot& before, std::string& failure) const {
  try {
    return before.restore(*kernel_);
  } catch (...) {
    failure += "; the state cannot be put back, as its copy cannot be unpacked: " + exception_text();
    return {nullptr, nullptr};
  }
}

void Worker::run_update() {
  Updating& u = update_;
  u.output.clear();
  u.failure.reset();
  u.difference.reset();
  std::optional<Snapshot> before;
  meter_.update_begins(u.start);
  const CrashMark::Updating mark(u.job.state, u.call.round);
  try {
    if (context_error_) throw Error(*context_error_);
    if (u.shared != nullptr && u.shared->error) throw Error(*u.shared->error);
    if (settings_.rollback) before.emplace(*kernel_, u.entry->state.get(), u.memory);
    kernel_->update(u.entry->state.get(), u.shared != nullptr ? u.shared->value.get() : nullptr,
                    u.entry->own_input, u.call, u.output);
  } catch (const CheckFailure& found) {
    u.failure = found.what();
    u.difference = found.position();
  } catch (...) {
    u.failure = exception_text();
    if (before) u.before = restored(*before, *u.failure);
  }
}

bool Worker::end_update() {
  Updating& u = update_;
  Entry& entry = *u.entry;
  const Job& job = u.job;
  const scheduler::Time now = u.end;
  computing_ = false;
  bool wake = false;
  if (u.failure) {
    if (u.before) entry.state = std::exchange(u.before, {nullptr, nullptr});
    failures_.push_back(
        u.difference
            ? to_bytes(messages::Differs{call_.epoch, job.state, job.round, *u.failure, *u.difference})
            : to_bytes(messages::Failed{call_.epoch, job.state, job.round, *u.failure}));
    queue_.failed();
    queue_.stop();
    wake = report_due_ = true;
  } else {
    done_.jobs.push_back({job.slot, job.round, static_cast<float>((now - u.start).count()), job.hop});
    done_.sizes.push_back(u.output.size());
    done_.outputs.append(u.output);
    // a thief of a later call must not get what points into a message that is gone
    entry.message.reset();
    entry.own_input = {};
    entry.rounds = job.round + 1;
    queue_.finished(now, now - u.start);
    done_.processor_time += meter_.update_ends(now, queue_.ready() == 0).count();
    if (!low_told_ && queue_.left(now) < low(now)) wake = low_told_ = report_due_ = true;
    if (done_.outputs.size() >= settings_.report_bytes || done_.jobs.size() >= settings_.report_updates ||
        late(now))
      wake = report_due_ = true;
  }
  return wake;
}

}  // namespace rondo::engine
