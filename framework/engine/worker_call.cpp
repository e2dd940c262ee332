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

void Worker::take_context(Envelope envelope) {
  forward(envelope.message);
  if (settings_.recover) {
    const std::lock_guard lock(mutex_);
    if (replay_ || replaying_) return early_contexts_.push_back(std::move(envelope));
  }
  Reader in(envelope.message);
  (void)in.get<Kind>();
  const auto version = in.get<std::uint64_t>();
  const Bytes context = in.get_block();
  context_error_.reset();
  try {
    kernel_->set_context(context);  // nothing computes: a context comes between calls
  } catch (...) {
    context_error_ = "the context cannot be unpacked: " + exception_text();
  }
  if (settings_.recover) {
    context_.clear();
    context_.append(context);
  }
  context_version_ = version;
  open_rounds();
}

void Worker::take_input(Envelope envelope) {
  forward(envelope.message);
  keep_input(std::move(envelope));
}

void Worker::keep_input(Envelope envelope) {
  Reader in(envelope.message);
  (void)in.get<Kind>();
  const auto epoch = in.get<std::uint64_t>();
  if (epoch > call_.epoch) return early_inputs_.push_back(std::move(envelope));
  if (epoch < call_.epoch) return;
  const auto round = in.get<std::uint32_t>();
  const auto complete = in.get<std::uint32_t>();
  SharedInput input = unpack_input(in.get_block());
  {
    const std::lock_guard lock(mutex_);
    for (; inputs_from_ < complete && !inputs_.empty(); ++inputs_from_) inputs_.pop_front();
    if (round != inputs_from_ + inputs_.size()) throw Error("the inputs of a call came out of order");
    inputs_.push_back(std::move(input));
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
  told_ = now + queue_.left(now);
}

// ---- a call

void Worker::begin(const Call& call) {
  const std::lock_guard lock(mutex_);
  call_ = call;
  queue_.begin(call.rounds, scheduler::run_order(settings_.workers_here, platform_.cores(settings_.master_process)));
  inputs_.clear();
  inputs_from_ = call.from;
  report_due_ = low_told_ = false;
  began_ = last_report_ = transport_.now();
}

void Worker::assign(Envelope envelope, Reader& in) {
  const auto call = in.get<Call>();
  const Bytes input = in.get_block();
  const bool begins = call.epoch != call_.epoch;
  if (begins) begin(call);
  if (call.input_included) {
    SharedInput unpacked = unpack_input(input);
    const std::lock_guard lock(mutex_);
    inputs_.push_back(std::move(unpacked));
  }
  if (begins) open_rounds();

  Reader jobs(in.take(in.get<std::uint64_t>(), sizeof(Job)));
  std::shared_ptr<const Buffer> bytes;
  if (call.own_inputs) bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  {
    const std::lock_guard lock(mutex_);
    while (!jobs.empty()) {
      const Job job = jobs.get<Job>();
      Entry& entry = states_[job.state];
      // nothing stays of an earlier job, which may have been cancelled: it would travel with the state
      entry.message = bytes;
      entry.own_input = call.own_inputs ? in.get_block() : Bytes();
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
  for (Envelope& each : std::exchange(early_inputs_, {})) keep_input(std::move(each));
  for (Envelope& each : std::exchange(early_, {})) handle(std::move(each));
}

void Worker::give(Reader& in) {
  const auto head = in.get<GiveHead>();
  if (head.epoch != call_.epoch) return;
  std::vector<scheduler::Given> given;
  std::vector<std::pair<Job, Entry>> leaving;
  scheduler::Appetite appetite = head.appetite;
  appetite.at_once =
      static_cast<double>(settings_.unsent_bytes - std::min(settings_.unsent_bytes, transport_.unsent()));
  {
    const std::lock_guard lock(mutex_);
    for (const Job& job : queue_.give(transport_.now(), appetite, settings_.move)) {
      const auto found = states_.find(job.state);
      leaving.emplace_back(job, std::move(found->second));
      states_.erase(found);
    }
  }
  for (auto& [job, entry] : leaving) {
    send_state(job.state, head.thief, Parcel{job.state, 1, call_.epoch, job}, entry.state.get(),
               entry.own_input);
    given.push_back({job.slot, job.hop});
    entry.state.reset();  // not in memory twice for longer than it takes
  }
  flush_outgoing();

  GaveHead answer{call_.epoch, head.thief, 0, 0, 0};
  {
    const std::lock_guard lock(mutex_);
    const scheduler::Time now = transport_.now();
    answer.left = queue_.left(now).count();
    const scheduler::Offer offer = queue_.offer(now, settings_.move);
    answer.ready = offer.count;
    answer.smallest = offer.smallest.count();
  }
  Buffer out = message(Kind::kGave);
  Writer writer(out);
  writer.put(answer);
  writer.put_all(std::span<const scheduler::Given>(given));
  transport_.send(kMaster, std::move(out));
}

void Worker::stop(Reader& in) {
  if (in.get<std::uint64_t>() != call_.epoch) return;
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
    Buffer out = message(u.difference ? Kind::kDiffers : Kind::kFailed);
    Writer writer(out);
    writer.put(call_.epoch);
    writer.put(job.state);
    writer.put(job.round);
    writer.put_text(*u.failure);
    if (u.difference) writer.put(*u.difference);
    failures_.push_back(std::move(out));
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
