// Chooses the checkpoint from which a run resumes, from its folder and the folder of copies.
//
// The newest valid checkpoint in both places is chosen; if it is in both, the one in the run's own folder. Other runs may
// share the folder of copies. This run's copies are those with the id of the newest checkpoint in its own folder. If there
// is no checkpoint in it (a lost disk), they are the copies of the run that used the same folder; there must be only one.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/catalog.hpp"
#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

class Choice {
 public:
  /// Called with each line that the user should read about the two places.
  using Tell = std::function<void(const std::string& line)>;
  /// Searches the folder and, if there is one, the folder of copies. Reads only manifests, so parts may be on disks that rank 0
  /// cannot read. Throws CheckpointError if the copies belong to more than one run.
  Choice(Storage& storage, std::string folder, const std::optional<Path>& copies, std::uint64_t type_hash,
         Tell tell);

  /// The checkpoint from which to resume; null if there is none.
  [[nodiscard]] const Checkpoint* newest() const;
  /// Whether newest() is in the run's own folder and not a copy.
  [[nodiscard]] bool is_first_place() const;
  /// Whether the run's own folder has a valid checkpoint.
  [[nodiscard]] bool has_first_place() const { return roots_.front().found.has_value(); }
  /// Refuses newest(), because it cannot be used after all, and searches for the next one.
  void refuse(const std::string& why);
  /// Why checkpoints were refused, each on a line of its own after a line break; empty if none was ever completed here.
  [[nodiscard]] const std::string& refusals() const { return refusals_; }

 private:
  struct Root {
    explicit Root(Path its_path) : path(std::move(its_path)) {}
    Path path;
    std::uint64_t before = std::numeric_limits<std::uint64_t>::max();  // only smaller numbers are searched
    std::optional<Checkpoint> found;
    bool ever_complete = false;
    bool is_foreign = false;  // it belongs to another user, in a folder that users share
  };

  void search(Root& root);
  void look_for_copies_in_folder();
  void take_copies_of_run(const Path& copies, std::uint64_t run);
  void take_copies_of_folder(const Path& copies);
  [[nodiscard]] std::size_t position_of_newest() const;

  Storage& storage_;
  const std::string folder_;
  const std::uint64_t type_hash_;
  const Tell tell_;
  std::vector<Root> roots_;  // the first place, then the copies
  std::string refusals_;
};

}  // namespace rondo::checkpoint
