// Lost workers, as rank 0 sees them.
//
// A worker that is silent for too long is lost. Then all others stop and tell what they hold; states that
// nobody holds, or whose outputs are missing, are restored from a copy by a worker that has one, and the call goes on under a
// new epoch for all. States that are being restored are like states on their way: all orders for them wait.
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

using scheduler::Slot;

namespace {

messages::Replay::Step step_of(const recovery::Replay::Context& context) {
  return {messages::Replay::NewContext{context.bytes}};
}
messages::Replay::Step step_of(const recovery::Replay::Family& family) {
  return {messages::Replay::Family{family.parent, family.children}};
}
messages::Replay::Step step_of(const recovery::Replay::Call& call) {
  return {messages::Replay::Rounds{call.first_round,
                                   call.seed,
                                   call.from,
                                   {call.shared.begin(), call.shared.end()},
                                   {call.own.begin(), call.own.end()},
                                   call.ways}};
}

Buffer message_of(const recovery::Replay& replay) {
  Buffer out = to_bytes(messages::Replay{replay.copies, replay.context, {}});
  for (const recovery::Replay::Step& step : replay.steps)
    std::visit([&](const auto& each) { append(out, step_of(each)); }, step);
  return out;
}

}  // namespace

void Master::await(Kind kind) {
  awaited_ = kind;
  answered_.clear();
}

bool Master::count_answer(Rank from, Kind kind) { return kind == awaited_ && answered_.insert(from).second; }

bool Master::all_answered() const {
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!peers_.lost[w] && !answered_.contains(rank_of(scheduler::Worker{w}))) return false;
  return true;
}

void Master::require_workers() const {
  if (workers_alive() == 0) throw WorkerLost("all workers are lost", rank_of(scheduler::Worker{0}));
}

// ---- the lost workers

// To be called between waits, when everything that has come is taken in; says how long the next one may be.
double Master::watch_silence() {
  // a worker that is about to begin may be busy with that
  constexpr double kBeginning = 10;
  if (!welcomed_ && transport_.now().count() - saved_at_ < kBeginning) return 1;
  std::vector<bool> ignored = peers_.lost;
  if (own_worker_) ignored[index(worker_of(kMaster))] = true;
  const auto [ask, silent] = detector_.watch(transport_.now().count(), ignored);
  for (const scheduler::Worker worker : ask) send(rank_of(worker), to_bytes(messages::Ping()));
  if (!silent.empty()) lose(silent);
  return detector_.patience();
}

void Master::lose(const std::vector<scheduler::Worker>& silent) {
  for (const scheduler::Worker worker : silent) {
    std::cerr << "rondo: rank " << rank_of(worker) << " says nothing for "
              << options_.recover_deadline.count() << " s and counts as lost" << std::endl;
    peers_.lost[index(worker)] = true;
    transport_.forget(rank_of(worker));
    if (workers_alive() > 0) scheduler_.lose(worker);
  }
  if (!welcomed_) {  // nobody has anything to stop, or states to count
    if (workers_alive() == 0) throw_lost(silent, 0);
    return;
  }
  messages::Lost lost{++losses_, {}};
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (peers_.lost[w]) lost.ranks.push_back(rank_of(scheduler::Worker{w}));
  send_all(to_bytes(lost));
  abandon_saving();
  if (closing_) return;
  if (workers_alive() == 0) throw_lost(silent, ids_.size());
  if (placing_) {
    again_ = true;
    return;
  }
  if (!census_) census_.emplace();
  census_->begin(silent, workers_);
}

void Master::take(Rank from, const messages::Census& census) {
  if (census_ && census.loss == losses_) census_->count(worker_of(from), census.held);
}

// ---- what is done about it

// Does nothing until every worker that is left has been counted.
void Master::finish_recovery() {
  if (!census_->is_complete(peers_)) return;
  const recovery::Census census = std::move(*census_);
  census_.reset();
  backing_.reset();  // some of it went to the lost
  recovery::RecoveryPlan found = find_states(census);
  if (found.gone > 0) throw_lost(census.lost(), found.gone);
  std::size_t remade = 0;
  for (const auto& each : found.missing) remade += each.size();
  std::cerr << "rondo: the run goes on with " << workers_alive() << " workers; " << remade << " of "
            << ids_.size() << " states are restored from copies" << std::endl;

  ++generation_;
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (peers_.lost[w]) continue;
    const Rank rank = rank_of(scheduler::Worker{w});
    send(rank,
         to_bytes(messages::Resume{generation_, backup_ ? backup_->number : 0, backups_ + 1, found.kept[w]}));
    if (found.missing[w].empty()) continue;
    send(rank, message_of(replay_log_.replay(found.missing[w], backup_->bases, in_call())));
  }
  const bool stop = in_call() && (running_->cancelled || running_->exception || !running_->failures.empty());
  const std::vector<scheduler::Command> commands =
      scheduler_.recover(transport_.now(), found.owners, found.rounds, stop);
  // before anything starts: what is copied is known exactly
  begin_backup(std::move(found.bases));
  if (in_call()) resume_call(commands);
  if (serving_) resume_tasks();
  const std::vector<StateId> outstanding(fetching_.outstanding.begin(), fetching_.outstanding.end());
  request(outstanding);
}

recovery::RecoveryPlan Master::find_states(const recovery::Census& census) const {
  const recovery::Backup* backup = backup_ ? &*backup_ : nullptr;
  if (!in_call()) return recovery::find_states(ids_, census, peers_, backup, replay_log_, nullptr);
  recovery::Running running{outputs_, epoch_, {}};
  if (!options_.rollback)
    for (const UpdateFailure& failure : running_->failures) running.threw.push_back(failure.state);
  return recovery::find_states(ids_, census, peers_, backup, replay_log_, &running);
}

// The same call under a new epoch: all that workers knew of it is void.
void Master::resume_call(const std::vector<scheduler::Command>& commands) {
  outputs_.resume();
  messages::CallHeader& call = running_->call;
  call.epoch = ++epoch_;
  const bool inputs_follow = running_->own == nullptr && !call.input_included;
  call.from = 0;
  if (inputs_follow && !ids_.empty()) {
    call.from = outputs_.begun_at(0);
    for (Slot slot = 1; slot < ids_.size(); ++slot) call.from = std::min(call.from, outputs_.begun_at(slot));
  }
  running_->begun.assign(workers_, false);
  for (const scheduler::Command& command : commands)
    if (const auto* assign = std::get_if<scheduler::command::Assign>(&command)) perform(*assign);
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!peers_.lost[w] && !running_->begun[w]) perform(scheduler::command::Assign{scheduler::Worker{w}, {}});
  for (std::uint32_t round = call.from; inputs_follow && round < replay_log_.shared_inputs(); ++round)
    send_input(epoch_, round, call.from, replay_log_.shared_input(round));
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
  saving_.reset();
  abandoned_ = true;
}

std::string Master::names_of(const std::vector<scheduler::Worker>& workers) const {
  std::ostringstream text;
  text << (workers.size() == 1 ? "rank " : "ranks ");
  for (std::size_t i = 0; i < workers.size(); ++i) text << (i > 0 ? ", " : "") << rank_of(workers[i]);
  return text.str();
}

// The workers that are left have no states after this, and can be given new ones.
void Master::throw_lost(const std::vector<scheduler::Worker>& lost, std::size_t states) {
  std::vector<scheduler::Worker> before;
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (peers_.lost[w] && std::find(lost.begin(), lost.end(), scheduler::Worker{w}) == lost.end())
      before.push_back(scheduler::Worker{w});
  std::ostringstream text;
  text << names_of(lost) << (lost.size() == 1 ? " is" : " are") << " lost";
  if (!before.empty()) text << ", after " << names_of(before);
  text << ", and all copies of " << states << " of " << ids_.size() << " states; " << workers_alive()
       << " workers are left";
  census_.reset();
  fetching_ = {};
  loads_.clear();
  drop_all();
  throw WorkerLost(text.str(), rank_of(lost.front()));
}

// ---- the end of all

void Master::tell_caught_leave() const {
  std::cerr
      << "rondo: the program has caught what safe_point() threw to leave (a catch (...) has to throw it on); "
         "leaving with status "
      << leave_status() << std::endl;
}

// The program goes on though it was told to leave, by a catch (...) around its loop most likely: its last checkpoint is
// written, and nothing more that it does would be in one.
void Master::require_going() {
  if (!left_) return;
  tell_caught_leave();
  leave_at_once(leave_status());
}

void Master::leave_at_once(int status) {
  if (host_.watchdog != nullptr) host_.watchdog->leaves();  // what follows may hang too
  flush_output();
  if (options_.recover) {  // the launcher does not end the others
    send_all(to_bytes(messages::Leave{status}));
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
