// A worker between messages: what it is told, what it reports, and the states it holds. Calls are in worker_call.cpp, checkpoints in
// worker_checkpoint.cpp, losses in worker_recovery.cpp, tasks in worker_tasks.cpp.
#include "engine/worker.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "engine/signals.hpp"
#include "transport/promptness.hpp"

namespace rondo::engine {

using transport::Envelope;

Worker::Worker(transport::Transport& transport, checkpoint::Storage& storage,
               std::unique_ptr<detail::Kernel> kernel, const WorkerSettings& settings)
    : transport_(transport),
      storage_(storage),
      kernel_(std::move(kernel)),
      settings_(settings),
      mark_(transport.rank()),
      thread_([this] { compute(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
    replay_stopped_ = true;
  }
  work_.notify_one();
  thread_.join();
}

std::string Worker::what_was_thrown() {
  try {
    throw;
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

void Worker::handle(Envelope envelope) {
  if (!lost_.empty() && lost_.contains(envelope.from)) return;  // what it had is made anew
  Reader in(envelope.message);
  const auto kind = in.get<Kind>();
  switch (kind) {
    case Kind::kDropAll: return drop_all(in);
    case Kind::kPlace: return place(in);
    case Kind::kResample: return resample(in);
    case Kind::kFetch: return fetch(in);
    case Kind::kTransfer: return transfer(in);
    case Kind::kStates: return take_in(std::move(envelope), in);
    case Kind::kTasks: return take_tasks(std::move(envelope), in);
    case Kind::kCancelTasks: return cancel_tasks();
    case Kind::kSave: return save(in);
    case Kind::kLoad: return load(in);
    case Kind::kBackup: return back_up(in);
    case Kind::kCopies: return take_copies(std::move(envelope), in);
    case Kind::kBackupDone: return backup_done(in);
    case Kind::kLost: return take_lost(in);
    case Kind::kResume: return resume(in);
    case Kind::kReplay: return take_replay(std::move(envelope));
    case Kind::kLeave: dismissed_ = true; [[fallthrough]];
    case Kind::kExit: exit_status_ = in.get<std::int32_t>(); return;
    case Kind::kContext: return take_context(std::move(envelope));
    case Kind::kInput: return take_input(std::move(envelope));
    case Kind::kAssign: return assign(std::move(envelope), in);
    case Kind::kGive: return give(in);
    case Kind::kStop: return stop(in);
    case Kind::kCount: {
      Buffer out = message(Kind::kCounted);
      Writer(out).put(counters_);
      return transport_.send(kMaster, std::move(out));
    }
    case Kind::kAsk: return answer();
    case Kind::kClose: closing_ = true; return;
    default: throw Error("a worker got a message of kind " + std::to_string(static_cast<unsigned>(kind)));
  }
}

void Worker::poll() {
  while (!postponed_.empty() && has_room(postponed_.front().order)) {
    PendingOrder next = std::move(postponed_.front());
    postponed_.pop_front();
    carry_out(next.state, next.order);
  }
  load_some();
  if (settings_.recover) take_replayed();
  flush_outgoing();
  if (const Wish wish = SignalWatch::take(); wish != Wish::kNone) {
    Buffer out = message(Kind::kSignal);
    Writer(out).put(wish);
    transport_.send(kMaster, std::move(out));
  }
  tell_saved();
  report();
  send_task_results();
  if (settings_.recover) send_census();

  if (closing_ && postponed_.empty() && !saver_ && transport_.unsent() == 0) {
    closing_ = false;
    transport_.send(kMaster, message(Kind::kClosed));
  }
}

// Called with the lock held.
scheduler::Seconds Worker::report_period() const {
  return scheduler::report_period(scheduler::Seconds(settings_.report_interval),
                                  queue_.left(transport_.now()), planned_);
}

// Called with the lock held.
scheduler::Seconds Worker::low(scheduler::Time now) const {
  return scheduler::low_mark(scheduler::Seconds(settings_.low), now - began_, call_.rounds);
}

// Called with the lock held.
bool Worker::late(scheduler::Time now) const {
  return queue_.ready() > 0 && scheduler::is_late(scheduler::Seconds(settings_.report_interval), now - began_,
                                                  told_, now + queue_.left(now), call_.rounds);
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
  ReportHead head{};
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
    head.ready = queue_.ready();
    head.smallest = queue_.smallest(settings_.move).count();
    head.hungry = scheduler::Seconds(head.left) < low(now);
    told_ = now + scheduler::Seconds(head.left);
    if (head.hungry) planned_ = scheduler::Seconds(0);  // from now on everything matters
    head.running_for = queue_.running() ? (now - queue_.running_since()).count() : -1;
    if (queue_.running()) head.running = queue_.running()->state;
    std::swap(done_, sent_);
    failures.swap(failures_);
  }
  Buffer out;
  out.reserve(sizeof(Kind) + sizeof head + 16 + sent_.jobs.size() * (sizeof(scheduler::Done) + 8) +
              sent_.outputs.size());
  Writer writer(out);
  writer.put(Kind::kReport);
  writer.put(head);
  writer.put_all(std::span<const scheduler::Done>(sent_.jobs));
  std::size_t at = 0;
  for (const std::uint64_t size : sent_.sizes) {
    writer.put_block(Bytes(sent_.outputs.data() + at, size));
    at += size;
  }
  sent_.clear();
  transport_.send(kMaster, std::move(out));

  for (Buffer& failure : failures) transport_.send(kMaster, std::move(failure));
  if (stopped) {
    Buffer answer = message(Kind::kStopped);
    Writer(answer).put(head.epoch);
    transport_.send(kMaster, std::move(answer));
  }
}

void Worker::answer() {
  Condition now{};
  now.running_for = -1;
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
  Buffer out = message(Kind::kAnswer);
  Writer(out).put(now);
  transport_.send(kMaster, std::move(out));
}

// ---- states between the calls

void Worker::drop_all(Reader& in) {
  postponed_.clear();
  outgoing_.clear();
  loading_.clear();
  copies_out_.clear();
  {
    const std::lock_guard lock(mutex_);
    states_.clear();
    unsaved_ = 0;
    census_due_ = false;
    stop_replay();
  }
  generation_ = in.get<std::uint64_t>();
  drop_copies(0, in.get<std::uint64_t>());
  for (Envelope& envelope : std::exchange(early_, {})) handle(std::move(envelope));
}

void Worker::place(Reader& in) {
  while (!in.empty()) {
    const auto id = in.get<StateId>();
    arrive(id, unpack_state(id, in.get_block()));
  }
}

// Without its state this worker cannot go on; the error says which one it was.
detail::Object Worker::unpack_state(StateId id, Bytes bytes) const {
  try {
    return kernel_->unpack_state(bytes);
  } catch (...) {
    throw Error("state " + std::to_string(value(id)) + " cannot be unpacked: " + what_was_thrown());
  }
}

Worker::SharedInput Worker::unpack_input(Bytes bytes) const {
  SharedInput input;
  try {
    input.value = kernel_->unpack_input(bytes);
  } catch (...) {
    input.error = "the input cannot be unpacked: " + what_was_thrown();
  }
  return input;
}

void Worker::arrive(StateId id, detail::Object state) {
  std::vector<Order> orders;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = states_[id];
    entry.state = std::move(state);
    orders.swap(entry.orders);
    // a state that only passes through leaves a job that waits for its return alone
    if (std::none_of(orders.begin(), orders.end(), comes_first)) queue_.arrived(id);
  }
  work_.notify_one();
  for (Order& each : orders) order(id, std::move(each));
}

void Worker::order(StateId id, Order order) {
  Entry* entry = nullptr;
  {
    const std::lock_guard lock(mutex_);
    entry = &states_[id];
  }
  if (!entry->here()) {
    entry->orders.push_back(std::move(order));
  } else if (!postponed_.empty() || !has_room(order)) {
    {
      const std::lock_guard lock(mutex_);
      entry->held = entry->held || comes_first(order);
    }
    postponed_.push_back({id, std::move(order)});
  } else {
    carry_out(id, order);
  }
}

// Whether the copies that this order makes may be made now.
bool Worker::has_room(const Order& order) {
  if (std::holds_alternative<Save>(order)) return saver_->queued() < settings_.save_bytes;
  return transport_.unsent() < settings_.unsent_bytes;
}

void Worker::carry_out(StateId id, const Order& order) {
  if (const auto* multiplied = std::get_if<Multiply>(&order)) return multiply(id, multiplied->shares);
  if (const auto* fetched = std::get_if<Fetch>(&order)) return pack_fetched(id, fetched->request);
  if (const auto* saved = std::get_if<Save>(&order)) return pack_for_saver(id, saved->cost);
  if (const auto* copied = std::get_if<BackUp>(&order)) return copy_out(id, *copied);
  Entry& entry = states_.at(id);
  send_state(std::get<Send>(order).to, Parcel{id, 1, 0, {}}, entry.state.get(), {});
  const std::lock_guard lock(mutex_);
  entry.state.reset();
  entry.held = false;
  // what is left waits for the state's return: its next job's input, or where to send it on to
  if (entry.orders.empty() && !entry.message) states_.erase(id);
}

void Worker::resample(Reader& in) {
  while (!in.empty()) {
    const auto family = in.get<Family>();
    Multiply multiplied;
    for (std::uint32_t i = 0; i < family.places; ++i) multiplied.shares.push_back(in.get<Share>());
    order(family.parent, std::move(multiplied));
  }
  flush_outgoing();
}

// Copies leave first; the last child that stays is the parent itself.
void Worker::multiply(StateId parent, const std::vector<Share>& shares) {
  detail::Object state = std::move(states_.at(parent).state);
  {
    const std::lock_guard lock(mutex_);
    states_.erase(parent);
  }
  for (const Share& share : shares)
    if (share.to != transport_.rank())
      send_state(share.to, Parcel{share.first, share.count, 0, {}}, state.get(), {});
  for (const Share& share : shares) {
    if (share.to != transport_.rank()) continue;
    const std::uint64_t first = value(share.first);
    for (std::uint64_t i = 1; i < share.count; ++i)
      arrive(StateId{first + i}, kernel_->copy_state(state.get()));
    arrive(share.first, std::move(state));
  }
}

void Worker::transfer(Reader& in) {
  const Rank to = in.get<Rank>();
  for (const StateId id : in.get_all<StateId>()) order(id, Send{to});
  flush_outgoing();
}

void Worker::fetch(Reader& in) {
  const auto request = in.get<std::uint64_t>();
  for (const StateId id : in.get_all<StateId>()) order(id, Fetch{request});
  flush_outgoing();
}

void Worker::pack_fetched(StateId id, std::uint64_t request) {
  if (fetched_ && fetched_request_ != request) flush_outgoing();
  if (!fetched_) {
    fetched_ = message(Kind::kFetched);
    fetched_request_ = request;
    Writer(*fetched_).put(request);
  }
  const std::size_t before = fetched_->size();
  Writer writer(*fetched_);
  writer.put(id);
  writer.put(std::uint8_t{1});
  try {
    writer.put_block([&](Buffer& out) { kernel_->pack_state(states_.at(id).state.get(), out); });
  } catch (...) {
    fetched_->truncate(before);
    writer.put(id);
    writer.put(std::uint8_t{0});
    writer.put_text(what_was_thrown());
  }
  if (fetched_->size() >= settings_.message_bytes) flush_outgoing();
}

void Worker::send_state(Rank to, const Parcel& parcel, const void* state, Bytes own_input) {
  send_parcel(to, parcel, own_input, [&](Buffer& out) {
    try {
      kernel_->pack_state(state, out);
    } catch (...) {
      throw Error("state " + std::to_string(value(parcel.first)) + " cannot be packed: " + what_was_thrown());
    }
  });
}

void Worker::send_packed(Rank to, const Parcel& parcel, Bytes packed, Bytes own_input) {
  send_parcel(to, parcel, own_input, [&](Buffer& out) { out.append(packed); });
}

template <class Put>
void Worker::send_parcel(Rank to, const Parcel& parcel, Bytes own_input, const Put& put) {
  Buffer& out = outgoing_[to];
  if (out.empty()) {
    Writer(out).put(Kind::kStates);
    Writer(out).put(generation_);
  }
  const std::size_t before = out.size();
  try {
    Writer writer(out);
    writer.put(parcel);
    writer.put_block(put);
    writer.put_block(own_input);
  } catch (...) {
    out.truncate(before);  // the states before it are whole
    throw;
  }
  ++counters_.transfers;
  counters_.transfer_bytes += out.size() - before;
  if (out.size() >= settings_.message_bytes) {
    transport_.send(to, std::move(out));
    outgoing_.erase(to);
  }
}

void Worker::flush_outgoing() {
  for (auto& [to, out] : std::exchange(outgoing_, {})) transport_.send(to, std::move(out));
  for (auto& [to, out] : std::exchange(copies_out_, {})) transport_.send(to, std::move(out));
  if (fetched_) transport_.send(kMaster, std::move(*std::exchange(fetched_, std::nullopt)));
}

void Worker::take_in(Envelope envelope, Reader& in) {
  const auto generation = in.get<std::uint64_t>();
  if (generation < generation_) return;  // dropped since it was sent
  if (generation > generation_) return early_.push_back(std::move(envelope));
  const auto bytes = std::make_shared<const Buffer>(std::move(envelope.message));
  while (!in.empty()) {
    auto parcel = in.get<Parcel>();
    const Bytes packed = in.get_block();
    const Bytes own_input = in.get_block();
    if (parcel.epoch > call_.epoch) {  // its call has not begun here: look at it again then
      Envelope again{envelope.from, message(Kind::kStates)};
      Writer writer(again.message);
      writer.put(generation);
      writer.put(parcel);
      writer.put_block(packed);
      writer.put_block(own_input);
      early_.push_back(std::move(again));
      continue;
    }
    detail::Object state = unpack_state(parcel.first, packed);
    for (std::uint64_t i = 1; i < parcel.count; ++i)
      arrive(StateId{value(parcel.first) + i}, kernel_->copy_state(state.get()));
    if (parcel.epoch == call_.epoch && parcel.epoch != 0) {
      const std::lock_guard lock(mutex_);
      Entry& entry = states_[parcel.first];
      entry.message = bytes;
      entry.own_input = own_input;
      entry.epoch = parcel.epoch;
      entry.rounds = parcel.job.round;
      queue_.add(parcel.job, false);
      low_told_ = false;
    }
    arrive(parcel.first, std::move(state));
  }
}

}  // namespace rondo::engine
