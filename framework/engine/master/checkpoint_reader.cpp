#include "engine/master/checkpoint_reader.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <rondo/error.hpp>

#include "engine/arguments.hpp"
#include "engine/exception_text.hpp"
#include "engine/watchdog.hpp"

namespace rondo::engine {

using scheduler::Slot;

namespace {

// Workers that are asked for a part before it counts as lost: all of a small run, some of every node of a big one.
constexpr std::uint32_t kAttempts = 256;

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

bool CheckpointReader::restore(const std::string& folder, const TakeBytes& program) {
  const Doing doing(p_.host.watchdog, "the manifests of the checkpoints");
  std::optional<checkpoint::Path> copies;
  if (p_.places.has_copy(folder)) copies = checkpoint::Path::shared(p_.options.checkpoint_copy);
  try {
    const auto tell = [this](const std::string& line) { p_.host.log.tell(line); };
    checkpoint::Choice choice(p_.places.storage(), folder, copies, p_.places.type_hash(), tell);
    while (const checkpoint::Checkpoint* found = choice.newest()) {
      check_arguments(*found);
      const std::string refusal = try_checkpoint(*found, program);
      if (!refusal.empty()) {
        choice.refuse(refusal);
        continue;
      }
      tell_of(*found, choice, folder);
      if (p_.places.is_own(folder)) p_.places.continue_run(found->manifest.run, found->sequence);
      return true;
    }
    if (choice.refusals().empty()) return false;  // none has ever ended here
    throw CheckpointError("no checkpoint in " + folder + " can be used:" + choice.refusals());
  } catch (const CheckpointError&) {  // states are somewhere in between
    p_.placer.reset(0, {});
    throw;
  }
}

void CheckpointReader::tell_of(const checkpoint::Checkpoint& found, const checkpoint::Choice& choice,
                               const std::string& folder) const {
  std::string why;
  if (!choice.refusals().empty())
    why = ", because of" + choice.refusals();
  else if (!choice.is_first_place())
    why = (choice.has_first_place() ? ", as the newest is older in " : ", as there is none in ") + folder;
  p_.host.log.tell("goes on after round ", p_.ensemble.round, " from ", found.folder.string(), why);
}

// A run that goes on with other arguments may be what is wanted (more steps), or a mistake that no result shows.
void CheckpointReader::check_arguments(const checkpoint::Checkpoint& checkpoint) {
  using Other = Options::OtherArguments;
  if (p_.options.checkpoint_arguments == Other::kIgnore) return;
  const std::string difference = differing_arguments(checkpoint.manifest.arguments, p_.options.arguments);
  if (difference.empty()) return;
  const std::string text = checkpoint.folder.string() + " " + difference;
  if (p_.options.checkpoint_arguments == Other::kRefuse)
    throw CheckpointError(text + ": need the same, or --rondo-checkpoint-arguments=warn");
  p_.host.log.tell(text, "; --rondo-checkpoint-arguments=refuse would end such a run");
}

// Returns why not, if it cannot be used.
std::string CheckpointReader::try_checkpoint(const checkpoint::Checkpoint& found, const TakeBytes& program) {
  const checkpoint::Manifest& manifest = found.manifest;
  std::string refusal = try_to_read(found.folder, "the program's own part", manifest.program, program);
  if (refusal.empty())
    refusal = try_to_read(found.folder, "the shared context", manifest.context, p_.program.check_context);
  return refusal.empty() ? load(found) : refusal;
}

// Returns why not, if it cannot be: then states are somewhere in between, and the next attempt or a reset drops them.
std::string CheckpointReader::load(const checkpoint::Checkpoint& checkpoint) {
  p_.placer.require_workers();
  if (!p_.options.recover) return load_once(checkpoint);
  std::string refusal;
  p_.placer.until_placed([&] {
    refusal = load_once(checkpoint);
    return refusal.empty();
  });
  return refusal;
}

std::string CheckpointReader::load_once(const checkpoint::Checkpoint& checkpoint) {
  p_.placer.drop_all();
  place(checkpoint.manifest);
  order_parts(checkpoint);
  p_.loop.run_until([&] {
    return p_.recovery.is_interrupted() ||
           std::all_of(loads_.begin(), loads_.end(), [](const auto& load) { return load.second.ended; });
  });
  if (p_.recovery.is_interrupted()) return "";
  for (const auto& [number, load] : loads_)
    if (!load.error.empty()) return load.error;
  take_over(checkpoint.manifest);
  return "";
}

// As many workers as there were: each gets back what it had learned to hold. Otherwise the costs say who gets what.
void CheckpointReader::place(const checkpoint::Manifest& manifest) {
  std::vector<scheduler::Cost> costs(manifest.placements.size());
  if (manifest.scheduler.size() == costs.size() * sizeof(scheduler::Cost)) {
    Reader in{Bytes(manifest.scheduler)};
    for (scheduler::Cost& cost : costs) in.get(cost);
  }
  std::vector<StateId> ids;
  std::vector<scheduler::Worker> owners;
  std::uint64_t highest = 0;
  for (const checkpoint::Placement& placement : manifest.placements) {
    ids.push_back(placement.id);
    owners.push_back(scheduler::Worker{static_cast<std::uint32_t>(placement.part)});
    highest = std::max(highest, placement.part);
  }
  const std::uint32_t workers = p_.peers.count();
  const bool as_before = highest < workers && manifest.parts.size() == workers && p_.peers.alive() == workers;
  if (!as_before) owners.clear();
  p_.scheduler.restore(ids, owners, costs);
  p_.ensemble.ids = std::move(ids);
}

void CheckpointReader::order_parts(const checkpoint::Checkpoint& checkpoint) {
  const checkpoint::Manifest& manifest = checkpoint.manifest;
  const std::vector<StateId>& ids = p_.ensemble.ids;
  std::map<std::uint64_t, std::vector<Slot>> slots;
  for (Slot slot = 0; slot < ids.size(); ++slot) slots[manifest.placements[slot].part].push_back(slot);
  loads_.clear();
  for (const checkpoint::PartEntry& entry : manifest.parts) {
    Load& load = loads_[entry.number];
    load.slots = std::move(slots[entry.number]);
    std::vector<messages::Target> targets;
    for (const Slot slot : load.slots)
      targets.push_back({ids[slot], p_.peers.rank_of(p_.scheduler.owner(slot))});
    load.message = to_bytes(messages::Load{p_.ensemble.generation,
                                           {manifest.type_hash, manifest.round, entry.number},
                                           entry,
                                           checkpoint.folder,
                                           std::move(targets)});
    order_part(load, entry.number);
  }
}

// On a disk of one node a part can be read by that node's workers only: the one that wrote it is asked first, if there are
// as many workers as then.
void CheckpointReader::order_part(Load& load, std::uint64_t number) {
  const auto next = [&] { return static_cast<std::uint32_t>((number + load.attempts) % p_.peers.count()); };
  while (p_.peers.is_lost(next())) ++load.attempts;
  Buffer copy;
  copy.append(load.message);
  p_.peers.send(scheduler::Worker{next()}, std::move(copy));
}

void CheckpointReader::take(const messages::Loaded& loaded) {
  if (loaded.generation != p_.ensemble.generation) return;
  Load& load = loads_.at(loaded.part);
  load.error = loaded.error;
  const bool none = loaded.sizes.empty() && !load.error.empty();
  if (none && ++load.attempts < std::min(p_.peers.count(), kAttempts)) return order_part(load, loaded.part);
  load.ended = true;
  for (std::size_t i = 0; i < loaded.sizes.size() && i < load.slots.size(); ++i)
    p_.scheduler.packed(load.slots[i], static_cast<double>(loaded.sizes[i]));
}

void CheckpointReader::take_over(const checkpoint::Manifest& manifest) {
  Ensemble& ensemble = p_.ensemble;
  ensemble.next_id = value(manifest.next_id);
  ensemble.round = manifest.round;
  if (p_.options.seed != 0 && p_.options.seed != manifest.seed)
    p_.host.log.tell(p_.options.written("seed"), "=", p_.options.seed,
                     " is ignored: the run goes on with seed ", manifest.seed, " of its checkpoint");
  ensemble.seed = manifest.seed;
  ensemble.random = Random::of_main(ensemble.seed);
  ensemble.random.discard(manifest.random);
  if (!manifest.context.empty() || !ensemble.context.empty()) p_.placer.share(manifest.context);
}

}  // namespace rondo::engine
