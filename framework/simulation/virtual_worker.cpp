#include "simulation/virtual_worker.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace rondo::simulation {

using scheduler::Job;
using Kind = Message::Kind;

namespace {
constexpr double kDoneBytes = 32;  // beside the output
}  // namespace

Message* VirtualWorker::message(Kind kind, Place to) const {
  Message* message = common_->agenda.message(kind, self_, to);
  message->call.epoch = call_.epoch;
  return message;
}

void VirtualWorker::send(Message* message) {
  if (message->to == common_->master && message->kind != Kind::kBundle && leader()) {
    if (*leader() == self_) return put_up(message);
    message->via = leader();
  }
  spend(common_->settings.machine.worker_message);
  if (common_->observer != nullptr) common_->observer->sends(scheduler::Worker{self_}, *message);
  common_->outgoing.send(self_, message);
}

void VirtualWorker::arrives(Message* message) {
  const Machine& machine = common_->settings.machine;
  ++waiting_;
  spend(machine.worker_message + Seconds(message->bytes / machine.copying) +
        Seconds(message->kind == Kind::kStates ? message->bytes / machine.unpacking_bandwidth : 0));
  common_->cores.then(self_, Happening::Kind::kHandled, self_, message);
}

void VirtualWorker::take(Message* message) {
  --waiting_;
  handle(message);
}

void VirtualWorker::handle(Message* message) {
  if (message->kind == Kind::kBundle || message->to == common_->master) return relay(message);
  if (memory_ && is_void(*message)) return common_->agenda.release(message);
  bool kept = false;
  switch (message->kind) {
    case Kind::kAssign: assign(message); break;
    case Kind::kTransfer:
      for (const StateId id : message->states) order(id, Send{message->thief});
      break;
    case Kind::kResample:
      for (const Family& family : message->families) order(family.parent, Multiply{family.shares});
      break;
    case Kind::kStates:
      kept = memory_ && is_early(*message);
      if (kept) {
        early_.push_back(message);
      } else {
        take_in(message);
      }
      break;
    case Kind::kInput:
      kept = message->call.epoch > call_.epoch;
      if (kept) {
        early_.push_back(message);
      } else {
        input(*message);
      }
      break;
    case Kind::kGive:
      if (message->call.epoch == call_.epoch) give(*message);
      break;
    case Kind::kStop:
      if (message->call.epoch == call_.epoch) {
        queue_.stop();
        stopping_ = report_due_ = true;
      }
      break;
    default: recover(*message); break;
  }
  if (!kept) common_->agenda.release(message);
  flush();
  compute();
  if (waiting_ == 0) common_->outgoing.look_round(self_);
  poll();
}

void VirtualWorker::begin(const Call& call) {
  call_ = call;
  const std::size_t workers = common_->settings.scheduler.workers, cores = common_->settings.machine.cores;
  queue_.begin(call.rounds, scheduler::run_order(workers, cores > 0 ? cores : workers));
  inputs_ = call.from;
  report_due_ = low_told_ = false;
  began_ = last_report_ = common_->agenda.now();
}

void VirtualWorker::assign(Message* message) {
  const bool begins = message->call.epoch != call_.epoch;
  if (begins) begin(message->call);
  if (message->call.input_included) queue_.open(++inputs_);
  for (const Job& job : message->jobs) queue_.add(job, here(job.state));
  low_told_ = false;
  plan();
  if (!begins) return;
  for (Message* early : std::exchange(early_, {})) handle(early);
}

void VirtualWorker::input(const Message& message) {
  const auto forward = [&](Place child) {
    Message* copy = common_->agenda.message(Kind::kInput, self_, child);
    copy->call = message.call;
    copy->round = message.round;
    copy->bytes = message.bytes;
    send(copy);
  };
  // ranks as the engine counts them: the master is 0
  const std::uint64_t first = (std::uint64_t{self_} + 1) * common_->settings.tree_fanout + 1;
  for (std::uint64_t rank = first; rank < first + common_->settings.tree_fanout && rank <= common_->master;
       ++rank)
    forward(static_cast<Place>(rank - 1));
  if (message.call.epoch < call_.epoch) return;
  if (message.round != inputs_) throw std::logic_error("simulation: the inputs came out of order");
  queue_.open(++inputs_);
  plan();
}

// What the master expects of this worker.
void VirtualWorker::plan() {
  planned_ = queue_.known();
  told_ = common_->agenda.now() + queue_.left(common_->agenda.now());
}

void VirtualWorker::take_in(Message* message) {
  for (std::size_t p = 0; p < message->parcels.size(); ++p) {
    const Parcel& parcel = message->parcels[p];
    if (parcel.epoch > call_.epoch) {  // its call has not begun here: look at it again then
      Message* again = common_->agenda.message(Kind::kStates, message->from, self_);
      again->parcels.push_back(parcel);
      if (memory_) {
        again->generation = message->generation;
        again->noted().holdings.push_back(message->note->holdings[p]);
      }
      early_.push_back(again);
      continue;
    }
    for (std::uint32_t i = 0; memory_ && i < parcel.count; ++i)
      common_->holdings[value(parcel.first) + i] = message->note->holdings[p];
    for (std::uint32_t i = 1; i < parcel.count; ++i) arrive(StateId{value(parcel.first) + i});
    if (parcel.epoch == call_.epoch && parcel.epoch != 0) {
      queue_.add(parcel.job, false);
      low_told_ = false;
    }
    arrive(parcel.first);
  }
}

void VirtualWorker::arrive(StateId id) {
  common_->whereabouts[value(id)] = self_;
  const auto found = orders_.find(id);
  if (found == orders_.end()) return queue_.arrived(id);
  const std::vector<Order> waiting = std::move(found->second);
  orders_.erase(found);
  for (const Order& each : waiting) order(id, each);
  // if it only passes through and a job waits for it here, then the state comes back
  if (here(id)) queue_.arrived(id);
}

void VirtualWorker::order(StateId id, const Order& order) {
  if (!here(id)) {
    orders_[id].push_back(order);
    return;
  }
  if (const auto* copied = std::get_if<BackUp>(&order)) return copy_out(id, *copied);
  common_->whereabouts[value(id)] = Common::kTravelling;
  if (const auto* transfer = std::get_if<Send>(&order)) {
    send_state(transfer->to, {id, 1, 0, {}});
    return;
  }
  const auto& shares = std::get<Multiply>(order).shares;
  for (const Share& share : shares)
    for (std::uint32_t i = 0; memory_ && i < share.count; ++i)
      common_->holdings[value(share.first) + i] = {common_->holdings[value(id)].contents, 0, 0};
  for (const Share& share : shares)
    if (share.to != self_) send_state(share.to, {share.first, share.count, 0, {}});
  for (const Share& share : shares) {
    if (share.to != self_) continue;
    for (std::uint32_t i = 0; i < share.count; ++i) arrive(StateId{value(share.first) + i});
  }
}

void VirtualWorker::send_state(Place to, const Parcel& parcel) {
  Message*& out = outgoing_[to];
  if (out == nullptr) out = message(Kind::kStates, to);
  out->parcels.push_back(parcel);
  if (memory_) {
    out->generation = memory_->generation;
    out->noted().holdings.push_back(common_->holdings[value(parcel.first)]);
  }
  out->bytes += common_->workload.state_bytes;
  spend(Seconds(common_->workload.state_bytes / common_->settings.machine.packing_bandwidth));
  if (out->bytes >= common_->settings.message_bytes) {
    send(out);
    outgoing_.erase(to);
  }
}

void VirtualWorker::flush() {
  for (const auto& [to, out] : copies_out_) send(out);
  copies_out_.clear();
  if (outgoing_.empty()) return;
  for (const auto& [to, out] : outgoing_) send(out);
  outgoing_.clear();
}

void VirtualWorker::give(const Message& ask) {
  Message* answer = message(Kind::kGave, common_->master);
  answer->thief = ask.thief;
  scheduler::Appetite appetite = ask.appetite;
  appetite.at_once = common_->settings.unsent_bytes;
  for (const Job& job : queue_.give(common_->agenda.now(), appetite, common_->settings.scheduler.move)) {
    common_->whereabouts[value(job.state)] = Common::kTravelling;
    send_state(ask.thief, {job.state, 1, call_.epoch, job});
    answer->given.push_back({job.slot, job.hop});
  }
  flush();
  answer->left = queue_.left(common_->agenda.now()).count();
  const scheduler::Offer offer = queue_.offer(common_->agenda.now(), common_->settings.scheduler.move);
  answer->ready = offer.count;
  answer->smallest = offer.smallest;
  answer->bytes += 8.0 * static_cast<double>(answer->given.size());
  send(answer);
}

// The computing thread looks for work.
void VirtualWorker::compute() {
  if (computing_ || (memory_ && (memory_->replaying || memory_->left))) return;
  const Time now = common_->agenda.now();
  if (const Job* job = queue_.start(now)) {
    computing_ = true;
    const std::uint64_t round = call_.first_round + job->round;
    duration_ = Seconds(common_->workload.seconds(job->state, round));
    if (common_->observer != nullptr)
      common_->observer->updates(scheduler::Worker{self_}, *job, round, now, duration_);
    if (!here(job->state)) throw std::logic_error("simulation: an update of a state that is elsewhere");
    started_ = now;
    const Cores::Thread thread = common_->computing(self_);
    common_->cores.spend(thread, common_->workload.processor);
    common_->cores.then(thread, Happening::Kind::kAwake, self_, nullptr, duration_);
  } else if (!done_.empty() || stopping_) {
    report_due_ = true;
  }
}

void VirtualWorker::awake() {
  const Cores::Thread thread = common_->computing(self_);
  common_->cores.spend(thread, common_->settings.machine.update_overhead);
  common_->cores.then(thread, Happening::Kind::kUpdateEnds, self_);
}

void VirtualWorker::update_ends() {
  const Time now = common_->agenda.now();
  const Job job = *queue_.running();
  computing_ = false;
  if (common_->cores.shared())  // as the worker's clock sees it
    duration_ = now - started_;
  if (common_->workload.fails && common_->workload.fails(job.state, call_.first_round + job.round)) {
    if (memory_) remember(job, true);
    queue_.failed();
    queue_.stop();
    failures_.push_back(job.state);
    report_due_ = true;
  } else {
    if (memory_) remember(job, false);
    done_.push_back({job.slot, job.round, static_cast<float>(duration_.count()), job.hop});
    queue_.finished(now, duration_);
    if (!low_told_ && queue_.left(now) < low(now)) low_told_ = report_due_ = true;
    const double bytes = static_cast<double>(done_.size()) * common_->workload.output_bytes;
    if (bytes >= common_->settings.report_bytes || late(now)) report_due_ = true;
  }
  compute();
  if (report_due_) spend(common_->settings.machine.worker_wakes);
  poll();
}

void VirtualWorker::timer() {
  timer_planned_ = false;
  poll();
}

void VirtualWorker::free_again() {
  poll_planned_ = false;
  poll();
}

Time VirtualWorker::report_due() const {
  return last_report_ + scheduler::report_period(common_->settings.report_interval,
                                                 queue_.left(common_->agenda.now()), planned_);
}

Seconds VirtualWorker::low(Time now) const {
  return scheduler::low_mark(common_->settings.low, now - began_, call_.rounds);
}

bool VirtualWorker::late(Time now) const {
  return queue_.ready() > 0 && scheduler::is_late(common_->settings.report_interval, now - began_, told_,
                                                  now + queue_.left(now), call_.rounds);
}

// The thread that communicates sends what is due, as soon as it is free.
void VirtualWorker::poll() {
  const Time now = common_->agenda.now();
  const bool waiting = !done_.empty() || queue_.ready() > 0;
  const bool timely = waiting && (now >= report_due() || late(now));
  if (report_due_ || timely || (stopping_ && !computing_)) {
    if (common_->cores.busy(self_)) {
      if (!poll_planned_) common_->cores.then(self_, Happening::Kind::kPoll, self_);
      poll_planned_ = true;
      return;
    }
    report();
  }
  if (memory_) send_census();
  if (!timer_planned_ && (!done_.empty() || queue_.ready() > 0)) {
    timer_planned_ = true;
    const Time look = now + scheduler::look_period(queue_.left(now));
    common_->agenda.plan(std::max(std::min(report_due(), look), now + Seconds(1e-6)), Happening::Kind::kTimer,
                         self_);
  }
}

void VirtualWorker::report() {
  const Time now = common_->agenda.now();
  report_due_ = false;
  last_report_ = now;
  Message* out = message(Kind::kReport, common_->master);
  out->left = queue_.left(now).count();
  told_ = now + Seconds(out->left);
  const scheduler::Offer offer = queue_.offer(now, common_->settings.scheduler.move);
  out->ready = offer.count;
  out->smallest = offer.smallest;
  out->hungry = Seconds(out->left) < low(now);
  if (out->hungry) planned_ = Seconds(0);
  out->done = std::exchange(done_, {});
  if (memory_) out->noted().contents = std::exchange(memory_->contents, {});
  out->bytes += static_cast<double>(out->done.size()) * (kDoneBytes + common_->workload.output_bytes);
  send(out);
  for (const StateId failed : std::exchange(failures_, {})) {
    Message* failure = message(Kind::kFailed, common_->master);
    failure->states.push_back(failed);
    send(failure);
  }
  if (stopping_ && !computing_) {
    stopping_ = false;
    send(message(Kind::kStopped, common_->master));
  }
}

}  // namespace rondo::simulation
