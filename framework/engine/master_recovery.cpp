// Lost workers, as rank 0 sees them.
//
// A worker that is silent for too long is lost. Then all others stop and tell what they hold; states that
// nobody holds, or whose outputs are missing, are made anew from a copy by a worker that has one, and the call goes on under a
// new epoch for all. States that are made anew are like states on their way: whatever is asked of them waits.
#include <rondo/detail/inputs.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

std::size_t Master::workers_alive() const {
  return static_cast<std::size_t>(std::count(lost_.begin(), lost_.end(), false));
}

bool Master::all_answered() const {
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!lost_[w] && !answered_.contains(rank_of(scheduler::Worker{w}))) return false;
  return true;
}

void Master::require_workers() const {
  if (workers_alive() == 0) throw WorkerLost("all workers are lost", rank_of(scheduler::Worker{0}));
}

// ---- who is lost

// To be called between waits, when everything that has come is taken in; says how long the next one may be. A worker that
// has said nothing for a while is asked; only one that was asked and given time can be lost. Only the time that rank 0 waits
// counts, and of one step not much: if this rank itself was away, it may not have taken in yet what has come meanwhile.
double Master::watch_silence() {
  if (!welcomed_) return std::numeric_limits<double>::infinity();
  const double deadline = options_.recover_deadline;
  const double now = transport_.now().count();
  waited_ += std::min(now - watched_, deadline / 4);
  watched_ = now;
  std::vector<scheduler::Worker> silent;
  for (std::uint32_t w = 0; w < workers_; ++w) {
    const scheduler::Worker worker{w};
    if (lost_[w] || rank_of(worker) == kMaster) continue;
    Seen& seen = seen_[w];
    if (waited_ - seen.silent_from < deadline / 4) continue;
    if (seen.asked < 0) {
      seen.asked = waited_;
      send(rank_of(worker), message(Kind::kAsk));
    } else if (waited_ - seen.asked >= deadline * 3 / 4) {
      silent.push_back(worker);
    }
  }
  if (!silent.empty()) lose(silent);
  return deadline / 8;
}

void Master::lose(const std::vector<scheduler::Worker>& silent) {
  for (const scheduler::Worker worker : silent) {
    std::cerr << "rondo: rank " << rank_of(worker) << " says nothing for " << options_.recover_deadline
              << " s and counts as lost" << std::endl;
    lost_[index(worker)] = true;
    transport_.forget(rank_of(worker));
    if (workers_alive() > 0) scheduler_.lose(worker);
  }
  Buffer out = message(Kind::kLost);
  Writer writer(out);
  writer.put(++losses_);
  std::vector<Rank> ranks;
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (lost_[w]) ranks.push_back(rank_of(scheduler::Worker{w}));
  writer.put_all(std::span<const Rank>(ranks));
  send_all(out);
  abandon_saving();
  if (closing_) return;
  if (workers_alive() == 0) throw_lost(silent, ids_.size());
  if (placing_) {
    again_ = true;
    return;
  }
  if (!recovery_) recovery_.emplace();
  recovery_->counted.assign(workers_, false);
  recovery_->held.clear();
  recovery_->lost.insert(recovery_->lost.end(), silent.begin(), silent.end());
}

void Master::take_census(Rank from, Reader& in) {
  const auto number = in.get<std::uint64_t>();
  if (!recovery_ || number != losses_) return;
  const scheduler::Worker worker = worker_of(from);
  for (const Held& each : in.get_all<Held>()) recovery_->held[each.state] = {worker, each};
  recovery_->counted[index(worker)] = true;
}

// ---- what is done about it

// Does nothing until every worker that is left has been counted.
void Master::finish_recovery() {
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!lost_[w] && !recovery_->counted[w]) return;
  const Recovery recovery = std::move(*recovery_);
  recovery_.reset();
  backing_.reset();  // some of it went to the lost
  Whereabouts found = look_for_states(recovery);
  if (found.gone > 0) throw_lost(recovery.lost, found.gone);
  std::size_t remade = 0;
  for (const auto& each : found.missing) remade += each.size();
  std::cerr << "rondo: the run goes on with " << workers_alive() << " workers; " << remade << " of "
            << ids_.size() << " states are made anew from copies" << std::endl;

  ++generation_;
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (lost_[w]) continue;
    Buffer out = message(Kind::kResume);
    Writer writer(out);
    writer.put(ResumeHead{generation_, backup_ ? backup_->number : 0, backups_ + 1});
    writer.put_all(std::span<const StateId>(found.kept[w]));
    send(rank_of(scheduler::Worker{w}), std::move(out));
    if (found.missing[w].empty()) continue;
    Buffer replay = message(Kind::kReplay);
    history_.replay(replay, found.missing[w], backup_->bases, in_call());
    send(rank_of(scheduler::Worker{w}), std::move(replay));
  }
  const bool stop = in_call() && (running_->cancelled || running_->exception || !running_->failures.empty());
  const std::vector<scheduler::Command> commands =
      scheduler_.recover(transport_.now(), found.owners, found.rounds, stop);
  // before anything starts: what is copied is known exactly
  begin_backup(std::move(found.bases));
  if (in_call()) resume_call(commands, std::move(found.rounds));
  if (serving_) resume_tasks();
  const std::vector<StateId> outstanding(fetching_.outstanding.begin(), fetching_.outstanding.end());
  request(outstanding);
}

Master::Whereabouts Master::look_for_states(const Recovery& recovery) const {
  Whereabouts found;
  found.owners.resize(ids_.size());
  found.rounds.assign(ids_.size(), 0);
  found.kept.resize(workers_);
  found.missing.resize(workers_);
  std::vector<bool> threw(ids_.size(), false);
  if (in_call() && !options_.rollback)
    for (const UpdateFailure& failure : running_->failures)
      threw[detail::position_of(ids_, failure.state)] = true;
  for (Slot slot = 0; slot < ids_.size(); ++slot) {
    const StateId id = ids_[slot];
    if (in_call()) {
      found.rounds[slot] = told_rounds_[slot];
      found.bases[id] = {told_rounds_[slot], threw[slot]};
    }
    if (const auto held = recovery.held.find(id); held != recovery.held.end()) {
      const auto& [worker, its] = held->second;
      const std::uint32_t done = !in_call() ? 0 : its.epoch == epoch_ ? its.rounds : begun_at_[slot];
      if (done == found.rounds[slot]) {
        found.owners[slot] = worker;
        found.kept[index(worker)].push_back(id);
        continue;
      }
    }
    // nobody has it, or outputs of what it has done are lost
    if (const auto holder = holder_of_copy(id, found.missing)) {
      found.owners[slot] = *holder;
      found.missing[index(*holder)].push_back({id, {found.rounds[slot], threw[slot]}});
    } else {
      ++found.gone;
    }
  }
  return found;
}

// Of two the one that has less to make anew so far.
std::optional<scheduler::Worker> Master::holder_of_copy(
    StateId id, const std::vector<std::vector<History::Target>>& given) const {
  if (!backup_) return std::nullopt;
  const std::size_t copy = detail::position_of(backup_->ids, history_.ancestor(id));
  std::optional<scheduler::Worker> holder;
  for (const scheduler::Worker place : {backup_->owners[copy], backup_->others[copy]})
    if (alive(place) && (!holder || given[index(place)].size() < given[index(*holder)].size()))
      holder = place;
  return holder;
}

// The same call under a new epoch: all that workers knew of it is void.
void Master::resume_call(const std::vector<scheduler::Command>& commands, std::vector<std::uint32_t> rounds) {
  Call& call = running_->call;
  call.epoch = ++epoch_;
  const bool inputs_follow = running_->own == nullptr && !call.input_included;
  call.from = inputs_follow && !rounds.empty() ? *std::min_element(rounds.begin(), rounds.end()) : 0;
  begun_at_ = std::move(rounds);
  running_->begun.assign(workers_, false);
  for (const scheduler::Command& command : commands)
    if (const auto* assign = std::get_if<scheduler::command::Assign>(&command)) perform(*assign);
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!lost_[w] && !running_->begun[w]) perform(scheduler::command::Assign{scheduler::Worker{w}, {}});
  for (std::uint32_t round = call.from; inputs_follow && round < history_.shared_inputs(); ++round)
    send_input(epoch_, round, call.from, history_.shared_input(round));
  for (const scheduler::Command& command : commands)
    if (!std::holds_alternative<scheduler::command::Assign>(command))
      std::visit([&](const auto& c) { perform(c); }, command);
}

void Master::resume_tasks() {
  std::map<scheduler::Worker, std::vector<std::uint64_t>> again;
  for (auto each = tasks_.begin(); each != tasks_.end();) {
    if (alive(each->second.worker)) {
      ++each;
    } else if (tasks_cancelled_) {
      each = tasks_.erase(each);
    } else {
      const scheduler::Worker to = least_busy();
      again[to].push_back(each->first);
      each->second.worker = to;
      ++each;
    }
  }
  for (const auto& [worker, numbers] : again) send_tasks(worker, numbers);
}

void Master::abandon_saving() {
  if (!saving_) return;
  std::cerr << "rondo: a checkpoint is abandoned because of the loss; the next one follows" << std::endl;
  sequence_abandoned_ = saving_->sequence;
  saving_.reset();
  abandoned_ = true;
}

// The workers that are left have no states after this, and can be given new ones.
void Master::throw_lost(const std::vector<scheduler::Worker>& lost, std::size_t states) {
  std::ostringstream text;
  text << (lost.size() == 1 ? "rank " : "ranks ");
  for (std::size_t i = 0; i < lost.size(); ++i) text << (i > 0 ? ", " : "") << rank_of(lost[i]);
  text << (lost.size() == 1 ? " is" : " are") << " lost, and all copies of " << states << " of "
       << ids_.size() << " states; " << workers_alive() << " workers are left";
  recovery_.reset();
  fetching_ = {};
  loads_.clear();
  drop_all();
  throw WorkerLost(text.str(), rank_of(lost.front()));
}

// ---- the end of all

void Master::leave_at_once(int status) {
  if (options_.recover) {  // the launcher does not end the others
    Buffer out = message(Kind::kLeave);
    Writer(out).put(std::int32_t{status});
    send_all(out);
    transport_.flush();
    constexpr double kSeconds = 1;
    const double begin = transport_.now().count();
    while (transport_.unsent() > 0 && transport_.now().count() - begin < kSeconds)
      transport_.wait(transport::Seconds(1e-3));
  }
  host_.abort(status);
  std::_Exit(status);
}

}  // namespace rondo::engine
