// Which checkpoint a run goes on from: a function of what is in its folder and in the folder of copies.
//
// The newest that can be believed counts, of all places; of two copies of one the first. The folder of copies may be shared with
// other runs: this run's are those with the id of the newest checkpoint in the first place. If that has none (a lost disk), they are those of
// a run with the same first place; then there must be only one.
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
  /// `tell` gets a line for each thing that the user should know about the places.
  using Tell = std::function<void(const std::string& line)>;
  /// Looks into the folder, and into the one with copies if there is one. Reads manifests only, so that parts may be on disks that rank 0
  /// does not see. Throws CheckpointError if copies are of more than one run.
  Choice(Storage& storage, std::string folder, const std::optional<Path>& copies, std::uint64_t type_hash,
         Tell tell);

  /// The one to go on from; null: there is none.
  [[nodiscard]] const Checkpoint* newest() const;
  /// Whether it is in the folder itself, and not a copy.
  [[nodiscard]] bool is_first_place() const;
  /// Whether the folder has one that can be believed.
  [[nodiscard]] bool has_first_place() const { return roots_.front().found.has_value(); }
  /// The newest one cannot be used after all: the next one is looked for.
  void refuse(const std::string& why);
  /// Why others were refused, each on a line of its own after a line break; empty: no checkpoint has ever ended here.
  [[nodiscard]] const std::string& refusals() const { return refusals_; }

 private:
  struct Root {
    explicit Root(Path its_path) : path(std::move(its_path)) {}
    Path path;
    std::uint64_t before = std::numeric_limits<std::uint64_t>::max();  // the numbers that are left
    std::optional<Checkpoint> found;
    bool ever_complete = false;
    bool is_foreign = false;  // it belongs to another user, among folders that users share
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
