// Checkpoints, as the master sees them: workers write and read the parts, rank 0 the manifest.
#include <algorithm>
#include <cstring>
#include <iostream>
#include <limits>
#include <map>
#include <utility>

#include "checkpoint/catalog.hpp"
#include "checkpoint/pruning.hpp"
#include "engine/build.hpp"
#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

namespace {

// Between the end of a run and the end of its walltime: MPI ends, and a batch script wants its turn.
constexpr double kTimeMargin = 10;

}  // namespace

void Master::checkpoint(const std::string& path, Bytes program) {
  require_idle();
  finish_saving();
  begin_saving(path, program);
  finish_saving();
  if (!saving_error_.empty()) throw CheckpointError(std::exchange(saving_error_, ""));
}

// Tells the workers to pack what they hold, and goes on; take_saved completes the checkpoint.
void Master::begin_saving(const std::string& path, Bytes program) {
  Saving saving;
  saving.root = path;
  saving.began = transport_.now().count();
  saving.sequence = checkpoint::next_sequence(storage_, path);
  checkpoint::prepare_checkpoint(storage_, path, saving.sequence);
  saving.manifest.type_hash = type_hash_;
  saving.manifest.round = round_;
  saving.manifest.next_id = StateId{next_id_};
  saving.manifest.seed = seed_;
  saving.manifest.context.append(context_bytes_);
  saving.manifest.program.append(program);

  std::vector<std::vector<StateCost>> parts(workers_);
  for (Slot slot = 0; slot < ids_.size(); ++slot) {
    const scheduler::Cost& cost = scheduler_.cost(slot);
    const std::uint32_t part = index(scheduler_.owner(slot));
    parts[part].push_back({ids_[slot], cost.predicted().count()});
    saving.manifest.placements.push_back({ids_[slot], part});
    Writer(saving.manifest.scheduler).put(cost);
  }
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (parts[w].empty()) continue;
    ++saving.missing;
    Buffer out = message(Kind::kSave);
    Writer writer(out);
    writer.put(SaveHead{saving.sequence, {type_hash_, round_, w}});
    writer.put_text(path);
    writer.put_text(options_.checkpoint_copy);
    writer.put_all(std::span<const StateCost>(parts[w]));
    send(rank_of(scheduler::Worker{w}), std::move(out));
  }
  saving_ = std::move(saving);
  if (saving_->missing == 0) complete_saving();
}

void Master::take_saved(Reader& in) {
  const auto sequence = in.get<std::uint64_t>();
  if (!saving_ || sequence != saving_->sequence) return;
  const auto entry = in.get<checkpoint::PartEntry>();
  const std::string error = in.get_text();
  if (error.empty()) {
    saving_->manifest.parts.push_back(entry);
  } else if (saving_->error.empty()) {
    saving_->error = error;
  }
  if (--saving_->missing == 0) complete_saving();
}

// All parts are on disk: the manifest makes them a checkpoint. Or one is not: then none of it stays.
void Master::complete_saving() {
  Saving saving = std::move(*saving_);
  saving_.reset();
  std::sort(saving.manifest.parts.begin(), saving.manifest.parts.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  try {
    if (!saving.error.empty()) throw CheckpointError(saving.error);
    const auto places = {saving.root, checkpoint::Path(options_.checkpoint_copy)};
    for (const checkpoint::Path& root : places) {
      if (root.empty()) continue;
      checkpoint::prepare_checkpoint(storage_, root, saving.sequence);
      checkpoint::commit_manifest(storage_, checkpoint::checkpoint_folder(root, saving.sequence),
                                  saving.manifest);
      checkpoint::prune(storage_, root, type_hash_, options_.checkpoint_keep, saving.sequence + 1,
                        checkpoint::Depth::manifest);
    }
    saving_cost_ = transport_.now().count() - saving.began;
  } catch (const std::exception& error) {
    saving_error_ = error.what();
    try {
      (void)checkpoint::remove_checkpoints(storage_, saving.root, {saving.sequence});
    } catch (const std::exception&) {
      // leftovers of a failed attempt are worthless, and the next pruning meets them again
    }
  }
}

void Master::finish_saving() {
  run_until([&] { return !saving_; });
}

bool Master::restore(const std::string& path, Buffer& program) {
  require_idle();
  finish_saving();
  std::string refusals;
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  while (true) {
    checkpoint::Search search =
        checkpoint::find_newest(storage_, path, type_hash_, checkpoint::Depth::manifest, before);
    for (const checkpoint::FileError& refusal : search.refusals)
      if (refusal.fault() != checkpoint::Fault::incomplete) refusals += std::string("\n  ") + refusal.what();
    if (!search.newest) break;
    const std::string refusal = load(*search.newest);
    if (refusal.empty()) {
      if (!refusals.empty())
        std::cerr << "rondo: an older checkpoint is used, because of" << refusals << '\n';
      program.clear();
      program.append(search.newest->manifest.program);
      return true;
    }
    refusals += "\n  " + refusal;
    before = search.newest->sequence;
  }
  if (refusals.empty()) return false;  // none has ever ended here
  reset(0, {});
  throw CheckpointError("no checkpoint in " + path + " can be used:" + refusals);
}

// Returns why not, if it cannot be: then states are somewhere in between, and the next attempt or a reset drops them.
std::string Master::load(const checkpoint::Checkpoint& checkpoint) {
  const checkpoint::Manifest& manifest = checkpoint.manifest;
  std::vector<scheduler::Cost> costs(manifest.placements.size());
  Reader in{Bytes(manifest.scheduler)};
  for (scheduler::Cost& cost : costs) cost = in.get<scheduler::Cost>();

  Buffer drop = message(Kind::kDropAll);
  Writer(drop).put(++generation_);
  send_all(drop);
  std::vector<StateId> ids;
  std::vector<scheduler::Worker> owners;
  std::uint64_t highest = 0;
  for (const checkpoint::Placement& placement : manifest.placements) {
    ids.push_back(placement.id);
    owners.push_back(scheduler::Worker{static_cast<std::uint32_t>(placement.part)});
    highest = std::max(highest, placement.part);
  }
  // as many workers as there were: each gets back what it had learned to hold
  if (highest < workers_ && manifest.parts.size() == workers_) {
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
    return std::all_of(loads_.begin(), loads_.end(), [](const auto& l) { return l.second.ended; });
  });
  for (const auto& [number, load] : loads_)
    if (!load.error.empty()) return load.error;

  next_id_ = value(manifest.next_id);
  round_ = manifest.round;
  seed_ = manifest.seed;
  if (!manifest.context.empty()) share(manifest.context);
  saved_round_ = round_;
  return "";
}

// On a disk of one node a part can be read by that node's workers only: the one that wrote it is asked first, if there are
// as many workers as then.
void Master::load_part(Load& load, std::uint64_t number) {
  Buffer copy;
  copy.append(load.message);
  send(rank_of(scheduler::Worker{static_cast<std::uint32_t>((number + load.attempts) % workers_)}),
       std::move(copy));
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

// ---- by themselves: --rondo-checkpoint

bool Master::resume(Buffer& program) {
  return !options_.checkpoint.empty() && restore(options_.checkpoint, program);
}

void Master::safe_point(Bytes program) {
  require_idle();
  if (options_.checkpoint.empty()) return;
  watch_time();
  run_until([] { return true; });  // takes in what has come, perhaps the end of the last checkpoint
  if (!saving_error_.empty())
    std::cerr << "rondo: a checkpoint failed, the run goes on: " << std::exchange(saving_error_, "")
              << std::endl;
  if (wish_ < Wish::kLeave && seconds_left() < kTimeMargin + 2 * call_time_ + 2 * saving_cost_) {
    std::cerr << "rondo: the next round might not end before the walltime does" << std::endl;
    wish_ = Wish::kLeave;
  }
  if (wish_ >= Wish::kLeave) {
    finish_saving();
    checkpoint(options_.checkpoint, program);
    std::cerr << "rondo: checkpoint after round " << round_ << "; leaving with status " << kRequeueStatus
              << std::endl;
    throw Leave();
  }
  if (saving_ || (wish_ != Wish::kCheckpoint && !checkpoint_due())) return;
  wish_ = Wish::kNone;
  saved_round_ = round_;
  saved_at_ = transport_.now().count();
  try {
    begin_saving(options_.checkpoint, program);
  } catch (const std::exception& error) {
    saving_error_ = error.what();
  }
}

void Master::heed(Wish wish) {
  if (wish > wish_) wish_ = wish;
  if (wish == Wish::kLeaveSoon) leave_by_ = std::min(leave_by_, transport_.now().count() + options_.grace);
}

double Master::seconds_left() const { return end_ - transport_.now().count(); }

// A round that does not end in time is not worth a killed job: the last checkpoint stands, and the status asks for a restart.
void Master::watch_time() {
  if (options_.checkpoint.empty()) return;
  heed(SignalWatch::take());
  if (transport_.now().count() < leave_by_ && seconds_left() > kTimeMargin / 2) return;
  std::cerr << "rondo: no time left to end the round; the last checkpoint stands; leaving with status "
            << kRequeueStatus << std::endl;
  host_.abort(kRequeueStatus);
}

bool Master::checkpoint_due() const {
  const double now = transport_.now().count();
  if (const auto* rounds = std::get_if<checkpoint::Rounds>(&options_.checkpoint_every))
    return round_ - saved_round_ >= rounds->count;
  double seconds = 0;
  if (const auto* given = std::get_if<std::chrono::seconds>(&options_.checkpoint_every))
    seconds = given->count();
  if (seconds == 0) {
    // the optimum for what the last one cost; the first one comes early, to measure that
    constexpr double kFirst = 60, kFloor = 10;
    seconds =
        saving_cost_ == 0
            ? kFirst
            : std::max(kFloor,
                       checkpoint::optimum_interval(
                           checkpoint::Seconds(saving_cost_),
                           checkpoint::between_failures(checkpoint::Seconds(options_.node_failure), nodes_))
                           .count());
  }
  return now - saved_at_ >= seconds;
}

}  // namespace rondo::engine
