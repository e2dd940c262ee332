// A virtual worker's part when workers are lost: message by message what the engine's does (engine/worker_recovery.cpp).
//
// All workers share one table of who has which state. A worker that counts as lost and lives gets a table of its own; the
// states that it has sent before travel on with what they are.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "simulation/virtual_worker.hpp"

namespace rondo::simulation {

using Kind = Message::Kind;

void VirtualWorker::exile() {
  alone_ = std::make_shared<Common>(*common_);
  common_ = alone_.get();
}

// From who is lost, or of states that have been decided on since.
bool VirtualWorker::is_void(const Message& message) const {
  if (memory_->left || memory_->lost.contains(message.from)) return true;
  if (message.kind != Kind::kStates) return false;
  return message.generation < memory_->generation ||
         (memory_->counted && message.generation == memory_->generation);
}

bool VirtualWorker::is_early(const Message& message) const {
  return message.generation > memory_->generation;
}

void VirtualWorker::recover(Message& message) {
  switch (message.kind) {
    case Kind::kAsk: return send(this->message(Kind::kAnswer, common_->master));
    case Kind::kBackup:
      for (const auto& [id, to] : message.note->targets) order(id, BackUp{message.note->number, to});
      return;
    case Kind::kCopies: return take_copies(message);
    case Kind::kBackupDone: return memory_->copies.keep(message.note->number, message.note->number);
    case Kind::kLost: return take_lost(*message.note);
    case Kind::kResume: return resume(message);
    case Kind::kReplay: return begin_replay(message);
    case Kind::kLeave:
      memory_->left = true;
      queue_.stop();
      return;
    default: throw std::logic_error("simulation: a worker got a message for the master");
  }
}

// ---- copies

void VirtualWorker::copy_out(StateId id, const BackUp& order) {
  Message*& out = copies_out_[order.to];
  if (out == nullptr) out = message(Kind::kCopies, order.to);
  const Contents contents = common_->holdings[value(id)].contents;
  LossNote& note = out->noted();
  if (!note.copies.empty() && note.number != order.number)
    throw std::logic_error("simulation: copies of two backups in one message");
  note.number = order.number;
  note.copies.emplace_back(id, contents);
  out->bytes += common_->workload.state_bytes;
  memory_->copies.put(order.number, id, contents);
  spend(Seconds(common_->workload.state_bytes / common_->settings.machine.packing_bandwidth));
  if (out->bytes >= common_->settings.message_bytes) {
    send(out);
    copies_out_.erase(order.to);
  }
}

void VirtualWorker::take_copies(const Message& message) {
  for (const auto& [id, contents] : message.note->copies)
    memory_->copies.put(message.note->number, id, contents);
  Message* out = this->message(Kind::kBackedUp, common_->master);
  out->noted().number = message.note->number;
  out->states.resize(message.note->copies.size());
  send(out);
}

// ---- a loss

void VirtualWorker::take_lost(const LossNote& loss) {
  memory_->loss = loss.number;
  memory_->lost.insert(loss.lost.begin(), loss.lost.end());
  orders_.clear();
  for (std::map<Place, Message*>* filling : {&outgoing_, &copies_out_}) {
    for (const auto& [to, out] : *filling) common_->agenda.release(out);
    filling->clear();
  }
  ++memory_->replays;
  memory_->replaying = false;
  queue_.stop();
  memory_->counted = false;
  memory_->census_due = report_due_ = true;
}

// As soon as the running update has ended and its output has been reported.
void VirtualWorker::send_census() {
  if (!memory_->census_due || computing_ || !done_.empty() || !failures_.empty()) return;
  memory_->census_due = false;
  memory_->counted = true;
  Message* out = message(Kind::kCensus, common_->master);
  out->noted().number = memory_->loss;
  for (std::uint64_t id = 0; id < common_->holdings.size(); ++id) {
    const Holding& holding = common_->holdings[id];
    if (here(StateId{id})) out->note->held.push_back({StateId{id}, holding.rounds, holding.epoch});
  }
  send(out);
}

void VirtualWorker::resume(const Message& message) {
  memory_->generation = message.generation;
  memory_->counted = false;
  memory_->copies.keep(message.note->number, message.note->next_backup);
  const std::vector<StateId>& kept = message.note->kept;
  for (std::uint64_t id = 0; id < common_->holdings.size(); ++id)
    if (here(StateId{id}) && !std::binary_search(kept.begin(), kept.end(), StateId{id}))
      common_->whereabouts[id] = Common::kTravelling;
  for (Message* early : std::exchange(early_, {})) handle(early);
}

// ---- states made anew

// Done at once, but the thread that computes is busy with it for as long as the updates take.
void VirtualWorker::begin_replay(Message& message) {
  Message* made = this->message(Kind::kReplay, self_);
  std::map<StateId, Contents> states;
  for (const StateId id : message.note->redo.copies) states[id] = memory_->copies.at(id);
  Seconds time{0};
  for (const auto& step : message.note->redo.steps) {
    if (const auto* family = std::get_if<recovery::Replay::Family>(&step)) {
      const Contents parent = states.extract(family->parent).mapped();
      for (const StateId child : family->children) states[child] = parent;
      continue;
    }
    const auto& call = std::get<Redo::Rounds>(step);
    for (const recovery::Replay::Way& way : call.ways)
      for (std::uint32_t round = way.from; round < way.to + (way.threw ? 1 : 0); ++round) {
        Contents& contents = states.at(way.id);
        contents = updated(contents, way.id, call.first_round + round, call.inputs.at(round - call.from),
                           round == way.to);
        time += Seconds(common_->workload.seconds(way.id, call.first_round + round));
      }
  }
  memory_->replaying = true;
  made->noted().number = ++memory_->replays;
  made->note->copies.assign(states.begin(), states.end());
  common_->agenda.plan(common_->agenda.now() + time, Happening::Kind::kReplayEnds, self_, made);
}

void VirtualWorker::replay_ends(Message* message) {
  const bool counts = message->note->number == memory_->replays;
  if (counts) {
    memory_->replaying = false;
    for (const auto& [id, contents] : message->note->copies) {
      common_->holdings[value(id)] = {contents, 0, 0};
      arrive(id);
    }
  }
  common_->agenda.release(message);
  if (!counts) return;
  flush();
  compute();
  poll();
}

// The running update has ended.
void VirtualWorker::remember(const scheduler::Job& job, bool threw) {
  const std::uint64_t round = call_.first_round + job.round;
  Holding& holding = common_->holdings[value(job.state)];
  holding.contents = updated(holding.contents, job.state, round, input_of(round), threw);
  if (threw) return;
  holding.epoch = call_.epoch;
  holding.rounds = job.round + 1;
  memory_->contents.push_back(holding.contents);
}

}  // namespace rondo::simulation
