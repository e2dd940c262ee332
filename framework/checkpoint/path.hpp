// The path of a file or folder of a checkpoint: a root that the user has named, and names below it that Rondo has chosen.
//
// The two parts are kept apart, because a storage trusts them differently. Links in the root are followed, and it may belong
// to another user. None of the names below it may be a link.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::checkpoint {

class Path {
 public:
  Path() = default;
  /// A root that the user has named for this run.
  Path(const char* root) : root_(root) {}
  Path(std::string root) : root_(std::move(root)) {}
  explicit Path(std::filesystem::path root) : root_(std::move(root)) {}

  /// A root that runs of several users may share. Below it, a storage uses only files that this user owns and that no other
  /// user may write.
  [[nodiscard]] static Path shared(std::filesystem::path root) {
    Path path(std::move(root));
    path.is_shared_ = true;
    return path;
  }
  /// The path with these parts, which have arrived in a message.
  [[nodiscard]] static Path of_parts(const std::string& root, const std::string& below, bool is_shared) {
    Path path(root);
    path.below_ = below;
    path.is_shared_ = is_shared;
    return path;
  }

  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  /// Relative to the root; empty for the root itself.
  [[nodiscard]] const std::filesystem::path& below() const { return below_; }
  [[nodiscard]] bool is_shared() const { return is_shared_; }
  [[nodiscard]] bool empty() const { return root_.empty(); }

  [[nodiscard]] std::filesystem::path full() const { return below_.empty() ? root_ : root_ / below_; }
  operator std::filesystem::path() const { return full(); }
  [[nodiscard]] std::string string() const { return full().string(); }
  /// The root alone.
  [[nodiscard]] Path top() const {
    Path path = *this;
    path.below_.clear();
    return path;
  }
  /// The last name of the path.
  [[nodiscard]] std::string name() const { return full().filename().string(); }
  /// The folder that contains it. The parent of a root is a root.
  [[nodiscard]] Path parent() const {
    Path path = *this;
    std::filesystem::path& part = below_.empty() ? path.root_ : path.below_;
    part = part.parent_path();
    return path;
  }

  Path& operator/=(std::string_view name) {
    below_ /= name;
    return *this;
  }
  friend Path operator/(Path folder, std::string_view name) { return std::move(folder /= name); }
  friend bool operator==(const Path&, const Path&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Path& path) { return out << path.full(); }

 private:
  std::filesystem::path root_;
  std::filesystem::path below_;
  bool is_shared_ = false;
};

}  // namespace rondo::checkpoint
