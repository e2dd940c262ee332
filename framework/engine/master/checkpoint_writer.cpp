#include "engine/master/checkpoint_writer.hpp"

#include <algorithm>
#include <cctype>
#include <exception>
#include <utility>
#include <vector>

#include <rondo/error.hpp>

#include "checkpoint/catalog.hpp"
#include "checkpoint/pruning.hpp"
#include "engine/watchdog.hpp"

namespace rondo::engine {

using scheduler::Slot;

namespace {

// Two runs in one folder would remove each other's checkpoints, and go on with each other's states: the first one wins.
std::string another_run(const checkpoint::Path& folder) {
  return folder.string() + " is of another run, which writes here too: need a folder for each";
}

}  // namespace

void CheckpointWriter::write(const std::string& folder, Bytes program) {
  finish();
  tell_error();  // of the one before
  do {
    abandoned_ = false;
    begin(folder, program);
    finish();
  } while (take_abandoned());
  if (!error_.empty()) throw CheckpointError(std::exchange(error_, ""));
}

void CheckpointWriter::tell_error() {
  if (error_.empty()) return;
  const std::string error = std::exchange(error_, "");
  if (is_news(error))
    p_.host.log.tell("a checkpoint failed, the run goes on: ", error,
                     "; others that fail like this are not told");
}

// What keeps failing is told once. Numbers do not count: each checkpoint has its own.
bool CheckpointWriter::is_news(const std::string& failure) {
  std::string kind = failure;
  std::erase_if(kind, [](unsigned char c) { return std::isdigit(c) != 0; });
  return std::exchange(told_failure_, kind) != kind;
}

void CheckpointWriter::begin(const std::string& folder, Bytes program) {
  Saving saving;
  saving.began = p_.peers.now().count();
  const Doing doing(p_.host.watchdog, "the folder for a checkpoint");
  const std::array<messages::SavePlace, 2> places = prepare(folder, saving);
  saving_ = std::move(saving);
  const auto can_be_written = [](const Place& place) { return place.begun && place.error.empty(); };
  if (std::none_of(saving_->places.begin(), saving_->places.end(), can_be_written)) return complete();
  fill_manifest(saving_->manifest, program);
  send_orders(places);
  if (saving_->missing == 0) complete();
}

// The next number, and a folder of that number in each place that can have one. A place that refuses has no root in what is
// returned.
std::array<messages::SavePlace, 2> CheckpointWriter::prepare(const std::string& folder, Saving& saving) {
  checkpoint::Storage& storage = p_.places.storage();
  const std::vector<checkpoint::Path> all = p_.places.roots(folder);
  std::array<messages::SavePlace, 2> places;
  saving.sequence = sequence_last_ + 1;
  for (std::size_t i = 0; i < all.size(); ++i) {
    saving.places[i].root = all[i];
    try {
      places[i].present = checkpoint::sequences(storage, all[i]);
      if (!places[i].present.empty())
        saving.sequence = std::max(saving.sequence, places[i].present.back() + 1);
    } catch (const std::exception& error) {
      saving.places[i].error = error.what();
    }
  }
  sequence_last_ = saving.sequence;
  const bool is_own = p_.places.is_own(folder);
  const std::optional<std::uint64_t> last = p_.places.last();
  if (is_own && last && !places[0].present.empty() && places[0].present.back() > *last)
    throw CheckpointError(another_run(checkpoint::checkpoint_folder(folder, places[0].present.back())));
  for (std::size_t i = 0; i < all.size(); ++i) {
    Place& place = saving.places[i];
    if (!place.error.empty()) continue;
    try {
      place.begun = true;
      place.begun = checkpoint::prepare_checkpoint(storage, place.root, saving.sequence);
      if (!place.begun)
        throw CheckpointError(another_run(checkpoint::checkpoint_folder(place.root, saving.sequence)));
      places[i].root = place.root;
    } catch (const std::exception& error) {
      place.error = error.what();
    }
    if (is_own && i == 0 && place.begun) p_.places.set_last(saving.sequence);
  }
  return places;
}

void CheckpointWriter::fill_manifest(checkpoint::Manifest& manifest, Bytes program) const {
  const Ensemble& ensemble = p_.ensemble;
  manifest.type_hash = p_.places.type_hash();
  manifest.round = ensemble.round;
  manifest.next_id = StateId{ensemble.next_id};
  manifest.seed = ensemble.seed;
  manifest.random = ensemble.random.position();
  manifest.run = p_.places.run();
  manifest.context.append(ensemble.context);
  manifest.program.append(program);
  manifest.arguments = p_.options.arguments;
  for (Slot slot = 0; slot < ensemble.ids.size(); ++slot) {
    manifest.placements.push_back({ensemble.ids[slot], index(p_.scheduler.owner(slot))});
    Writer(manifest.scheduler).put(p_.scheduler.cost(slot));
  }
}

void CheckpointWriter::send_orders(const std::array<messages::SavePlace, 2>& places) {
  const Ensemble& ensemble = p_.ensemble;
  std::vector<std::vector<messages::StateCost>> parts(p_.peers.count());
  for (Slot slot = 0; slot < ensemble.ids.size(); ++slot)
    parts[index(p_.scheduler.owner(slot))].push_back(
        {ensemble.ids[slot], p_.scheduler.cost(slot).predicted().count()});
  for (std::uint32_t w = 0; w < parts.size(); ++w) {
    if (parts[w].empty()) continue;
    ++saving_->missing;
    p_.peers.send(scheduler::Worker{w},
                  to_bytes(messages::Save{saving_->sequence,
                                          {saving_->manifest.type_hash, ensemble.round, w},
                                          places,
                                          std::move(parts[w])}));
  }
}

void CheckpointWriter::take(const messages::Saved& saved) {
  if (!saving_ || saved.sequence != saving_->sequence) return;
  saving_->manifest.parts.push_back(saved.part);
  for (std::size_t i = 0; i < saved.errors.size(); ++i)
    if (saving_->places[i].error.empty()) saving_->places[i].error = saved.errors[i];
  if (--saving_->missing == 0) complete();
}

// Where all parts are on disk, the manifest makes them a checkpoint. Where one is not, none of it stays.
void CheckpointWriter::complete() {
  const Doing doing(p_.host.watchdog, "the manifest of a checkpoint");
  Saving saving = std::move(*saving_);
  saving_.reset();
  std::sort(saving.manifest.parts.begin(), saving.manifest.parts.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  std::string errors, complete;
  for (const Place& place : saving.places) {
    if (place.root.empty()) continue;
    try {
      if (!place.error.empty()) throw CheckpointError(place.error);
      commit(place.root, saving);
      complete = place.root.string();
    } catch (const std::exception& error) {
      errors += (errors.empty() ? "" : "; ") + std::string(error.what());
      // what cannot be removed either is worthless, and the next pruning meets it again
      if (place.begun)
        (void)checkpoint::remove_checkpoints(p_.places.storage(), place.root, {saving.sequence});
    }
  }
  if (complete.empty()) {
    error_ = errors;
    return;
  }
  has_saved_ = true;
  completed_();
  cost_ = p_.peers.now().count() - saving.began;
  if (errors.empty())
    told_failure_.clear();
  else if (is_news(errors))
    p_.host.log.tell("a checkpoint is in ", complete, " alone, because of ", errors,
                     "; others that are in one place alone because of this are not told");
}

void CheckpointWriter::commit(const checkpoint::Path& root, const Saving& saving) {
  checkpoint::Storage& storage = p_.places.storage();
  checkpoint::commit_manifest(storage, checkpoint::checkpoint_folder(root, saving.sequence), saving.manifest);
  // whatever is wrong with the ones before, this one is complete
  checkpoint::prune(storage, root, p_.places.type_hash(), p_.options.keep, saving.sequence + 1,
                    checkpoint::Depth::manifest);
}

void CheckpointWriter::finish() {
  p_.loop.run_until([&] { return !saving_; });
}

void CheckpointWriter::abandon() {
  if (!saving_) return;
  p_.host.log.tell("a checkpoint is abandoned because of the loss; the next one follows");
  saving_.reset();
  abandoned_ = true;
}

}  // namespace rondo::engine
