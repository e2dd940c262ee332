// What stands for every state if its worker is lost: two copies of what it was at the last backup, at two workers, and the
// history of what was asked of it since.
#include <rondo/detail/inputs.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

using scheduler::Slot;

// ---- the record

// Before anything of a call is sent.
void Master::record_call(Running& running, std::uint32_t rounds) {
  std::vector<Buffer> own(running.own != nullptr ? ids_.size() : 0);
  for (std::size_t i = 0; i < own.size(); ++i) (*running.own)(i, own[i]);
  if (!backing_ && running.call.first_round - backup_round_ >= options_.recover_every) begin_backup({});
  outputs_.begin(ids_.size());
  replay_log_.begin_call(running.call.first_round, seed_, ids_, std::move(own));
  if (running.own != nullptr) {
    running.recorded = [this](std::size_t i, Buffer& out) { out.append(replay_log_.own_input(i)); };
    running.own = &running.recorded;
  } else if (rounds == 1) {
    replay_log_.add_input(running.shared);
  }
}

void Master::end_record(const Running& running) {
  if (!running.cancelled) return;
  std::vector<recovery::ReplayLog::Progress> progress(ids_.size());
  for (Slot slot = 0; slot < ids_.size(); ++slot) progress[slot].rounds = scheduler_.rounds_done(slot);
  if (!options_.rollback)
    for (const UpdateFailure& failure : running.failures)
      progress[detail::position_of(ids_, failure.state)].threw = true;
  replay_log_.end_early(std::move(progress));
}

// ---- backups

// Copies all states as they are, or will be when what is on its way has arrived. Nobody waits for it: the last one counts until
// this one is complete.
void Master::begin_backup(recovery::ReplayLog::Bases bases) {
  std::vector<scheduler::Worker> owners(ids_.size());
  for (Slot slot = 0; slot < ids_.size(); ++slot) owners[slot] = scheduler_.owner(slot);
  backing_ = recovery::plan_backup(++backups_, replay_log_.position(in_call()), ids_, owners, peers_,
                                   std::move(bases));
  backup_round_ = round_;
  if (backing_->missing == 0) return complete_backup();
  std::vector<std::vector<messages::CopyTarget>> targets(workers_);
  for (Slot slot = 0; slot < ids_.size(); ++slot)
    targets[index(owners[slot])].push_back({ids_[slot], rank_of(backing_->others[slot])});
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (targets[w].empty()) continue;
    send(rank_of(scheduler::Worker{w}), to_bytes(messages::BackUp{backing_->number, std::move(targets[w])}));
  }
}

void Master::take(Rank, const messages::BackedUp& backed_up) {
  if (!backing_ || backed_up.number != backing_->number) return;
  backing_->missing -= backed_up.states;
  if (backing_->missing == 0) complete_backup();
}

void Master::complete_backup() {
  backup_ = std::move(backing_);
  backing_.reset();
  replay_log_.trim(backup_->position);
  send_all(to_bytes(messages::BackupDone{backup_->number}));
}

// Places states, as often as it takes until all of them and their copies are there.
void Master::until_placed(const std::function<bool()>& work) {
  placing_ = true;
  const std::unique_ptr<bool, void (*)(bool*)> end(&placing_, [](bool* placing) { *placing = false; });
  do {
    again_ = false;
    drop_all();
    const bool placed = work();
    if (again_) continue;
    if (!placed) return;  // copies of states that do not come would be waited for without end
    begin_backup({});
    run_until([&] { return again_ || !backing_; });
  } while (again_);
}

}  // namespace rondo::engine
