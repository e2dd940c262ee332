// Checkpoints, as the master sees them: workers write and read the parts, rank 0 the manifest.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <ctime>
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

// Between the end of a run and the end of its walltime: MPI ends, and a batch script wants its turn. Of a short walltime
// it is a tenth.
constexpr double kTimeMargin = 10;
constexpr double kTimeMarginShare = 0.1;

}  // namespace

void Master::checkpoint(const std::string& path, Bytes program) {
  require_idle();
  finish_saving();
  tell_saving_error();  // of the one before
  do {
    abandoned_ = false;
    begin_saving(path, program);
    finish_saving();
  } while (std::exchange(abandoned_, false));
  if (!saving_error_.empty()) throw CheckpointError(std::exchange(saving_error_, ""));
}

std::uint64_t Master::type_hash() {
  if (!type_hash_) type_hash_ = hash_of_types(program_);
  return *type_hash_;
}

void Master::tell_saving_error() {
  if (saving_error_.empty()) return;
  std::cerr << "rondo: a checkpoint failed, the run goes on: " << std::exchange(saving_error_, "")
            << std::endl;
}

// Tells the workers to pack what they hold, and goes on; take_saved completes the checkpoint.
void Master::begin_saving(const std::string& path, Bytes program) {
  Saving saving;
  saving.root = path;
  saving.began = transport_.now().count();
  saving.copy_root = options_.checkpoint_copy;
  std::array<Saver::Place, 2> present;
  for (std::size_t i = 0; i < present.size(); ++i) {
    Saver::Place& place = present[i];
    place.root = i == 0 ? saving.root : saving.copy_root;
    if (place.root.empty()) continue;
    place.present = checkpoint::sequences(storage_, place.root);
    saving.sequence = std::max(saving.sequence, checkpoint::next_sequence(storage_, place.root));
  }
  // one that was abandoned may still be on its way to the disk
  saving.sequence = std::max(saving.sequence, sequence_abandoned_ + 1);
  checkpoint::prepare_checkpoint(storage_, saving.root, saving.sequence);
  saving.manifest.type_hash = type_hash();
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
    writer.put(SaveHead{saving.sequence, {type_hash(), round_, w}});
    for (const auto& [root, sequences] : present) {
      writer.put_text(root.string());
      writer.put_all(std::span<const std::uint64_t>(sequences));
    }
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
  if (const std::string copy_error = in.get_text(); saving_->copy_error.empty())
    saving_->copy_error = copy_error;
  if (--saving_->missing == 0) complete_saving();
}

// All parts are on disk: the manifest makes them a checkpoint. Or one is not: then none of it stays. A copy that fails
// is told, and nothing more: the checkpoint itself is good.
void Master::complete_saving() {
  Saving saving = std::move(*saving_);
  saving_.reset();
  std::sort(saving.manifest.parts.begin(), saving.manifest.parts.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  try {
    if (!saving.error.empty()) throw CheckpointError(saving.error);
    commit(saving.root, saving);
    saving_cost_ = transport_.now().count() - saving.began;
  } catch (const std::exception& error) {
    saving_error_ = error.what();
    saving.copy_error = "there is nothing to copy";
    // what cannot be removed either is worthless, and the next pruning meets it again
    (void)checkpoint::remove_checkpoints(storage_, saving.root, {saving.sequence});
  }
  if (saving.copy_root.empty()) return;
  try {
    if (!saving.copy_error.empty()) throw CheckpointError(saving.copy_error);
    commit(saving.copy_root, saving);
  } catch (const std::exception& error) {
    if (saving_error_.empty())
      std::cerr << "rondo: the copy of a checkpoint failed, the first stands: " << error.what() << std::endl;
    (void)checkpoint::remove_checkpoints(storage_, saving.copy_root, {saving.sequence});
  }
}

void Master::commit(const checkpoint::Path& root, const Saving& saving) {
  checkpoint::prepare_checkpoint(storage_, root, saving.sequence);
  checkpoint::commit_manifest(storage_, checkpoint::checkpoint_folder(root, saving.sequence),
                              saving.manifest);
  checkpoint::prune(storage_, root, type_hash(), options_.checkpoint_keep, saving.sequence + 1,
                    checkpoint::Depth::manifest);
}

// Where a checkpoint is looked for, if `first` is the place of --rondo-checkpoint.
std::vector<checkpoint::Path> Master::roots(const checkpoint::Path& first) const {
  std::vector<checkpoint::Path> all{first};
  if (!options_.checkpoint_copy.empty()) all.emplace_back(options_.checkpoint_copy);
  return all;
}

void Master::finish_saving() {
  run_until([&] { return !saving_; });
}

// ---- by themselves: --rondo-checkpoint

void Master::safe_point(Bytes program) {
  require_idle();
  if (options_.checkpoint.empty()) return;
  watch_time();
  run_until([] { return true; });  // takes in what has come, perhaps the end of the last checkpoint
  tell_saving_error();
  if (std::exchange(abandoned_, false)) heed(Wish::kCheckpoint);
  if (wish_ < Wish::kLeave && seconds_left() < time_margin_ + 2 * call_time_ + 2 * saving_cost_) {
    std::cerr << "rondo: the next round might not end before the walltime does" << std::endl;
    wish_ = Wish::kLeave;
  }
  if (wish_ >= Wish::kLeave) {
    try {
      checkpoint(options_.checkpoint, program);
      std::cerr << "rondo: checkpoint after round " << round_;
    } catch (const CheckpointError& error) {
      std::cerr << "rondo: the last checkpoint failed, an older one stands if there is one: " << error.what();
    }
    std::cerr << "; leaving with status " << kRequeueStatus << std::endl;
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

// The end of the walltime, on the transport's clock, which stands at `now`.
void Master::set_end(double now) {
  const char* const slurm = std::getenv("SLURM_JOB_END_TIME");  // seconds since 1970
  double walltime = options_.walltime;
  if (walltime == 0 && slurm != nullptr && !options_.checkpoint.empty()) {
    const double end = std::atof(slurm);
    if (end > 0)
      walltime = end - static_cast<double>(std::time(nullptr));
    else
      std::cerr << "rondo: SLURM_JOB_END_TIME is no time ('" << slurm << "'), and counts for nothing"
                << std::endl;
  }
  if (walltime == 0) return;
  end_ = now + walltime;
  time_margin_ = std::clamp(walltime * kTimeMarginShare, 0.0, kTimeMargin);
}

double Master::seconds_left() const { return end_ - transport_.now().count(); }

// A round that does not end in time is not worth a killed job: the last checkpoint stands, and the status asks for a restart.
void Master::watch_time() {
  if (options_.checkpoint.empty() || closing_) return;
  heed(SignalWatch::take());
  if (transport_.now().count() < leave_by_ && seconds_left() > time_margin_ / 2) return;
  std::cerr << "rondo: no time left to end the round; the last checkpoint stands; leaving with status "
            << kRequeueStatus << std::endl;
  leave_at_once(kRequeueStatus);
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
    seconds = saving_cost_ == 0
                  ? kFirst
                  : std::max(kFloor, checkpoint::optimum_interval(
                                         checkpoint::Seconds(saving_cost_),
                                         checkpoint::between_failures(
                                             checkpoint::Seconds(options_.node_failure), node_names_.size()))
                                         .count());
  }
  return now - saved_at_ >= seconds;
}

}  // namespace rondo::engine
