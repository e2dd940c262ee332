// The storage of real runs: files of the operating system.
#pragma once

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

class PosixStorage final : public Storage {
 public:
  bool create_folder(const Path& folder) override;
  void sync_folder(const Path& folder) override;
  [[nodiscard]] std::vector<std::string> list(const Path& folder) override;
  [[nodiscard]] std::unique_ptr<OutputFile> create(const Path& file) override;
  [[nodiscard]] std::unique_ptr<InputFile> open(const Path& file) override;
  void rename(const Path& from, const Path& to) override;
  void remove(const Path& path) override;
};

}  // namespace rondo::checkpoint
