// Back from a checkpoint: rank 0 reads the manifest, workers read the parts and send each state to its owner.
#include <algorithm>
#include <exception>
#include <iostream>
#include <limits>
#include <map>
#include <utility>

#include "checkpoint/catalog.hpp"
#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

namespace {

// Returns why not, if the program cannot read what is its own.
std::string give_back(const checkpoint::Path& folder, Bytes bytes, const detail::Engine::TakeBytes& program) {
  try {
    program(bytes);
    return "";
  } catch (const std::exception& error) {
    return (folder / checkpoint::kManifestName).string() +
           ": the program's own part cannot be read: " + error.what();
  }
}

}  // namespace

bool Master::resume(const TakeBytes& program) {
  return !options_.checkpoint.empty() && restore(options_.checkpoint, program);
}

bool Master::restore(const std::string& path, const TakeBytes& program) {
  return restore(roots(path), program);
}

// The newest that can be read, of all places; of two copies of one the first.
bool Master::restore(const std::vector<checkpoint::Path>& roots, const TakeBytes& program) {
  require_idle();
  finish_saving();
  std::string refusals;
  std::vector<std::uint64_t> before(roots.size(), std::numeric_limits<std::uint64_t>::max());
  std::vector<std::optional<checkpoint::Checkpoint>> found(roots.size());
  const auto search = [&](std::size_t i) {
    checkpoint::Search result;
    try {
      result =
          checkpoint::find_newest(storage_, roots[i], type_hash(), checkpoint::Depth::manifest, before[i]);
    } catch (const checkpoint::FileError& error) {
      result.refusals.push_back(error);
    }
    for (const checkpoint::FileError& refusal : result.refusals)
      if (refusal.fault() != checkpoint::Fault::incomplete) refusals += std::string("\n  ") + refusal.what();
    found[i] = std::move(result.newest);
  };
  for (std::size_t i = 0; i < roots.size(); ++i) search(i);
  while (true) {
    const auto newest = std::max_element(found.begin(), found.end(), [](const auto& a, const auto& b) {
      return (a ? a->sequence : 0) < (b ? b->sequence : 0);
    });
    if (!*newest) break;
    std::string refusal = give_back((*newest)->folder, (*newest)->manifest.program, program);
    if (refusal.empty()) refusal = load(**newest);
    if (refusal.empty()) {
      if (!refusals.empty())
        std::cerr << "rondo: the checkpoint in " << (*newest)->folder.string() << " is used, because of"
                  << refusals << std::endl;
      return true;
    }
    refusals += "\n  " + refusal;
    const auto i = static_cast<std::size_t>(newest - found.begin());
    before[i] = (*newest)->sequence;
    search(i);
  }
  if (refusals.empty()) return false;  // none has ever ended here
  reset(0, {});
  throw CheckpointError("no checkpoint in " + roots.front().string() + " can be used:" + refusals);
}

// Returns why not, if it cannot be: then states are somewhere in between, and the next attempt or a reset drops them.
std::string Master::load(const checkpoint::Checkpoint& checkpoint) {
  require_workers();
  if (!options_.recover) return load_once(checkpoint);
  std::string refusal;
  until_placed([&] { refusal = load_once(checkpoint); });
  return refusal;
}

std::string Master::load_once(const checkpoint::Checkpoint& checkpoint) {
  const checkpoint::Manifest& manifest = checkpoint.manifest;
  std::vector<scheduler::Cost> costs(manifest.placements.size());
  if (manifest.scheduler.size() == costs.size() * sizeof(scheduler::Cost)) {
    Reader in{Bytes(manifest.scheduler)};
    for (scheduler::Cost& cost : costs) cost = in.get<scheduler::Cost>();
  }

  drop_all();
  std::vector<StateId> ids;
  std::vector<scheduler::Worker> owners;
  std::uint64_t highest = 0;
  for (const checkpoint::Placement& placement : manifest.placements) {
    ids.push_back(placement.id);
    owners.push_back(scheduler::Worker{static_cast<std::uint32_t>(placement.part)});
    highest = std::max(highest, placement.part);
  }
  // as many workers as there were: each gets back what it had learned to hold
  if (highest < workers_ && manifest.parts.size() == workers_ && workers_alive() == workers_) {
    scheduler_.restore(ids, owners, costs);
  } else {
    scheduler_.restore(ids, {}, costs);
  }
  ids_ = std::move(ids);

  std::map<std::uint64_t, std::vector<Slot>> slots;
  for (Slot slot = 0; slot < ids_.size(); ++slot) slots[manifest.placements[slot].part].push_back(slot);
  loads_.clear();
  for (const checkpoint::PartEntry& entry : manifest.parts) {
    Load& load = loads_[entry.number];
    load.slots = std::move(slots[entry.number]);
    load.message = message(Kind::kLoad);
    Writer writer(load.message);
    writer.put(LoadHead{generation_, {manifest.type_hash, manifest.round, entry.number}, entry});
    writer.put_text(checkpoint.folder.string());
    std::vector<Target> targets;
    for (const Slot slot : load.slots) targets.push_back({ids_[slot], rank_of(scheduler_.owner(slot))});
    writer.put_all(std::span<const Target>(targets));
    load_part(load, entry.number);
  }
  run_until([&] {
    return again_ || std::all_of(loads_.begin(), loads_.end(), [](const auto& l) { return l.second.ended; });
  });
  if (again_) return "";
  for (const auto& [number, load] : loads_)
    if (!load.error.empty()) return load.error;

  next_id_ = value(manifest.next_id);
  round_ = manifest.round;
  if (options_.seed != 0 && options_.seed != manifest.seed)
    std::cerr << "rondo: --rondo-seed=" << options_.seed << " counts for nothing: the run goes on with seed "
              << manifest.seed << " of its checkpoint" << std::endl;
  seed_ = manifest.seed;
  if (!manifest.context.empty() || !context_bytes_.empty()) share(manifest.context);
  saved_round_ = round_;
  saved_at_ = transport_.now().count();
  return "";
}

// On a disk of one node a part can be read by that node's workers only: the one that wrote it is asked first, if there are
// as many workers as then.
void Master::load_part(Load& load, std::uint64_t number) {
  const auto next = [&] { return static_cast<std::uint32_t>((number + load.attempts) % workers_); };
  while (peers_.lost[next()]) ++load.attempts;
  Buffer copy;
  copy.append(load.message);
  send(rank_of(scheduler::Worker{next()}), std::move(copy));
}

void Master::take_loaded(Reader& in) {
  if (in.get<std::uint64_t>() != generation_) return;
  const auto number = in.get<std::uint64_t>();
  Load& load = loads_.at(number);
  load.error = in.get_text();
  const std::vector<std::uint64_t> sizes = in.get_all<std::uint64_t>();
  const bool none = sizes.empty() && !load.error.empty();
  if (none && ++load.attempts < std::min(workers_, kLoadAttempts)) return load_part(load, number);
  load.ended = true;
  for (std::size_t i = 0; i < sizes.size() && i < load.slots.size(); ++i)
    scheduler_.packed(load.slots[i], static_cast<double>(sizes[i]));
}

}  // namespace rondo::engine
