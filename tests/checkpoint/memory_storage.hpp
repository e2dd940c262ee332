// A file system in memory that knows what is on disk and what is not, so that a test can cut its power.
//
// A file's bytes are on disk as of its last sync, a folder's names as of the last sync_folder. For one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

// What a crash leaves.
enum class Survival {
  everything,  // the process was killed, the machine lives
  flushed,     // the power went, and nothing was on disk that nobody had asked for
  some,        // the power went, and of each file and each name any part may have got there
};

class MemoryStorage final : public Storage {
 public:
  MemoryStorage();

  bool create_folder(const Path& folder) override;
  void sync_folder(const Path& folder) override;
  [[nodiscard]] std::vector<std::string> list(const Path& folder) override;
  [[nodiscard]] std::unique_ptr<OutputFile> create(const Path& file) override;
  [[nodiscard]] std::unique_ptr<InputFile> open(const Path& file) override;
  void rename(const Path& from, const Path& to) override;
  void remove(const Path& path) override;

  // The same files as a machine finds them after a crash now. The generator decides where Survival::some
  // leaves a choice.
  [[nodiscard]] std::unique_ptr<MemoryStorage> after_crash(Survival survival,
                                                           std::mt19937_64& generator) const;

  // The bytes of a file that is there, to look at and to damage.
  [[nodiscard]] std::vector<std::byte>& bytes(const Path& file);

  struct Node;

 private:
  [[nodiscard]] std::shared_ptr<Node> find(const Path& path) const;
  [[nodiscard]] std::shared_ptr<Node> parent_of(const Path& path, const char* operation) const;

  std::shared_ptr<Node> root_;
};

}  // namespace rondo::checkpoint
