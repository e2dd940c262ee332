#include "engine/master/backups.hpp"

#include <utility>

namespace rondo::engine {

using scheduler::Slot;

std::vector<scheduler::Worker> Backups::owners() const {
  std::vector<scheduler::Worker> owners(ensemble_.ids.size());
  for (Slot slot = 0; slot < owners.size(); ++slot) owners[slot] = scheduler_.owner(slot);
  return owners;
}

void Backups::call_began(recovery::Recovery::Call call) {
  const std::vector<scheduler::Worker> at = owners();
  perform(recovery_.call_began({ensemble_.ids, at, ensemble_.round}, std::move(call)));
}

void Backups::placed() {
  const std::vector<scheduler::Worker> at = owners();
  perform(recovery_.placed({ensemble_.ids, at, ensemble_.round}));
}

void Backups::resumed(recovery::ReplayLog::Bases bases) {
  const std::vector<scheduler::Worker> at = owners();
  perform(recovery_.resumed({ensemble_.ids, at, ensemble_.round}, std::move(bases)));
}

void Backups::take(const messages::BackedUp& backed_up) {
  perform(recovery_.backed_up(backed_up.number, backed_up.states));
}

void Backups::perform(const recovery::Commands& commands) {
  for (const recovery::Command& command : commands) {
    if (const auto* done = std::get_if<recovery::command::BackupDone>(&command))
      peers_.send_all(to_bytes(messages::BackupDone{done->number}));
    const auto* copy = std::get_if<recovery::command::BackUp>(&command);
    if (copy == nullptr) continue;
    std::vector<std::vector<messages::CopyTarget>> targets(peers_.count());
    for (Slot slot = 0; slot < ensemble_.ids.size(); ++slot)
      targets[index(copy->owners[slot])].push_back({ensemble_.ids[slot], peers_.rank_of(copy->others[slot])});
    for (std::uint32_t w = 0; w < targets.size(); ++w)
      if (!targets[w].empty())
        peers_.send(scheduler::Worker{w}, to_bytes(messages::BackUp{copy->number, std::move(targets[w])}));
  }
}

}  // namespace rondo::engine
