#include "checkpoint/pruning.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>

#include "checkpoint/format.hpp"

namespace rondo::checkpoint {
namespace {

enum class Worth {
  complete,
  never_ended,
  refused,  // it ended, but there is something wrong with it
  unknown,
};

Worth worth(Storage& storage, const Path& folder, std::uint64_t type_hash, Depth depth) {
  try {
    static_cast<void>(read_checkpoint(storage, folder, type_hash, depth));
    return Worth::complete;
  } catch (const FileError& error) {
    switch (error.fault()) {
      case Fault::io:
      case Fault::other_type:
      case Fault::newer_version:
      case Fault::older_version:
      case Fault::foreign:
      case Fault::exposed: return Worth::unknown;
      case Fault::incomplete: return Worth::never_ended;
      case Fault::missing:
      case Fault::truncated:
      case Fault::damaged: return Worth::refused;
    }
  } catch (const std::exception&) {
    // want of memory, say
  }
  return Worth::unknown;
}

bool is_unwanted(Worth worth, bool newer_one_is_complete) {
  switch (worth) {
    case Worth::complete:
    case Worth::never_ended: return true;
    // the last that ended may look wrong only from here and now (network file systems show names late)
    case Worth::refused: return newer_one_is_complete;
    case Worth::unknown: return false;
  }
  return false;
}

void remove_checkpoint(Storage& storage, const Path& folder) {
  const std::vector<std::string> names = storage.list(folder);
  if (std::find(names.begin(), names.end(), kManifestName) != names.end()) {
    storage.remove(folder / kManifestName);
    storage.sync_folder(folder);
  }
  for (const std::string& name : names) {
    if (is_checkpoint_file(name)) storage.remove(folder / name);
  }
  storage.remove(folder);
}

void remove_into(Pruned& pruned, Storage& storage, const Path& root, std::uint64_t sequence) {
  try {
    remove_checkpoint(storage, checkpoint_folder(root, sequence));
    pruned.removed.push_back(sequence);
  } catch (const FileError& error) {
    pruned.failures.push_back(error);
  } catch (const std::exception& error) {
    pruned.failures.emplace_back(Fault::io, root, error.what());
  }
}

}  // namespace

Pruned prune(Storage& storage, const Path& root, std::uint64_t type_hash, std::uint64_t keep,
             std::uint64_t writing, Depth depth) {
  if (keep == 0) throw OptionError("keep: at least 1 checkpoint must be kept, got 0");
  Pruned pruned;
  std::vector<std::uint64_t> unwanted;
  try {
    const std::vector<std::uint64_t> candidates = sequences(storage, root);
    for (auto sequence = candidates.rbegin(); sequence != candidates.rend(); ++sequence) {
      if (*sequence >= writing) continue;
      const Worth found = worth(storage, checkpoint_folder(root, *sequence), type_hash, depth);
      if (found == Worth::complete && pruned.kept.size() < keep) {
        pruned.kept.push_back(*sequence);
      } else if (is_unwanted(found, !pruned.kept.empty())) {
        unwanted.push_back(*sequence);
      }
    }
  } catch (const FileError& error) {
    pruned.failures.push_back(error);
  } catch (const std::exception& error) {
    pruned.failures.emplace_back(Fault::io, root, error.what());
  }
  std::reverse(pruned.kept.begin(), pruned.kept.end());
  // oldest first: when something stops it half-way, what is left is the newest
  std::reverse(unwanted.begin(), unwanted.end());
  for (const std::uint64_t sequence : unwanted) remove_into(pruned, storage, root, sequence);
  return pruned;
}

Pruned remove_checkpoints(Storage& storage, const Path& root, const std::vector<std::uint64_t>& unwanted) {
  Pruned pruned;
  for (const std::uint64_t sequence : unwanted) remove_into(pruned, storage, root, sequence);
  return pruned;
}

}  // namespace rondo::checkpoint
