#include "engine/master/checkpoint_places.hpp"

#include <algorithm>
#include <filesystem>

#include <rondo/error.hpp>

#include "checkpoint/format.hpp"
#include "engine/build.hpp"

namespace rondo::engine {

std::string CheckpointPlaces::folder(const std::string& path) const {
  if (path.empty()) throw CheckpointError("need a folder for checkpoints, got ''");
  const std::filesystem::path full = std::filesystem::path(options_.started_in) / path;
  const auto normal = [](const std::filesystem::path& each) { return (each / "").lexically_normal(); };
  return normal(full) == normal(options_.checkpoint) ? options_.checkpoint : full.string();
}

bool CheckpointPlaces::has_copy(const std::string& folder) const {
  return is_own(folder) && !options_.checkpoint_copy.empty();
}

std::vector<checkpoint::Path> CheckpointPlaces::roots(const std::string& folder) const {
  std::vector<checkpoint::Path> all{folder};
  if (has_copy(folder))
    all.push_back(checkpoint::Path::shared(options_.checkpoint_copy) / checkpoint::run_name(folder, run_));
  return all;
}

std::uint64_t CheckpointPlaces::type_hash() {
  if (!type_hash_) type_hash_ = hash_of_types(program_);
  return *type_hash_;
}

void CheckpointPlaces::continue_run(std::uint64_t run, std::uint64_t sequence) {
  run_ = run;
  // a disk that was away when the run began, and comes back, may have this one too
  if (last_) last_ = std::max(*last_, sequence);
}

}  // namespace rondo::engine
