// Where checkpoints go, and which of those that are there are this run's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <rondo/detail/program.hpp>

#include "checkpoint/storage.hpp"
#include "engine/options.hpp"

namespace rondo::engine {

class CheckpointPlaces {
 public:
  /// `run` tells this run from all others. The other arguments outlive the places.
  CheckpointPlaces(checkpoint::Storage& storage, const Options& options, const detail::Program& program,
                   std::uint64_t run)
      : storage_(storage), options_(options), program_(program), run_(run) {}

  [[nodiscard]] checkpoint::Storage& storage() const { return storage_; }
  /// The folder that the program means, absolute. On threads an update that changes the working directory does so for main too, so
  /// the present one says nothing. Throws CheckpointError for an empty path.
  [[nodiscard]] std::string folder(const std::string& path) const;
  /// Whether this is the folder of --rondo-checkpoint.
  [[nodiscard]] bool is_own(const std::string& folder) const { return folder == options_.checkpoint; }
  /// Whether checkpoints in this folder have copies in that of --rondo-checkpoint-copy.
  [[nodiscard]] bool has_copy(const std::string& folder) const;
  /// Where a checkpoint in this folder is written: one place or two.
  [[nodiscard]] std::vector<checkpoint::Path> roots(const std::string& folder) const;

  /// Of the user's types. O(their size) at the first call.
  [[nodiscard]] std::uint64_t type_hash();
  [[nodiscard]] std::uint64_t run() const { return run_; }
  /// This run goes on from a checkpoint of that one, in --rondo-checkpoint. What begins with another's states in another folder is a run of its own.
  void continue_run(std::uint64_t run, std::uint64_t sequence);

  /// In --rondo-checkpoint: the number of the last one that was there when this run began, or of its own since. A higher one is
  /// another run's. Nothing: that could not be seen.
  [[nodiscard]] std::optional<std::uint64_t> last() const { return last_; }
  void set_last(std::uint64_t sequence) { last_ = sequence; }

 private:
  checkpoint::Storage& storage_;
  const Options& options_;
  const detail::Program& program_;
  std::optional<std::uint64_t> type_hash_;
  std::uint64_t run_;
  std::optional<std::uint64_t> last_;
};

}  // namespace rondo::engine
