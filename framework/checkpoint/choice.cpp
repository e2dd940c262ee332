#include "checkpoint/choice.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include <rondo/error.hpp>

#include "checkpoint/format.hpp"

namespace rondo::checkpoint {

Choice::Choice(Storage& storage, std::string folder, const std::optional<Path>& copies,
               std::uint64_t type_hash, Tell tell)
    : storage_(storage), folder_(std::move(folder)), type_hash_(type_hash), tell_(std::move(tell)) {
  roots_.emplace_back(folder_);
  search(roots_.front());
  if (!has_first_place()) look_for_copies_in_folder();
  if (!copies) return;
  if (has_first_place())
    take_copies_of_run(*copies, roots_.front().found->manifest.run);
  else
    take_copies_of_folder(*copies);
}

void Choice::search(Root& root) {
  Search result;
  try {
    result = find_newest(storage_, root.path, type_hash_, Depth::manifest, root.before);
  } catch (const FileError& error) {
    root.is_foreign = root.path.is_shared() && error.fault() == Fault::foreign;
    if (root.is_foreign) {
      tell_(std::string(error.what()) + "; it is left alone");
      return;
    }
    result.refusals.push_back(error);
  } catch (const std::exception& error) {
    result.refusals.emplace_back(Fault::io, root.path, error.what());
  }
  for (const FileError& refusal : result.refusals)
    if (refusal.fault() != Fault::incomplete) refusals_ += std::string("\n  ") + refusal.what();
  root.ever_complete = result.ever_complete();
  root.found = std::move(result.newest);
}

// One may have named the folder of the copies where a copy was meant.
void Choice::look_for_copies_in_folder() {
  try {
    const Shared shared = list_shared(storage_, folder_, folder_);
    const Path* some = nullptr;
    for (const auto* roots : {&shared.of_own, &shared.others})
      if (!roots->empty()) some = &roots->front();
    if (some != nullptr)
      tell_(folder_ + " has no checkpoint, but copies of runs, each of which could be gone on from: " +
            some->string() + (shared.others.size() + shared.of_own.size() > 1 ? " and others" : ""));
  } catch (const std::exception&) {
    // the search for a checkpoint there reports it
  }
}

// There may be newer copies of this run from another place: a first place that was renamed, or copied and gone on from. Nobody
// knows which.
void Choice::take_copies_of_run(const Path& copies, std::uint64_t run) {
  search(roots_.emplace_back(copies / run_name(folder_, run)));
  std::uint64_t newest = 0;
  for (const Root& root : roots_) newest = std::max(newest, root.found ? root.found->sequence : 0);
  try {
    for (const Path& other : roots_of_run(storage_, copies, run)) {
      const std::vector<std::uint64_t> there = sequences(storage_, other);
      if (!there.empty() && there.back() > newest)
        tell_(other.string() + " has newer checkpoints of this run, copied from another place than " +
              folder_ + "; they are ignored");
    }
  } catch (const std::exception&) {
    // these are of no use to this run
  }
}

void Choice::take_copies_of_folder(const Path& copies) {
  Shared shared;
  try {
    shared = list_shared(storage_, copies, folder_);
  } catch (const std::exception& error) {
    refusals_ += std::string("\n  ") + error.what();
  }
  std::string names;
  for (Path& root : shared.of_own) {
    Root candidate(std::move(root));
    search(candidate);
    if (candidate.is_foreign || !candidate.ever_complete) continue;
    names += "\n  " + candidate.path.string();
    roots_.push_back(std::move(candidate));
  }
  if (roots_.size() > 2)
    throw CheckpointError("no checkpoint in " + folder_ +
                          " can be used, and its copies are of more than one run:" + names +
                          "\n  need --rondo-checkpoint=DIR of the one to go on from, or the others removed");
  if (roots_.size() == 1 && !shared.others.empty())
    tell_("there is no checkpoint in " + folder_ + ", and " + copies.string() +
          " has none that was copied from there: what others have there is ignored");
}

std::size_t Choice::position_of_newest() const {
  const auto newest = std::max_element(roots_.begin(), roots_.end(), [](const Root& a, const Root& b) {
    return (a.found ? a.found->sequence : 0) < (b.found ? b.found->sequence : 0);
  });
  return static_cast<std::size_t>(newest - roots_.begin());
}

const Checkpoint* Choice::newest() const {
  const Root& root = roots_[position_of_newest()];
  return root.found ? &*root.found : nullptr;
}

bool Choice::is_first_place() const { return position_of_newest() == 0; }

void Choice::refuse(const std::string& why) {
  refusals_ += "\n  " + why;
  Root& root = roots_[position_of_newest()];
  root.before = root.found->sequence;
  search(root);
}

}  // namespace rondo::checkpoint
