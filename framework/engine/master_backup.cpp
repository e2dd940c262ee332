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

namespace {

// Workers that a worker's copies are spread over: they share the work of a recovery.
constexpr std::size_t kKeepers = 4;

}  // namespace

// ---- the record

// Before anything of a call is sent.
void Master::record_call(Running& running, std::uint32_t rounds) {
  std::vector<Buffer> own(running.own != nullptr ? ids_.size() : 0);
  for (std::size_t i = 0; i < own.size(); ++i) (*running.own)(i, own[i]);
  if (!backing_ && running.call.first_round - backup_round_ >= options_.recover_every) begin_backup({});
  begun_at_.assign(ids_.size(), 0);
  told_rounds_.assign(ids_.size(), 0);
  told_early_.clear();
  history_.begin_call(running.call.first_round, seed_, ids_, std::move(own));
  if (running.own != nullptr) {
    running.recorded = [this](std::size_t i, Buffer& out) { out.append(history_.own_input(i)); };
    running.own = &running.recorded;
  } else if (rounds == 1) {
    history_.add_input(running.shared);
  }
}

void Master::end_record(const Running& running) {
  if (!running.cancelled) return;
  std::vector<History::Progress> progress(ids_.size());
  for (Slot slot = 0; slot < ids_.size(); ++slot) progress[slot].rounds = scheduler_.rounds_done(slot);
  if (!options_.rollback)
    for (const UpdateFailure& failure : running.failures)
      progress[detail::position_of(ids_, failure.state)].threw = true;
  history_.end_early(std::move(progress));
}

// Whether this output has not been here before: what is done again brings some a second time.
bool Master::is_first(Slot slot, std::uint32_t round) {
  std::uint32_t& told = told_rounds_[slot];
  if (round < told || told_early_.contains({slot, round})) return false;
  if (round > told) {
    told_early_.emplace(slot, round);
    return true;
  }
  ++told;
  while (told_early_.erase({slot, told}) > 0) ++told;
  return true;
}

// ---- backups

// Of all states as they are, or will be when what is on its way has arrived. Nobody waits for it: the last one counts until
// this one is complete.
void Master::begin_backup(History::Bases bases) {
  Backup backup;
  backup.number = ++backups_;
  backup.position = history_.position(in_call());
  backup.bases = std::move(bases);
  backup.ids = ids_;
  backup_round_ = round_;
  std::vector<std::vector<CopyTarget>> targets(workers_);
  std::vector<std::vector<scheduler::Worker>> of_owner(workers_);
  for (std::uint32_t w = 0; w < workers_; ++w)
    if (!lost_[w]) of_owner[w] = keepers(scheduler::Worker{w});
  for (Slot slot = 0; slot < ids_.size(); ++slot) {
    const scheduler::Worker owner = scheduler_.owner(slot);
    const std::vector<scheduler::Worker>& others = of_owner[index(owner)];
    backup.owners.push_back(owner);
    backup.others.push_back(others.empty() ? owner : others[slot % others.size()]);
    if (!others.empty()) targets[index(owner)].push_back({ids_[slot], rank_of(backup.others.back())});
  }
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (targets[w].empty()) continue;
    backup.missing += targets[w].size();
    Buffer out = message(Kind::kBackup);
    Writer writer(out);
    writer.put(backup.number);
    writer.put_all(std::span<const CopyTarget>(targets[w]));
    send(rank_of(scheduler::Worker{w}), std::move(out));
  }
  backing_ = std::move(backup);
  if (backing_->missing == 0) complete_backup();
}

// Who keeps the second copies of this worker's states: on other nodes, if there are any.
std::vector<scheduler::Worker> Master::keepers(scheduler::Worker owner) const {
  const auto node = [&](scheduler::Worker w) -> const std::string& {
    return nodes_[static_cast<std::size_t>(value(rank_of(w)))];
  };
  std::vector<scheduler::Worker> here, elsewhere;
  for (std::uint32_t w = 0; w < workers_; ++w) {
    const scheduler::Worker other{w};
    if (other == owner || lost_[w]) continue;
    (node(other) == node(owner) ? here : elsewhere).push_back(other);
  }
  std::vector<scheduler::Worker>& all = elsewhere.empty() ? here : elsewhere;
  if (!all.empty())
    std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(index(owner) % all.size()), all.end());
  all.resize(std::min(all.size(), kKeepers));
  return std::move(all);
}

void Master::take_backed_up(Reader& in) {
  const auto number = in.get<std::uint64_t>();
  if (!backing_ || number != backing_->number) return;
  backing_->missing -= in.get<std::uint64_t>();
  if (backing_->missing == 0) complete_backup();
}

void Master::complete_backup() {
  backup_ = std::move(backing_);
  backing_.reset();
  history_.trim(backup_->position);
  Buffer out = message(Kind::kBackupDone);
  Writer(out).put(backup_->number);
  send_all(out);
}

// Places states, as often as it takes until all of them and their copies are there.
void Master::until_placed(const std::function<void()>& work) {
  placing_ = true;
  const std::unique_ptr<bool, void (*)(bool*)> end(&placing_, [](bool* placing) { *placing = false; });
  do {
    again_ = false;
    drop_all();
    work();
    if (again_) continue;
    begin_backup({});
    run_until([&] { return again_ || !backing_; });
  } while (again_);
}

}  // namespace rondo::engine
