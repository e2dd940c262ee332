#include "engine/master/recovery_driver.hpp"

#include <algorithm>
#include <sstream>
#include <utility>
#include <variant>

#include <rondo/error.hpp>

namespace rondo::engine {

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

double RecoveryDriver::watch(std::optional<scheduler::Worker> own) {
  perform(p_.recovery.tick(p_.peers.now().count(), own));
  return p_.recovery.patience(p_.peers.now().count());
}

void RecoveryDriver::settle() {
  if (!p_.recovery.is_counting()) return;
  const auto call = p_.calls.state();
  perform(p_.recovery.settle(p_.ensemble.ids, call ? &*call : nullptr));
}

void RecoveryDriver::take(Rank from, const messages::Census& census) {
  p_.recovery.count(p_.peers.worker_of(from), census.loss, census.held);
}

void RecoveryDriver::perform(const recovery::Commands& commands) {
  for (const recovery::Command& command : commands)
    std::visit([&](const auto& each) { perform(each); }, command);
}

void RecoveryDriver::perform(const recovery::command::Ping& ping) {
  p_.peers.send(ping.worker, to_bytes(messages::Ping()));
}

void RecoveryDriver::perform(const recovery::command::Forget& forget) {
  for (const scheduler::Worker worker : forget.workers) {
    const Rank rank = p_.peers.rank_of(worker);
    p_.log.tell("rank ", rank, " says nothing for ", p_.options.recover_deadline.count(),
                " s and counts as lost");
    p_.transport.forget(rank);
    if (p_.scheduler.alive().size() > 1) p_.scheduler.lose(worker);
  }
}

void RecoveryDriver::perform(const recovery::command::TellLoss& loss) {
  p_.peers.send_all(to_bytes(messages::Lost{loss.number, p_.peers.lost_ranks()}));
  p_.writer.abandon();
}

void RecoveryDriver::perform(const recovery::command::Resume& resume) {
  const recovery::RecoveryPlan& plan = resume.plan;
  std::size_t restored = 0;
  for (const auto& each : plan.missing) restored += each.size();
  p_.log.tell("the run goes on with ", p_.peers.alive(), " workers; ", restored, " of ",
              p_.ensemble.ids.size(), " states are restored from copies");

  ++p_.ensemble.generation;
  for (std::uint32_t w = 0; w < p_.peers.count(); ++w) {
    if (p_.peers.is_lost(w)) continue;
    const scheduler::Worker worker{w};
    p_.peers.send(worker, to_bytes(messages::Resume{p_.ensemble.generation, resume.backup, resume.next_backup,
                                                    plan.kept[w]}));
    if (!plan.missing[w].empty()) p_.peers.send(worker, message_of(resume.replays[w]));
  }
  const std::vector<scheduler::Command> commands =
      p_.scheduler.recover(p_.peers.now(), plan.owners, plan.rounds, p_.calls.stops());
  // before anything starts: what is copied is known exactly
  p_.backups.resumed(plan.bases);
  if (p_.calls.is_running()) p_.calls.resume(commands);
  if (p_.tasks.is_serving()) p_.tasks.resume();
  p_.fetcher.ask_again();
}

std::string RecoveryDriver::names_of(const std::vector<Rank>& ranks) const {
  std::ostringstream text;
  text << (ranks.size() == 1 ? "rank " : "ranks ");
  for (std::size_t i = 0; i < ranks.size(); ++i) text << (i > 0 ? ", " : "") << ranks[i];
  return text.str();
}

// The workers that are left have no states after this, and can be given new ones.
void RecoveryDriver::perform(const recovery::command::GiveUp& give_up) {
  std::vector<Rank> lost;
  for (const scheduler::Worker worker : give_up.lost) lost.push_back(p_.peers.rank_of(worker));
  std::vector<Rank> before = p_.peers.lost_ranks();
  std::erase_if(before, [&](Rank rank) { return std::find(lost.begin(), lost.end(), rank) != lost.end(); });
  const std::size_t states = p_.ensemble.ids.size();
  std::ostringstream text;
  text << names_of(lost) << (lost.size() == 1 ? " is" : " are") << " lost";
  if (!before.empty()) text << ", after " << names_of(before);
  text << ", and all copies of " << give_up.states.value_or(states) << " of " << states << " states; "
       << p_.peers.alive() << " workers are left";
  p_.fetcher.forget();
  p_.reader.forget();
  p_.placer.drop_all();
  throw WorkerLost(text.str(), lost.front());
}

}  // namespace rondo::engine
