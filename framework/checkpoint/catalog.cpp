#include "checkpoint/catalog.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <string>
#include <utility>

#include "checkpoint/durable_file.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/part_reader.hpp"

namespace rondo::checkpoint {
namespace {

void verify_states(const PartReader& reader, Buffer& scratch) {
  for (const PartReader::Record& record : reader.records()) {
    scratch.clear();
    reader.read(record, scratch);
  }
}

void verify_parts(Storage& storage, const Path& folder, const Manifest& manifest, Depth depth) {
  std::vector<Placement> by_part = manifest.placements;
  std::stable_sort(by_part.begin(), by_part.end(),
                   [](const Placement& left, const Placement& right) { return left.part < right.part; });
  auto expected = by_part.begin();
  Buffer scratch;
  for (const PartEntry& entry : manifest.parts) {
    const Header header{.type_hash = manifest.type_hash, .round = manifest.round, .number = entry.number};
    const PartReader reader(storage, folder, header, entry);
    // the manifest places exactly entry.count states here, and the part has as many, all different
    for (std::uint64_t i = 0; i < entry.count; ++i) static_cast<void>(reader.at((expected++)->id));
    if (depth == Depth::states) verify_states(reader, scratch);
  }
}

// One level of it, its name flushed.
void create_level(Storage& storage, const Path& folder, const Path& parent) {
  const bool created = storage.create_folder(folder);
  try {
    storage.sync_folder(parent);
  } catch (const FileError& error) {
    // a folder above that this user may not read is not this user's making either
    if (created || error.code() != std::errc::permission_denied) throw;
  }
}

// mkdir -p, each name flushed. Also the names that are there already: an earlier run may have made them and
// been killed before it flushed them, and then a power cut would take everything below.
void create_root(Storage& storage, const Path& root) {
  std::filesystem::path above;
  for (const std::filesystem::path& level : root.root()) {
    const std::filesystem::path parent = above.empty() ? "." : above;
    above /= level;
    // "checkpoints/" ends with an empty name
    if (level.empty() || level == "." || level == ".." || above == above.root_path()) continue;
    create_level(storage, Path(above), Path(parent));
  }
  Path folder = root.top();
  for (const std::filesystem::path& level : root.below()) {
    const Path parent = folder;
    folder /= level.string();
    create_level(storage, folder, parent);
  }
}

}  // namespace

bool Search::ever_complete() const {
  return newest.has_value() || std::any_of(refusals.begin(), refusals.end(), [](const FileError& refusal) {
           return refusal.fault() != Fault::incomplete;
         });
}

std::vector<std::uint64_t> sequences(Storage& storage, const Path& root) {
  std::vector<std::uint64_t> found;
  for (const std::string& name : storage.list(root)) {
    if (const auto sequence = sequence_of(name)) found.push_back(*sequence);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::uint64_t next_sequence(Storage& storage, const Path& root) {
  const std::vector<std::uint64_t> taken = sequences(storage, root);
  return taken.empty() ? 1 : taken.back() + 1;
}

Path checkpoint_folder(const Path& root, std::uint64_t sequence) { return root / checkpoint_name(sequence); }

bool prepare_checkpoint(Storage& storage, const Path& root, std::uint64_t sequence) {
  create_root(storage, root);
  const bool is_new = storage.create_folder(checkpoint_folder(root, sequence));
  storage.sync_folder(root);
  return is_new;
}

void try_root(Storage& storage, const Path& root, std::uint64_t run, Rank rank) {
  create_root(storage, root);
  // other runs may try the same folder at the same moment
  DurableFile trial(storage, root, "trial-" + std::to_string(run) + "-" + std::to_string(value(rank)));
  Buffer something;
  put_number(something, kPartMagic);
  trial.append(something);
  trial.commit();
  // a file system may give it another owner or mode than one that can be believed
  static_cast<void>(storage.open(trial.path()));
  storage.remove(trial.path());
}

Shared list_shared(Storage& storage, const Path& shared, const Path& own) {
  Shared found;
  for (const std::string& name : storage.list(shared))
    if (is_run_name(name)) (is_run_of(own, name) ? found.of_own : found.others).push_back(shared / name);
  return found;
}

std::vector<Path> roots_of_run(Storage& storage, const Path& shared, std::uint64_t run) {
  std::vector<Path> roots;
  for (const std::string& name : storage.list(shared))
    if (is_run_name(name, run)) roots.push_back(shared / name);
  return roots;
}

Manifest read_checkpoint(Storage& storage, const Path& folder, std::uint64_t type_hash, Depth depth) {
  Manifest manifest = read_manifest(storage, folder, type_hash);
  const std::string root = folder.parent().name();
  if (folder.is_shared() && is_run_name(root) && !is_run_name(root, manifest.run))
    throw FileError(Fault::foreign, folder / kManifestName,
                    "it is of another run than the one that the folder is named after");
  if (depth != Depth::manifest) verify_parts(storage, folder, manifest, depth);
  return manifest;
}

Search find_newest(Storage& storage, const Path& root, std::uint64_t type_hash, Depth depth,
                   std::uint64_t before) {
  Search search;
  std::vector<std::uint64_t> candidates = sequences(storage, root);
  for (auto sequence = candidates.rbegin(); sequence != candidates.rend() && !search.newest; ++sequence) {
    if (*sequence >= before) continue;
    const Path folder = checkpoint_folder(root, *sequence);
    try {
      search.newest = Checkpoint{*sequence, folder, read_checkpoint(storage, folder, type_hash, depth)};
    } catch (const FileError& refusal) {
      search.refusals.push_back(refusal);
    } catch (const std::exception& error) {
      // want of memory, say: the others may be smaller
      search.refusals.emplace_back(Fault::io, folder, std::string("reading it failed: ") + error.what());
    }
  }
  return search;
}

}  // namespace rondo::checkpoint
