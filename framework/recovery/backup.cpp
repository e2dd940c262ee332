#include "recovery/backup.hpp"

#include <algorithm>
#include <utility>

namespace rondo::recovery {

std::size_t Workers::alive() const {
  return static_cast<std::size_t>(std::count(lost.begin(), lost.end(), false));
}

std::vector<Worker> keepers(Worker owner, const Workers& workers) {
  constexpr std::size_t kKeepers = 4;
  std::vector<Worker> here, elsewhere;
  for (std::uint32_t w = 0; w < workers.lost.size(); ++w) {
    if (w == index(owner) || workers.lost[w]) continue;
    (workers.nodes[w] == workers.nodes[index(owner)] ? here : elsewhere).push_back(Worker{w});
  }
  std::vector<Worker>& all = elsewhere.empty() ? here : elsewhere;
  if (!all.empty())
    std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(index(owner) % all.size()), all.end());
  all.resize(std::min(all.size(), kKeepers));
  return std::move(all);
}

Backup plan_backup(std::uint64_t number, std::uint64_t position, std::span<const StateId> ids,
                   std::span<const Worker> owners, const Workers& workers, ReplayLog::Bases bases) {
  std::vector<std::vector<Worker>> of_owner(workers.lost.size());
  for (std::uint32_t w = 0; w < of_owner.size(); ++w)
    if (!workers.lost[w]) of_owner[w] = keepers(Worker{w}, workers);
  Backup backup;
  backup.number = number;
  backup.position = position;
  backup.ids.assign(ids.begin(), ids.end());
  backup.owners.assign(owners.begin(), owners.end());
  backup.bases = std::move(bases);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::vector<Worker>& all = of_owner[index(owners[i])];
    backup.others.push_back(all.empty() ? owners[i] : all[i % all.size()]);
    if (!all.empty()) ++backup.missing;
  }
  return backup;
}

std::optional<Worker> holder_of_copy(const Backup& backup, StateId id, const Workers& workers,
                                     std::span<const std::size_t> given) {
  const auto copy = static_cast<std::size_t>(std::lower_bound(backup.ids.begin(), backup.ids.end(), id) -
                                             backup.ids.begin());
  std::optional<Worker> holder;
  for (const Worker place : {backup.owners.at(copy), backup.others.at(copy)})
    if (!workers.lost[index(place)] && (!holder || given[index(place)] < given[index(*holder)]))
      holder = place;
  return holder;
}

}  // namespace rondo::recovery
