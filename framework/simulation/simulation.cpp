#include "simulation/simulation.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace rondo::simulation {

using scheduler::Slot;
using Kind = Message::Kind;
namespace command = scheduler::command;
namespace event = scheduler::event;

namespace {
constexpr double kJobBytes = 40;
}

Settings Settings::of(std::uint32_t workers) {
  Settings settings;
  settings.scheduler.workers = workers;
  settings.report_interval = scheduler::report_interval(workers);
  settings.report_bytes = static_cast<double>(scheduler::report_bytes(workers));
  if (workers == 1) settings.low = Seconds(0);
  settings.relay = transport::plan_relay(workers, settings.machine.master_message);
  return settings;
}

Simulation::Simulation(const Settings& settings, Workload workload, Observer* observer)
    : settings_(settings),
      workload_(std::move(workload)),
      observer_(observer),
      network_(settings_.machine, settings.seed, agenda_),
      cores_(settings.machine, std::size_t{settings.scheduler.workers} * 2 + 1, agenda_),
      outgoing_(settings_.machine, cores_, network_, settings.scheduler.workers + 1),
      common_{settings_, workload_, agenda_, network_, cores_, outgoing_, settings.scheduler.workers,
              {},        observer},
      scheduler_(settings.scheduler) {
  for (Place w = 0; w < settings.scheduler.workers; ++w) workers_.emplace_back(common_, w);
  if (settings_.recover) prepare_recovery();
}

std::optional<scheduler::Worker> Simulation::whereabouts(StateId id) const {
  const Place place = common_.whereabouts[value(id)];
  if (place == Common::kTravelling) return std::nullopt;
  return scheduler::Worker{place};
}

// ---- states between the calls

void Simulation::reset(std::size_t count, std::span<const double> seconds) {
  settle();
  std::vector<StateId> ids(count);
  for (StateId& id : ids) id = StateId{next_id_++};
  common_.whereabouts.resize(next_id_);
  const std::vector<scheduler::Worker> owners = scheduler_.reset(ids, seconds);
  for (std::size_t i = 0; i < count; ++i) {
    workers_[index(owners[i])].place(ids[i]);
    scheduler_.packed(static_cast<Slot>(i), workload_.state_bytes);
  }
  if (!memory_) return;
  common_.holdings.resize(next_id_);
  for (const StateId id : ids) common_.holdings[value(id)] = {first_contents(id), 0, 0};
  begin_backup({});
  settle();
}

std::vector<scheduler::Copy> Simulation::resample(std::span<const std::uint32_t> offspring) {
  std::vector<StateId> parents(scheduler_.size());
  std::vector<scheduler::Worker> owners(scheduler_.size());
  for (Slot slot = 0; slot < parents.size(); ++slot) {
    parents[slot] = scheduler_.id(slot);
    owners[slot] = scheduler_.owner(slot);
  }
  const std::vector<scheduler::Copy> copies = scheduler_.resample(offspring, StateId{next_id_});
  if (memory_) {
    std::vector<StateId> each;
    for (const scheduler::Copy& copy : copies) each.insert(each.end(), copy.count, parents[copy.parent]);
    memory_->history.resample(StateId{next_id_}, std::move(each));
  }
  next_id_ += scheduler_.size();
  common_.whereabouts.resize(next_id_, Common::kTravelling);
  if (memory_) common_.holdings.resize(next_id_);

  std::map<Place, Message*> messages;
  auto copy = copies.begin();
  for (Slot slot = 0; slot < parents.size(); ++slot) {
    Family family{parents[slot], {}};
    for (; copy != copies.end() && copy->parent == slot; ++copy)
      family.shares.push_back({index(copy->to), copy->first, copy->count});
    Message*& out = messages[index(owners[slot])];
    if (out == nullptr) out = message(Kind::kResample, index(owners[slot]));
    out->families.push_back(std::move(family));
  }
  for (const auto& [worker, out] : messages) send(out);
  flush();
  return copies;
}

void Simulation::settle() {
  while (!agenda_.empty()) step();
}

// ---- calls

CallResult Simulation::update() {
  ++round_;
  if (scheduler_.size() == 0) return {};
  // a small input goes with the assignments; a big one, or one for many workers, goes down the tree
  const bool included =
      workload_.own_inputs || workload_.input_bytes * settings_.scheduler.workers <= 1 << 20;
  std::uint32_t open = 0;
  if (!included) open_round(epoch_ + 1, 0);  // it is on its way down while the assignments are made
  return run_call(1, included, [&] {
    if (open > 0) return;
    on(event::Opened{++open});
  });
}

CallResult Simulation::evolve(std::uint32_t rounds) {
  std::uint32_t open = 0;
  bool exhausted = false;
  const auto feed = [&] {
    while (!exhausted && !running_.ended && !recovering() && !running_.result.cancelled &&
           open - scheduler_.rounds_complete() < settings_.rounds_ahead) {
      if (open == rounds) {
        exhausted = true;
        on(event::Closed{open});
        return;
      }
      open_round(epoch_, open);
      if (memory_) record_input();
      ++round_;
      on(event::Opened{++open});
    }
  };
  return run_call(scheduler::WorkQueue::kUnknownRounds, false, feed);
}

template <class Feed>
CallResult Simulation::run_call(std::uint32_t rounds, bool input_included, const Feed& feed) {
  const Time begin = cores_.free(common_.master);
  const std::uint64_t messages_before = network_.sent();
  running_ = Running();
  running_.call = {++epoch_, rounds == 1 ? round_ - 1 : round_, rounds, input_included};
  if (memory_) record_call(rounds == 1);
  running_.begun.assign(workers_.size(), false);
  running_.chain.assign(scheduler_.size(), 0);
  if (cancel_after_)
    agenda_.plan(begin + *cancel_after_, Happening::Kind::kHandled, common_.master,
                 message(Kind::kFailed, common_.master));
  cancel_after_.reset();

  spend(settings_.machine.master_state * static_cast<double>(scheduler_.size()));
  const std::size_t batch_most =
      rounds == 1 ? std::min(settings_.batch_most, scheduler_.size()) : scheduler_.size() + 1;
  on(event::Begin{rounds, batch_most});
  for (Place w = 0; w < workers_.size(); ++w)
    if (!running_.begun[w] && !is_lost(w)) perform(command::Assign{scheduler::Worker{w}, {}});
  feed();
  flush();
  while (!running_.ended || recovering()) {
    if (agenda_.empty())
      throw std::logic_error("simulation: nothing happens any more and the call has not ended");
    step();
    if (recovering()) finish_recovery();
    if (!running_.ended && !recovering()) feed();
    flush();
  }
  if (memory_) end_record();
  while (cores_.shared() && cores_.busy(common_.master)) step();

  CallResult result = running_.result;
  result.makespan = (cores_.free(common_.master) - begin).count();
  if (!running_.chain.empty())
    result.longest = *std::max_element(running_.chain.begin(), running_.chain.end());
  result.bound = std::max(result.work / static_cast<double>(workers_.size()), result.longest);
  result.messages = network_.sent() - messages_before;
  return result;
}

void Simulation::open_round(std::uint64_t epoch, std::uint32_t round) {
  for (Place child = 0; child < std::min<std::size_t>(settings_.tree_fanout, workers_.size()); ++child) {
    if (is_lost(child)) continue;
    Message* out = message(Kind::kInput, child);
    out->call.epoch = epoch;
    out->round = round;
    out->bytes = workload_.input_bytes;
    send(out);
  }
  flush();
}

void Simulation::step() {
  const Happening happening = agenda_.next();
  ++happenings_;
  if (happening.kind == Happening::Kind::kCore) return cores_.turn(happening.place);
  if (memory_ && strikes(happening)) return;
  const bool master = happening.place == common_.master;
  switch (happening.kind) {
    case Happening::Kind::kArrives:
      return master ? arrives(happening.message) : workers_[happening.place].arrives(happening.message);
    case Happening::Kind::kLeaves: return outgoing_.leaves(happening.message);
    case Happening::Kind::kLook: return outgoing_.look(happening.place);
    case Happening::Kind::kHandled:
      outgoing_.taken(*happening.message);
      if (!master) return workers_[happening.place].take(happening.message);
      receiving_ = false;
      handle(*happening.message);
      agenda_.release(happening.message);
      if (inbox_.empty()) outgoing_.look_round(common_.master);
      return receive();
    case Happening::Kind::kAwake: return workers_[happening.place].awake();
    case Happening::Kind::kUpdateEnds: return workers_[happening.place].update_ends();
    case Happening::Kind::kBundleDue: return workers_[happening.place].bundle_due();
    case Happening::Kind::kTimer: return workers_[happening.place].timer();
    case Happening::Kind::kPoll: return master ? receive() : workers_[happening.place].free_again();
    case Happening::Kind::kReplayEnds: return workers_[happening.place].replay_ends(happening.message);
    default: throw std::logic_error("simulation: a fault where no worker may be lost");
  }
}

// ---- the master

void Simulation::spend(Seconds time) {
  cores_.spend(common_.master, time);
  running_.result.master_busy += time.count();
}

void Simulation::arrives(Message* message) {
  inbox_.push_back(message);
  if (inbox_.size() == 1) receive();
}

// Takes the next message in, once what the one before has caused is done.
void Simulation::receive() {
  if (inbox_.empty() || receiving_) return;
  if (cores_.busy(common_.master)) return cores_.then(common_.master, Happening::Kind::kPoll, common_.master);
  Message* message = inbox_.front();
  inbox_.pop_front();
  const Machine& machine = settings_.machine;
  if (message->kind == Kind::kBundle) {
    spend(machine.master_message - machine.master_part);
    ++running_.result.master_messages;
    for (Message* part : message->parts) part->part = true;
    inbox_.insert(inbox_.begin(), message->parts.begin(), message->parts.end());
    agenda_.release(message);
    return receive();
  }
  spend((message->part ? machine.master_part : machine.master_message) +
        static_cast<double>(message->items()) * machine.master_item +
        Seconds(message->bytes / machine.master_bandwidth + message->bytes / machine.copying));
  if (!message->part) ++running_.result.master_messages;
  receiving_ = true;
  cores_.then(common_.master, Happening::Kind::kHandled, common_.master, message);
}

Message* Simulation::message(Kind kind, Place to) {
  Message* message = agenda_.message(kind, common_.master, to);
  message->call.epoch = epoch_;
  return message;
}

void Simulation::send(Message* message) {
  const Machine& machine = settings_.machine;
  const Seconds items = static_cast<double>(message->items()) * machine.master_item;
  if (settings_.relay.group == 0) {
    spend(machine.master_message + items);
    ++running_.result.master_messages;
    return outgoing_.hold(common_.master, message);
  }
  spend(machine.master_part + items + Seconds(message->bytes / machine.master_bandwidth));
  while (!filling_.empty() &&
         cores_.free(common_.master) - filling_.front().since > transport::Relay::kBundleAge)
    send_bundle(filling_.front().leader);
  const Place leader = message->to / settings_.relay.group * settings_.relay.group;
  auto found = std::find_if(filling_.begin(), filling_.end(),
                            [&](const Filling& filling) { return filling.leader == leader; });
  if (found == filling_.end()) {
    Message* bundle = this->message(Kind::kBundle, leader);
    bundle->bytes = 0;
    found = filling_.insert(filling_.end(), {leader, bundle, cores_.free(common_.master)});
  }
  found->bundle->parts.push_back(message);
  found->bundle->bytes += message->bytes;
  if (found->bundle->bytes >= transport::Relay::kBundleBytes) send_bundle(leader);
}

void Simulation::send_bundle(Place leader) {
  const auto found = std::find_if(filling_.begin(), filling_.end(),
                                  [&](const Filling& filling) { return filling.leader == leader; });
  Message* bundle = found->bundle;
  filling_.erase(found);
  spend(settings_.machine.master_message - settings_.machine.master_part);
  ++running_.result.master_messages;
  outgoing_.send(common_.master, bundle);
}

void Simulation::flush() {
  while (!filling_.empty()) send_bundle(filling_.front().leader);
  outgoing_.ring(common_.master);
}

void Simulation::handle(const Message& message) {
  if (memory_ && recover(message)) return;
  if (message.call.epoch != epoch_ || running_.ended) return;
  const scheduler::Worker from{message.from};
  switch (message.kind) {
    case Kind::kReport:
      for (const scheduler::Done& done : message.done) {
        running_.result.work += done.seconds;
        running_.chain[done.slot] += done.seconds;
      }
      if (memory_) take_outputs(message);
      return on(event::Report{from, message.done, Seconds(message.left), message.ready, message.smallest,
                              message.hungry});
    case Kind::kGave:
      running_.result.stolen += message.given.size();
      return on(event::Gave{from, scheduler::Worker{message.thief}, message.given, Seconds(message.left),
                            message.ready, message.smallest});
    case Kind::kFailed:
      running_.result.cancelled = true;
      if (memory_) memory_->threw.insert(memory_->threw.end(), message.states.begin(), message.states.end());
      return on(event::Cancel{});
    case Kind::kStopped: return on(event::Stopped{from});
    default: throw std::logic_error("simulation: the master got a message for a worker");
  }
}

void Simulation::on(const scheduler::Event& event) {
  if (recovering()) return;  // what was planned with the lost worker is void
  const Time now = cores_.free(common_.master);
  const std::vector<scheduler::Command> commands = scheduler_.on(now, event);
  if (observer_ != nullptr) observer_->decided(now, event, commands, scheduler_);
  for (const scheduler::Command& each : commands) std::visit([&](const auto& c) { perform(c); }, each);
}

void Simulation::perform(const command::Move& move) {
  Message* out = message(Kind::kTransfer, index(move.from));
  out->thief = index(move.to);
  for (const Slot slot : move.slots) out->states.push_back(scheduler_.id(slot));
  out->bytes += 8.0 * static_cast<double>(move.slots.size());
  running_.result.refined += move.slots.size();
  send(out);
}

void Simulation::perform(const command::Assign& assign) {
  Message* out = message(Kind::kAssign, index(assign.worker));
  out->call = running_.call;
  if (running_.begun[index(assign.worker)]) out->call.input_included = false;  // it has it already
  running_.begun[index(assign.worker)] = true;
  for (const Slot slot : assign.slots) {
    const scheduler::Cost& cost = scheduler_.cost(slot);
    out->jobs.push_back({scheduler_.id(slot), slot, scheduler_.rounds_done(slot),
                         cost.known() ? static_cast<float>(cost.predicted().count()) : 0,
                         scheduler_.bytes(slot), scheduler_.hop(slot)});
  }
  out->bytes += kJobBytes * static_cast<double>(assign.slots.size());
  if (workload_.own_inputs) {
    const double inputs = workload_.input_bytes * static_cast<double>(assign.slots.size());
    out->bytes += inputs;
    spend(Seconds(inputs / settings_.machine.master_bandwidth));  // packing them
  } else if (out->call.input_included) {
    out->bytes += workload_.input_bytes;
  }
  send(out);
}

void Simulation::perform(const command::Give& give) {
  Message* out = message(Kind::kGive, index(give.victim));
  out->thief = index(give.thief);
  out->appetite = give.appetite;
  ++running_.result.gifts;
  send(out);
}

void Simulation::perform(const command::Stop&) {
  for (Place w = 0; w < workers_.size(); ++w)
    if (!is_lost(w)) send(message(Kind::kStop, w));
}

}  // namespace rondo::simulation
