#include "recovery/census.hpp"

#include <algorithm>

namespace rondo::recovery {

void Census::begin(std::span<const Worker> lost, std::size_t workers) {
  counted_.assign(workers, false);
  held_.clear();
  lost_.insert(lost_.end(), lost.begin(), lost.end());
}

void Census::count(Worker worker, std::span<const Held> held) {
  for (const Held& each : held) held_[each.state] = {worker, each};
  counted_[index(worker)] = true;
}

bool Census::is_complete(const Workers& workers) const {
  for (std::size_t w = 0; w < counted_.size(); ++w)
    if (!workers.lost[w] && !counted_[w]) return false;
  return true;
}

std::optional<Census::Holding> Census::find(StateId id) const {
  const auto found = held_.find(id);
  if (found == held_.end()) return std::nullopt;
  return found->second;
}

RecoveryPlan find_states(std::span<const StateId> ids, const Census& census, const Workers& workers,
                         const Backup* backup, const ReplayLog& history, const Running* running) {
  RecoveryPlan found;
  found.owners.resize(ids.size());
  found.rounds.assign(ids.size(), 0);
  found.kept.resize(workers.lost.size());
  found.missing.resize(workers.lost.size());
  std::vector<std::size_t> given(workers.lost.size(), 0);
  for (Slot slot = 0; slot < ids.size(); ++slot) {
    const StateId id = ids[slot];
    bool threw = false;
    if (running != nullptr) {
      threw = std::find(running->threw.begin(), running->threw.end(), id) != running->threw.end();
      found.rounds[slot] = running->outputs.told(slot);
      found.bases[id] = {found.rounds[slot], threw};
    }
    if (const auto there = census.find(id)) {
      std::uint32_t done = 0;
      if (running != nullptr)
        done = there->held.epoch == running->epoch ? there->held.rounds : running->outputs.begun_at(slot);
      if (done == found.rounds[slot]) {
        found.owners[slot] = there->worker;
        found.kept[index(there->worker)].push_back(id);
        continue;
      }
    }
    // nobody has it, or outputs of what it has done are lost
    const std::optional<Worker> holder =
        backup != nullptr ? holder_of_copy(*backup, history.ancestor(id), workers, given) : std::nullopt;
    if (!holder) {
      ++found.gone;
      continue;
    }
    found.owners[slot] = *holder;
    found.missing[index(*holder)].push_back({id, {found.rounds[slot], threw}});
    ++given[index(*holder)];
  }
  return found;
}

}  // namespace rondo::recovery
