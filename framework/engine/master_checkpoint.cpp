// Checkpoints, as the master sees them: workers write and read the parts, rank 0 the manifest.
#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <utility>

#include "checkpoint/cadence.hpp"
#include "checkpoint/catalog.hpp"
#include "checkpoint/pruning.hpp"
#include "engine/build.hpp"
#include "engine/master.hpp"
#include "engine/master_wait.hpp"

namespace rondo::engine {

namespace {

// Two runs in one folder would remove each other's checkpoints, and go on with each other's states: the first one wins.
std::string another_run(const checkpoint::Path& folder) {
  return folder.string() + " is of another run, which writes here too: need a folder for each";
}

}  // namespace

// The folder that the program means, absolute. On threads an update that changes the working directory does so for main too,
// so what it is at the moment says nothing.
std::string Master::folder(const std::string& path) const {
  if (path.empty()) throw CheckpointError("need a folder for checkpoints, got ''");
  const std::filesystem::path full = std::filesystem::path(options_.started_in) / path;
  const auto normal = [](const std::filesystem::path& each) { return (each / "").lexically_normal(); };
  const bool is_own_place = normal(full) == normal(options_.checkpoint);
  return is_own_place ? options_.checkpoint : full.string();
}

void Master::checkpoint(const std::string& path, Bytes program) { write_checkpoint(folder(path), program); }

void Master::write_checkpoint(const std::string& path, Bytes program) {
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
  const std::string error = std::exchange(saving_error_, "");
  if (is_news(error))
    std::cerr << "rondo: a checkpoint failed, the run goes on: " << error
              << "; others that fail like this are not told" << std::endl;
}

// What keeps failing is told once. Numbers do not count: each checkpoint has its own.
bool Master::is_news(const std::string& failure) {
  std::string kind = failure;
  std::erase_if(kind, [](unsigned char c) { return std::isdigit(c) != 0; });
  return std::exchange(told_failure_, kind) != kind;
}

bool Master::has_copy(const std::string& path) const {
  return path == options_.checkpoint && !options_.checkpoint_copy.empty();
}

// Where checkpoints with this path go: what goes to --rondo-checkpoint goes to --rondo-checkpoint-copy too.
std::vector<checkpoint::Path> Master::roots(const std::string& path) const {
  std::vector<checkpoint::Path> all{path};
  if (has_copy(path))
    all.push_back(checkpoint::Path::shared(options_.checkpoint_copy) / checkpoint::run_name(path, run_));
  return all;
}

void Master::check_places() {
  if (options_.checkpoint.empty()) return;
  std::vector<checkpoint::Path> all{options_.checkpoint};
  if (has_copy(options_.checkpoint)) all.push_back(checkpoint::Path::shared(options_.checkpoint_copy));
  trials_.assign(all.size(), "");
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Doing doing(host_.watchdog, "a trial of the folder for checkpoints");
    try {
      if (i == 0) place_last_ = checkpoint::next_sequence(storage_, all[i]) - 1;
      checkpoint::try_root(storage_, all[i], run_, kMaster);
    } catch (const std::exception& error) {
      trials_[i] = std::string("rank 0: ") + error.what();
    }
  }
  await(Kind::kTried);
  send_all(to_bytes(messages::Try{run_, {all.begin(), all.end()}}));
  run_until([&] { return all_answered(); });

  const std::array names = {options_.written("checkpoint") + ": ",
                            options_.written("checkpoint-copy") + ": "};
  std::string refusals;
  std::size_t refused = 0, good = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (trials_[i].empty()) {
      good = i;
    } else {
      refusals += (++refused > 1 ? "; " : "") + names[i] + trials_[i];
    }
  }
  if (refused == 0) return;
  if (refused == all.size())
    throw CheckpointError(refusals + "; need a folder that rank 0 and every worker can write to");
  std::cerr << "rondo: " << refusals << "; checkpoints go to " << all[good].string()
            << " alone, until that can be written" << std::endl;
}

void Master::take(Rank from, const messages::Tried& tried) {
  if (!count_answer(from, Kind::kTried)) return;
  for (std::size_t i = 0; i < trials_.size(); ++i)
    if (trials_[i].empty() && !tried.errors.at(i).empty())
      trials_[i] = "rank " + std::to_string(value(from)) + " on " +
                   nodes_[static_cast<std::size_t>(value(from))] + ": " + tried.errors[i];
}

// Tells the workers to pack what they hold, and goes on; messages::Saved completes the checkpoint.
void Master::begin_saving(const std::string& path, Bytes program) {
  Saving saving;
  saving.began = transport_.now().count();
  saving.sequence = sequence_last_ + 1;
  const std::vector<checkpoint::Path> all = roots(path);
  const Doing doing(host_.watchdog, "the folder for a checkpoint");
  std::array<messages::SavePlace, 2> places;
  for (std::size_t i = 0; i < all.size(); ++i) {
    saving.places[i].root = all[i];
    try {
      places[i].present = checkpoint::sequences(storage_, all[i]);
      if (!places[i].present.empty())
        saving.sequence = std::max(saving.sequence, places[i].present.back() + 1);
    } catch (const std::exception& error) {
      saving.places[i].error = error.what();
    }
  }
  sequence_last_ = saving.sequence;
  const bool is_own_place = path == options_.checkpoint;
  if (is_own_place && place_last_ && !places[0].present.empty() && places[0].present.back() > *place_last_)
    throw CheckpointError(another_run(checkpoint::checkpoint_folder(path, places[0].present.back())));
  bool anywhere = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    SavingPlace& place = saving.places[i];
    if (!place.error.empty()) continue;
    try {
      place.begun = true;
      place.begun = checkpoint::prepare_checkpoint(storage_, place.root, saving.sequence);
      if (!place.begun)
        throw CheckpointError(another_run(checkpoint::checkpoint_folder(place.root, saving.sequence)));
      places[i].root = place.root;
      anywhere = true;
    } catch (const std::exception& error) {
      place.error = error.what();
    }
    if (is_own_place && i == 0 && place.begun) place_last_ = saving.sequence;
  }
  saving_ = std::move(saving);
  if (!anywhere) return complete_saving();

  checkpoint::Manifest& manifest = saving_->manifest;
  manifest.type_hash = type_hash();
  manifest.round = round_;
  manifest.next_id = StateId{next_id_};
  manifest.seed = seed_;
  manifest.random = random_.position();
  manifest.run = run_;
  manifest.context.append(context_bytes_);
  manifest.program.append(program);
  manifest.arguments = options_.arguments;
  std::vector<std::vector<messages::StateCost>> parts(workers_);
  for (Slot slot = 0; slot < ids_.size(); ++slot) {
    const scheduler::Cost& cost = scheduler_.cost(slot);
    const std::uint32_t part = index(scheduler_.owner(slot));
    parts[part].push_back({ids_[slot], cost.predicted().count()});
    manifest.placements.push_back({ids_[slot], part});
    Writer(manifest.scheduler).put(cost);
  }
  for (std::uint32_t w = 0; w < workers_; ++w) {
    if (parts[w].empty()) continue;
    ++saving_->missing;
    send(rank_of(scheduler::Worker{w}),
         to_bytes(messages::Save{
             saving_->sequence, {manifest.type_hash, round_, w}, places, std::move(parts[w])}));
  }
  if (saving_->missing == 0) complete_saving();
}

void Master::take(Rank, const messages::Saved& saved) {
  if (!saving_ || saved.sequence != saving_->sequence) return;
  saving_->manifest.parts.push_back(saved.part);
  for (std::size_t i = 0; i < saved.errors.size(); ++i)
    if (saving_->places[i].error.empty()) saving_->places[i].error = saved.errors[i];
  if (--saving_->missing == 0) complete_saving();
}

// Where all parts are on disk, the manifest makes them a checkpoint. Where one is not, none of it stays.
void Master::complete_saving() {
  const Doing doing(host_.watchdog, "the manifest of a checkpoint");
  Saving saving = std::move(*saving_);
  saving_.reset();
  std::sort(saving.manifest.parts.begin(), saving.manifest.parts.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  std::string errors, complete;
  for (const SavingPlace& place : saving.places) {
    if (place.root.empty()) continue;
    try {
      if (!place.error.empty()) throw CheckpointError(place.error);
      commit(place.root, saving);
      complete = place.root.string();
    } catch (const std::exception& error) {
      errors += (errors.empty() ? "" : "; ") + std::string(error.what());
      // what cannot be removed either is worthless, and the next pruning meets it again
      if (place.begun) (void)checkpoint::remove_checkpoints(storage_, place.root, {saving.sequence});
    }
  }
  if (complete.empty()) {
    saving_error_ = errors;
    return;
  }
  saved_here_ = true;
  publish_end();
  saving_cost_ = transport_.now().count() - saving.began;
  if (errors.empty())
    told_failure_.clear();
  else if (is_news(errors))
    std::cerr << "rondo: a checkpoint is in " << complete << " alone, because of " << errors
              << "; others that are in one place alone because of this are not told" << std::endl;
}

void Master::commit(const checkpoint::Path& root, const Saving& saving) {
  checkpoint::commit_manifest(storage_, checkpoint::checkpoint_folder(root, saving.sequence),
                              saving.manifest);
  // whatever is wrong with the ones before, this one is complete
  checkpoint::prune(storage_, root, type_hash(), options_.keep, saving.sequence + 1,
                    checkpoint::Depth::manifest);
}

void Master::finish_saving() {
  run_until([&] { return !saving_; });
}

// ---- by themselves: --rondo-checkpoint

void Master::safe_point(Bytes program) {
  require_idle();
  require_going();
  if (options_.checkpoint.empty()) return;
  watch_time();
  run_until([] { return true; });  // takes in what has come, perhaps the end of the last checkpoint
  tell_saving_error();
  if (std::exchange(abandoned_, false)) heed(StopRequest::kCheckpoint);
  const double now = transport_.now().count();
  if (safe_at_ > 0) step_time_ = std::max(now - safe_at_, step_time_ * 0.9);
  safe_at_ = now;
  if (stop_request_ < StopRequest::kLeave &&
      seconds_left() < walltime_.margin + 2 * step_time_ + 2 * saving_cost_) {
    std::cerr << "rondo: the next round might not end before the walltime (" + walltime_.source + ") does\n"
              << std::flush;
    stop_request_ = StopRequest::kLeave;
  }
  if (stop_request_ >= StopRequest::kLeave) {
    try {
      write_checkpoint(options_.checkpoint, program);
      std::cerr << "rondo: checkpoint after round " << round_;
    } catch (const CheckpointError& error) {
      std::cerr << "rondo: the last checkpoint failed"
                << (saved_here_ ? ", the one before stands: " : " and so did all of this run: ")
                << error.what();
    }
    std::cerr << "; " << SignalWatch::leaving(leave_status()) << std::endl;
    left_ =
        true;  // not before: a loss while it was written is an error of its own, and goes to the program as that
    throw Leave{leave_status()};
  }
  if (saving_ || (stop_request_ != StopRequest::kCheckpoint && !checkpoint_due())) return;
  stop_request_ = StopRequest::kNone;
  saved_round_ = round_;
  saved_at_ = transport_.now().count();
  try {
    begin_saving(options_.checkpoint, program);
  } catch (const std::exception& error) {
    saving_error_ = error.what();
  }
}

void Master::heed(StopRequest request) {
  if (request > stop_request_) stop_request_ = request;
  // a walltime that is known is the better measure
  if (request == StopRequest::kLeave && options_.round_grace && std::isinf(walltime_.end))
    leave_by_ = std::min(leave_by_, transport_.now().count() + seconds_or(options_.round_grace, 0));
  if (request == StopRequest::kLeaveSoon)
    leave_by_ = std::min(leave_by_, transport_.now().count() + options_.grace.count());
}

void Master::set_end(double now) {
  walltime_ = read_walltime(options_, now);
  if (!walltime_.refusal.empty()) std::cerr << "rondo: " + walltime_.refusal + "\n" << std::flush;
  publish_end();
}

void Master::publish_end() {
  if (host_.watchdog != nullptr)
    host_.watchdog->leave_by(walltime_.last_moment(), leave_status(), walltime_.source);
}

double Master::seconds_left() const { return walltime_.end - transport_.now().count(); }

// A restart is asked for only if it begins where this run did not: whatever let no checkpoint come about (a full disk, a
// walltime too short for a round) would do so again, and for ever.
int Master::leave_status() const { return saved_here_ ? kRequeueStatus : kNothingSavedStatus; }

// A round that does not end in time is not worth a killed job: the last checkpoint stands. TERM and INT come at any time,
// and say nothing of the next one.
void Master::watch_time() {
  if (options_.checkpoint.empty() || closing_) return;
  heed(host_.platform.take_stop_request());
  const bool over = transport_.now().count() >= walltime_.last_moment();
  if (!over && transport_.now().count() < leave_by_) return;
  const int status = over ? leave_status() : kRequeueStatus;
  std::cerr << "rondo: "
            << (over ? "no time left to end the round (" + walltime_.source + "); "
                : !SignalWatch::by_launcher()
                    ? "no time left to end the round; "
                    : "the launcher ends the run, as a rank has died or it was told to; ")
            << (saved_here_ ? "the last checkpoint stands" : "there is no checkpoint of this run") << "; "
            << SignalWatch::leaving(status) << std::endl;
  leave_at_once(status);
}

bool Master::checkpoint_due() const {
  const double now = transport_.now().count();
  double seconds = 0;
  if (const auto& every = options_.checkpoint_every) {
    if (const auto* rounds = std::get_if<rondo::Rounds>(&*every))
      return round_ - saved_round_ >= rounds->count;
    seconds = static_cast<double>(std::get<std::chrono::seconds>(*every).count());
  } else {
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
