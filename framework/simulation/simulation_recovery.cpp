// Lost workers, as the virtual master sees them: message by message what the engine's does (engine/master_backup.cpp,
// master_recovery.cpp), with the same decisions (recovery/, Scheduler::lose and recover).
#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

#include <rondo/error.hpp>

#include "simulation/simulation.hpp"

namespace rondo::simulation {

using scheduler::Slot;
using Kind = Message::Kind;
namespace command = scheduler::command;

Redo Redo::of(const recovery::Replay& replay) {
  Redo redo{replay.copies, {}};
  for (const recovery::Replay::Step& step : replay.steps) {
    if (const auto* family = std::get_if<recovery::Replay::Family>(&step)) {
      redo.steps.emplace_back(*family);
      continue;
    }
    const auto& call = std::get<recovery::Replay::Call>(step);
    Rounds rounds{call.first_round, call.from, {}, call.ways};
    for (const Bytes bytes : call.shared)
      std::memcpy(&rounds.inputs.emplace_back(), bytes.data(), sizeof(std::uint64_t));
    redo.steps.emplace_back(std::move(rounds));
  }
  return redo;
}

void Simulation::prepare_recovery() {
  const std::size_t count = workers_.size();
  if (settings_.relay.group > 0 || settings_.tree_fanout < count)
    throw std::logic_error("simulation: no relay and no tree where workers may be lost");
  memory_.emplace(recovery::Workers{std::vector<bool>(count, false), std::vector<std::uint32_t>(count)},
                  settings_.recover->deadline);
  for (Place w = 0; w < count; ++w) memory_->workers.nodes[w] = w % settings_.recover->nodes;
  fates_.assign(count, Fate::kLives);
  held_back_.resize(count);
}

// ---- faults

void Simulation::dies(scheduler::Worker worker, Seconds after) {
  agenda_.plan(now() + after, Happening::Kind::kDies, index(worker));
}

void Simulation::stands_still(scheduler::Worker worker, Seconds after, Seconds time) {
  agenda_.plan(now() + after, Happening::Kind::kStops, index(worker));
  agenda_.plan(now() + after + time, Happening::Kind::kGoesOn, index(worker));
}

// Whether the happening is a fault, or kept from its place by one.
bool Simulation::strikes(const Happening& happening) {
  if (happening.place == common_.master) {
    if (happening.kind != Happening::Kind::kTimer) return false;
    watch();
    return true;
  }
  Fate& fate = fates_[happening.place];
  std::vector<Happening>& held = held_back_[happening.place];
  switch (happening.kind) {
    case Happening::Kind::kDies: fate = Fate::kDead; return true;
    case Happening::Kind::kStops:
      if (fate == Fate::kLives) fate = Fate::kStandsStill;
      return true;
    case Happening::Kind::kGoesOn:
      if (fate != Fate::kStandsStill) return true;
      fate = Fate::kLives;
      for (const Happening& each : std::exchange(held, {}))
        agenda_.plan(now(), each.kind, each.place, each.message);
      return true;
    default: break;
  }
  if (fate == Fate::kDead && happening.message != nullptr) agenda_.release(happening.message);
  if (fate == Fate::kStandsStill) held.push_back(happening);
  return fate != Fate::kLives;
}

// ---- who is lost

void Simulation::plan_watch() {
  if (std::exchange(memory_->watching, true)) return;
  agenda_.plan(now() + Seconds(memory_->silence.patience()), Happening::Kind::kTimer, common_.master);
}

void Simulation::watch() {
  memory_->watching = false;
  if (!memory_->calling) return;
  const auto [ask, silent] = memory_->silence.watch(now().count(), memory_->workers.lost);
  for (const scheduler::Worker worker : ask) send(message(Kind::kAsk, index(worker)));
  if (!silent.empty()) lose(silent);
  plan_watch();
}

template <class Fill>
void Simulation::tell_all(Kind kind, const Fill& fill) {
  for (Place w = 0; w < workers_.size(); ++w) {
    if (is_lost(w)) continue;
    Message* out = message(kind, w);
    fill(out->noted());
    send(out);
  }
}

void Simulation::lose(const std::vector<scheduler::Worker>& silent) {
  MasterMemory& my = *memory_;
  for (const scheduler::Worker worker : silent) {
    my.workers.lost[index(worker)] = true;
    my.lost_since_backup.push_back(worker);
    workers_[index(worker)].exile();
    if (my.workers.alive() > 0) scheduler_.lose(worker);
  }
  ++my.losses;
  tell_all(Kind::kLost, [&](LossNote& note) {
    note.number = my.losses;
    for (Place w = 0; w < workers_.size(); ++w)
      if (is_lost(w)) note.lost.push_back(w);
  });
  if (my.workers.alive() == 0) throw_lost(silent, scheduler_.size());
  if (!my.census) my.census.emplace();
  my.census->begin(silent, workers_.size());
}

// Whether the message is for this alone.
bool Simulation::recover(const Message& message) {
  MasterMemory& my = *memory_;
  if (message.from == common_.master) return false;
  const scheduler::Worker from{message.from};
  if (is_lost(message.from)) {
    send(this->message(Kind::kLeave, message.from));
    return true;
  }
  my.silence.heard(from);
  switch (message.kind) {
    case Kind::kAnswer: return true;
    case Kind::kBackedUp:
      if (!my.backing || my.backing->number != message.note->number) return true;
      my.backing->missing -= message.states.size();
      if (my.backing->missing == 0) complete_backup();
      return true;
    case Kind::kCensus:
      if (my.census && message.note->number == my.losses) my.census->count(from, message.note->held);
      return true;
    default: return false;
  }
}

// ---- the record

void Simulation::record_call(bool one_round) {
  MasterMemory& my = *memory_;
  if (!my.backing && running_.call.first_round - my.backup_round >= settings_.recover->every)
    begin_backup({});
  my.outputs.begin(scheduler_.size());
  my.threw.clear();
  std::vector<StateId> ids(scheduler_.size());
  for (Slot slot = 0; slot < ids.size(); ++slot) ids[slot] = scheduler_.id(slot);
  const std::uint64_t first = running_.call.first_round;
  my.history.begin_call(first, 0, std::move(ids), {});
  my.calling = true;
  if (one_round) {
    const std::uint64_t input = input_of(first);
    my.history.add_input(std::as_bytes(std::span(&input, 1)));
  }
  my.silence.begin(now().count());
  plan_watch();
}

void Simulation::record_input() {
  const std::uint64_t input = input_of(round_);
  memory_->history.add_input(std::as_bytes(std::span(&input, 1)));
}

void Simulation::end_record() {
  MasterMemory& my = *memory_;
  my.calling = false;
  if (!running_.result.cancelled) return;
  std::vector<recovery::History::Progress> progress(scheduler_.size());
  for (Slot slot = 0; slot < progress.size(); ++slot) {
    progress[slot].rounds = scheduler_.rounds_done(slot);
    progress[slot].threw = std::find(my.threw.begin(), my.threw.end(), scheduler_.id(slot)) != my.threw.end();
  }
  my.history.end_early(std::move(progress));
}

void Simulation::take_outputs(const Message& report) {
  for (std::size_t i = 0; i < report.done.size(); ++i) {
    const scheduler::Done& done = report.done[i];
    if (!memory_->outputs.is_first(done.slot, done.round) || observer_ == nullptr) continue;
    observer_->output(scheduler_.id(done.slot), running_.call.first_round + done.round,
                      report.note->contents.at(i));
  }
}

// ---- backups

void Simulation::begin_backup(recovery::History::Bases bases) {
  MasterMemory& my = *memory_;
  std::vector<StateId> ids(scheduler_.size());
  std::vector<scheduler::Worker> owners(ids.size());
  for (Slot slot = 0; slot < ids.size(); ++slot) {
    ids[slot] = scheduler_.id(slot);
    owners[slot] = scheduler_.owner(slot);
  }
  my.backing = recovery::plan_backup(++my.backups, my.history.position(my.calling), ids, owners, my.workers,
                                     std::move(bases));
  my.backup_round = round_;
  if (my.backing->missing == 0) return complete_backup();
  std::vector<Message*> messages(workers_.size(), nullptr);
  for (Slot slot = 0; slot < ids.size(); ++slot) {
    Message*& out = messages[index(owners[slot])];
    if (out == nullptr) out = message(Kind::kBackup, index(owners[slot]));
    out->noted().number = my.backing->number;
    out->note->targets.emplace_back(ids[slot], index(my.backing->others[slot]));
  }
  for (Message* out : messages)
    if (out != nullptr) send(out);
}

void Simulation::complete_backup() {
  MasterMemory& my = *memory_;
  my.backup = std::exchange(my.backing, std::nullopt);
  my.history.trim(my.backup->position);
  my.lost_since_backup.clear();
  tell_all(Kind::kBackupDone, [&](LossNote& note) { note.number = my.backup->number; });
}

// ---- what is done about a loss

// Does nothing until every worker that is left has been counted.
void Simulation::finish_recovery() {
  MasterMemory& my = *memory_;
  if (!my.census->is_complete(my.workers)) return;
  const recovery::Census census = std::move(*my.census);
  my.census.reset();
  my.backing.reset();  // some of it went to the lost
  std::vector<StateId> ids(scheduler_.size());
  for (Slot slot = 0; slot < ids.size(); ++slot) ids[slot] = scheduler_.id(slot);
  const recovery::Running running{my.outputs, epoch_, my.threw};
  recovery::Findings found =
      recovery::find_states(ids, census, my.workers, my.backup ? &*my.backup : nullptr, my.history, &running);
  if (found.gone > 0) throw_lost(census.lost(), found.gone);

  ++my.generation;
  for (Place w = 0; w < workers_.size(); ++w) {
    if (is_lost(w)) continue;
    Message* out = message(Kind::kResume, w);
    out->generation = my.generation;
    out->noted().number = my.backup ? my.backup->number : 0;
    out->note->next_backup = my.backups + 1;
    out->note->kept = std::move(found.kept[w]);
    send(out);
    if (found.missing[w].empty()) continue;
    my.made_anew += found.missing[w].size();
    Message* replay = message(Kind::kReplay, w);
    replay->noted().redo = Redo::of(my.history.replay(found.missing[w], my.backup->bases, true));
    send(replay);
  }
  const std::vector<scheduler::Command> commands = scheduler_.recover(
      cores_.free(common_.master), found.owners, found.rounds, running_.result.cancelled && !running_.ended);
  begin_backup(std::move(found.bases));
  resume_call(commands);
}

void Simulation::resume_call(const std::vector<scheduler::Command>& commands) {
  MasterMemory& my = *memory_;
  my.outputs.resume();
  Call& call = running_.call;
  call.epoch = ++epoch_;
  call.from = 0;
  if (!call.input_included && scheduler_.size() > 0) {
    call.from = my.outputs.begun_at(0);
    for (Slot slot = 1; slot < scheduler_.size(); ++slot)
      call.from = std::min(call.from, my.outputs.begun_at(slot));
  }
  running_.begun.assign(workers_.size(), false);
  for (const scheduler::Command& each : commands)
    if (const auto* assign = std::get_if<command::Assign>(&each)) perform(*assign);
  for (Place w = 0; w < workers_.size(); ++w)
    if (!is_lost(w) && !running_.begun[w]) perform(command::Assign{scheduler::Worker{w}, {}});
  for (std::uint32_t round = call.from; !call.input_included && round < my.history.shared_inputs(); ++round)
    open_round(epoch_, round);
  for (const scheduler::Command& each : commands)
    if (!std::holds_alternative<command::Assign>(each)) std::visit([&](const auto& c) { perform(c); }, each);
}

void Simulation::throw_lost(const std::vector<scheduler::Worker>& lost, std::size_t states) {
  throw WorkerLost("simulation: all copies of " + std::to_string(states) + " states are gone",
                   Rank{static_cast<std::int32_t>(index(lost.front()))});
}

}  // namespace rondo::simulation
