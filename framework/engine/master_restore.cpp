// Back from a checkpoint: rank 0 reads the manifest, workers read the parts and send each state to its owner.
#include <algorithm>
#include <exception>
#include <iostream>
#include <map>
#include <utility>

#include "checkpoint/catalog.hpp"
#include "engine/arguments.hpp"
#include "engine/exception_text.hpp"
#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

namespace {

// Returns why not, if `read` cannot read what a manifest has of the program's.
std::string try_to_read(const checkpoint::Path& folder, const char* what, Bytes bytes,
                        const detail::Engine::TakeBytes& read) {
  try {
    read(bytes);
    return "";
  } catch (...) {
    return (folder / checkpoint::kManifestName).string() + ": " + what +
           " cannot be read: " + exception_text();
  }
}

}  // namespace

bool Master::resume(const TakeBytes& program) {
  return !options_.checkpoint.empty() && restore(options_.checkpoint, program);
}

void Master::search(Root& root, std::string& refusals) {
  checkpoint::Search result;
  try {
    result =
        checkpoint::find_newest(storage_, root.path, type_hash(), checkpoint::Depth::manifest, root.before);
  } catch (const checkpoint::FileError& error) {
    root.is_foreign = root.path.is_shared() && error.fault() == checkpoint::Fault::foreign;
    if (root.is_foreign) {
      std::cerr << "rondo: " << error.what() << "; it is left alone" << std::endl;
      return;
    }
    result.refusals.push_back(error);
  } catch (const std::exception& error) {
    result.refusals.emplace_back(checkpoint::Fault::io, root.path, error.what());
  }
  for (const checkpoint::FileError& refusal : result.refusals)
    if (refusal.fault() != checkpoint::Fault::incomplete) refusals += std::string("\n  ") + refusal.what();
  root.ever_complete = result.ever_complete();
  root.found = std::move(result.newest);
}

// One may have named the folder of the copies where a copy was meant.
void Master::tell_of_copies_in(const std::string& path) {
  try {
    const checkpoint::Shared shared = checkpoint::list_shared(storage_, path, path);
    const checkpoint::Path* some = nullptr;
    for (const auto* roots : {&shared.of_own, &shared.others})
      if (!roots->empty()) some = &roots->front();
    if (some != nullptr)
      std::cerr << "rondo: " << path
                << " has no checkpoint, but copies of runs, each of which could be gone on from: "
                << some->string() << (shared.others.size() + shared.of_own.size() > 1 ? " and others" : "")
                << std::endl;
  } catch (const std::exception&) {
    // the search for a checkpoint there reports it
  }
}

// A first place that was renamed, or copied and gone on from: nobody knows which.
void Master::tell_of_newer_copies(const std::vector<Root>& roots, std::uint64_t run) {
  std::uint64_t newest = 0;
  for (const Root& root : roots) newest = std::max(newest, root.found ? root.found->sequence : 0);
  try {
    for (const checkpoint::Path& other :
         checkpoint::roots_of_run(storage_, checkpoint::Path::shared(options_.checkpoint_copy), run)) {
      const std::vector<std::uint64_t> there = checkpoint::sequences(storage_, other);
      if (!there.empty() && there.back() > newest)
        std::cerr << "rondo: " << other.string()
                  << " has newer checkpoints of this run, copied from another place than "
                  << roots.front().path.string() << "; they are ignored" << std::endl;
    }
  } catch (const std::exception&) {
    // of no use anyhow
  }
}

// The folder for copies may be shared with other runs: of this one is what has the id of the newest checkpoint in the first
// place. If that has none (a lost disk), what is of a run with the same first place; then there must be only one.
std::vector<Master::Root> Master::roots_to_read(const std::string& path, std::string& refusals) {
  std::vector<Root> roots;
  roots.emplace_back(path);
  search(roots.front(), refusals);
  if (!roots.front().found) tell_of_copies_in(path);
  if (!has_copy(path)) return roots;
  const checkpoint::Path copy = checkpoint::Path::shared(options_.checkpoint_copy);
  if (roots.front().found) {
    const std::uint64_t run = roots.front().found->manifest.run;
    const checkpoint::Path mine = copy / checkpoint::run_name(path, run);
    search(roots.emplace_back(mine), refusals);
    tell_of_newer_copies(roots, run);
    return roots;
  }
  checkpoint::Shared shared;
  try {
    shared = checkpoint::list_shared(storage_, copy, path);
  } catch (const std::exception& error) {
    refusals += std::string("\n  ") + error.what();
  }
  std::string names;
  for (checkpoint::Path& root : shared.of_own) {
    Root candidate(std::move(root));
    search(candidate, refusals);
    if (candidate.is_foreign || !candidate.ever_complete) continue;
    names += "\n  " + candidate.path.string();
    roots.push_back(std::move(candidate));
  }
  if (roots.size() > 2) {
    reset(0, {});
    throw CheckpointError("no checkpoint in " + path +
                          " can be used, and its copies are of more than one run:" + names +
                          "\n  need --rondo-checkpoint=DIR of the one to go on from, or the others removed");
  }
  if (roots.size() == 1 && !shared.others.empty())
    std::cerr << "rondo: there is no checkpoint in " << path << ", and " << copy.string()
              << " has none that was copied from there: what others have there is ignored" << std::endl;
  return roots;
}

// A run that goes on with other arguments may be what is wanted (more steps), or a mistake that no result shows.
void Master::check_arguments(const checkpoint::Checkpoint& checkpoint) {
  using Other = Options::OtherArguments;
  if (options_.checkpoint_arguments == Other::kIgnore) return;
  const std::string difference = differing_arguments(checkpoint.manifest.arguments, options_.arguments);
  if (difference.empty()) return;
  const std::string text = checkpoint.folder.string() + " " + difference;
  if (options_.checkpoint_arguments == Other::kRefuse) {
    reset(0, {});
    throw CheckpointError(text + ": need the same, or --rondo-checkpoint-arguments=warn");
  }
  std::cerr << "rondo: " << text << "; --rondo-checkpoint-arguments=refuse would end such a run" << std::endl;
}

// The newest that can be read, of all places; of two copies of one the first.
bool Master::restore(const std::string& given, const TakeBytes& program) {
  require_idle();
  const std::string path = folder(given);
  finish_saving();
  const Doing doing(host_.watchdog, "the manifests of the checkpoints");
  std::string refusals;
  std::vector<Root> roots = roots_to_read(path, refusals);
  while (true) {
    const auto newest = std::max_element(roots.begin(), roots.end(), [](const Root& a, const Root& b) {
      return (a.found ? a.found->sequence : 0) < (b.found ? b.found->sequence : 0);
    });
    if (!newest->found) break;
    const checkpoint::Checkpoint& found = *newest->found;
    check_arguments(found);
    std::string refusal =
        try_to_read(found.folder, "the program's own part", found.manifest.program, program);
    if (refusal.empty())
      refusal =
          try_to_read(found.folder, "the shared context", found.manifest.context, program_.check_context);
    if (refusal.empty()) refusal = load(found);
    if (refusal.empty()) {
      std::cerr << "rondo: goes on after round " << round_ << " from " << found.folder.string();
      if (!refusals.empty())
        std::cerr << ", because of" << refusals;
      else if (newest != roots.begin())
        std::cerr << (roots.front().found ? ", as the newest is older in " : ", as there is none in ")
                  << path;
      std::cerr << std::endl;
      // what begins with another's states is a run of its own
      if (path == options_.checkpoint) run_ = found.manifest.run;
      // a disk that was away when the run began, and comes back, may have this one too
      if (path == options_.checkpoint && place_last_) place_last_ = std::max(*place_last_, found.sequence);
      return true;
    }
    refusals += "\n  " + refusal;
    newest->before = found.sequence;
    search(*newest, refusals);
  }
  if (refusals.empty()) return false;  // none has ever ended here
  reset(0, {});
  throw CheckpointError("no checkpoint in " + path + " can be used:" + refusals);
}

// Returns why not, if it cannot be: then states are somewhere in between, and the next attempt or a reset drops them.
std::string Master::load(const checkpoint::Checkpoint& checkpoint) {
  require_workers();
  if (!options_.recover) return load_once(checkpoint);
  std::string refusal;
  until_placed([&] {
    refusal = load_once(checkpoint);
    return refusal.empty();
  });
  return refusal;
}

std::string Master::load_once(const checkpoint::Checkpoint& checkpoint) {
  const checkpoint::Manifest& manifest = checkpoint.manifest;
  std::vector<scheduler::Cost> costs(manifest.placements.size());
  if (manifest.scheduler.size() == costs.size() * sizeof(scheduler::Cost)) {
    Reader in{Bytes(manifest.scheduler)};
    for (scheduler::Cost& cost : costs) in.get(cost);
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
    std::vector<messages::Target> targets;
    for (const Slot slot : load.slots) targets.push_back({ids_[slot], rank_of(scheduler_.owner(slot))});
    load.message = to_bytes(messages::Load{generation_,
                                           {manifest.type_hash, manifest.round, entry.number},
                                           entry,
                                           checkpoint.folder,
                                           std::move(targets)});
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
    std::cerr << "rondo: " << options_.written("seed") << "=" << options_.seed
              << " is ignored: the run goes on with seed " << manifest.seed << " of its checkpoint"
              << std::endl;
  seed_ = manifest.seed;
  random_ = Random::of_main(seed_);
  random_.discard(manifest.random);
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

void Master::take(Rank, const messages::Loaded& loaded) {
  if (loaded.generation != generation_) return;
  Load& load = loads_.at(loaded.part);
  load.error = loaded.error;
  const bool none = loaded.sizes.empty() && !load.error.empty();
  if (none && ++load.attempts < std::min(workers_, kLoadAttempts)) return load_part(load, loaded.part);
  load.ended = true;
  for (std::size_t i = 0; i < loaded.sizes.size() && i < load.slots.size(); ++i)
    scheduler_.packed(load.slots[i], static_cast<double>(loaded.sizes[i]));
}

}  // namespace rondo::engine
