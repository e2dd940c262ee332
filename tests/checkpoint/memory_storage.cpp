#include "memory_storage.hpp"

#include <algorithm>
#include <cstring>

namespace rondo::checkpoint {

struct MemoryStorage::Node {
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  bool is_folder = false;
  bool is_being_written = false;
  std::vector<std::byte> bytes, flushed_bytes;
  Names names, flushed_names;
};

namespace {

using Node = MemoryStorage::Node;

[[noreturn]] void refuse(const Path& path, const char* operation, std::errc code) {
  throw FileError(path, operation, std::make_error_code(code));
}

class MemoryOutputFile final : public OutputFile {
 public:
  explicit MemoryOutputFile(std::shared_ptr<Node> node) : node_(std::move(node)) {
    node_->is_being_written = true;
  }
  std::size_t write(Bytes bytes) override {
    node_->bytes.insert(node_->bytes.end(), bytes.begin(), bytes.end());
    return bytes.size();
  }
  void sync() override { node_->flushed_bytes = node_->bytes; }
  void close() override { node_->is_being_written = false; }

 private:
  std::shared_ptr<Node> node_;
};

class MemoryInputFile final : public InputFile {
 public:
  explicit MemoryInputFile(std::shared_ptr<Node> node) : node_(std::move(node)) {}
  [[nodiscard]] std::uint64_t size() const override { return node_->bytes.size(); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    if (offset >= node_->bytes.size()) return 0;
    const std::size_t count = std::min<std::uint64_t>(into.size(), node_->bytes.size() - offset);
    std::memcpy(into.data(), node_->bytes.data() + offset, count);
    return count;
  }

 private:
  std::shared_ptr<Node> node_;
};

// One crash: every node is looked at once, however many names lead to it.
class Crash {
 public:
  Crash(Survival survival, std::mt19937_64& generator) : survival_(survival), generator_(generator) {}

  std::shared_ptr<Node> survivor(const std::shared_ptr<Node>& node) {
    if (const auto known = survivors_.find(node.get()); known != survivors_.end()) return known->second;
    auto copy = std::make_shared<Node>();
    survivors_[node.get()] = copy;
    copy->is_folder = node->is_folder;
    copy->bytes = surviving_bytes(*node);
    for (const auto& [name, child] : surviving_names(*node)) copy->names[name] = survivor(child);
    // what is read after the restart is on disk
    copy->flushed_bytes = copy->bytes;
    copy->flushed_names = copy->names;
    if (survival_ == Survival::everything) keep_unflushed(*node, *copy);
    return copy;
  }

 private:
  bool coin() { return (generator_() & 1) != 0; }

  // Only the process died: what was not on disk still is not.
  void keep_unflushed(const Node& node, Node& copy) {
    copy.flushed_bytes = node.flushed_bytes;
    copy.flushed_names.clear();
    for (const auto& [name, child] : node.flushed_names) copy.flushed_names[name] = survivor(child);
  }

  std::vector<std::byte> surviving_bytes(const Node& node) {
    if (survival_ == Survival::everything) return node.bytes;
    const std::size_t flushed = node.flushed_bytes.size();
    if (survival_ == Survival::flushed || node.bytes.size() <= flushed) return node.flushed_bytes;
    std::vector<std::byte> bytes = node.bytes;
    bytes.resize(flushed + generator_() % (bytes.size() - flushed + 1));
    // the length got to disk, the data did not
    if (coin()) std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(flushed), bytes.end(), std::byte{0});
    return bytes;
  }

  Node::Names surviving_names(const Node& node) {
    if (survival_ == Survival::everything) return node.names;
    if (survival_ == Survival::flushed) return node.flushed_names;
    Node::Names names;
    for (const auto& [name, child] : node.flushed_names) {
      const auto now = node.names.find(name);
      if ((now != node.names.end() && now->second == child) || coin()) names[name] = child;
    }
    for (const auto& [name, child] : node.names) {
      if (!names.contains(name) && coin()) names[name] = child;
    }
    return names;
  }

  Survival survival_;
  std::mt19937_64& generator_;
  std::map<const Node*, std::shared_ptr<Node>> survivors_;
};

}  // namespace

MemoryStorage::MemoryStorage() : root_(std::make_shared<Node>()) { root_->is_folder = true; }

std::shared_ptr<Node> MemoryStorage::find(const Path& path) const {
  std::shared_ptr<Node> node = root_;
  for (const std::filesystem::path& level : path.full()) {
    if (level.empty() || level == "." || level == "/") continue;
    const auto child = node->names.find(level.string());
    if (child == node->names.end()) return nullptr;
    node = child->second;
  }
  return node;
}

std::shared_ptr<Node> MemoryStorage::parent_of(const Path& path, const char* operation) const {
  std::shared_ptr<Node> parent = find(path.parent());
  if (!parent || !parent->is_folder) refuse(path, operation, std::errc::no_such_file_or_directory);
  return parent;
}

bool MemoryStorage::create_folder(const Path& folder) {
  const auto [place, is_new] = parent_of(folder, "create the folder")->names.try_emplace(folder.name());
  if (!is_new) return false;
  place->second = std::make_shared<Node>();
  place->second->is_folder = true;
  return true;
}

void MemoryStorage::sync_folder(const Path& folder) {
  const std::shared_ptr<Node> node = find(folder);
  if (!node) refuse(folder, "open the folder", std::errc::no_such_file_or_directory);
  node->flushed_names = node->names;
}

std::vector<std::string> MemoryStorage::list(const Path& folder) {
  std::vector<std::string> names;
  if (const std::shared_ptr<Node> node = find(folder)) {
    for (const auto& [name, child] : node->names) names.push_back(name);
  }
  return names;
}

std::unique_ptr<OutputFile> MemoryStorage::create(const Path& file) {
  std::shared_ptr<Node>& node = parent_of(file, "create")->names[file.name()];
  if (!node) node = std::make_shared<Node>();
  node->bytes.clear();
  return std::make_unique<MemoryOutputFile>(node);
}

std::unique_ptr<InputFile> MemoryStorage::open(const Path& file) {
  std::shared_ptr<Node> node = find(file);
  if (!node) refuse(file, "open", std::errc::no_such_file_or_directory);
  return std::make_unique<MemoryInputFile>(std::move(node));
}

void MemoryStorage::rename(const Path& from, const Path& to) {
  Node::Names& names = parent_of(from, "rename")->names;
  const auto found = names.find(from.name());
  if (found == names.end()) refuse(from, "rename", std::errc::no_such_file_or_directory);
  const std::shared_ptr<Node> node = found->second;
  // file systems over a network report the last errors of writing only when a file is closed
  if (node->is_being_written) refuse(from, "rename before it is closed", std::errc::device_or_resource_busy);
  names.erase(found);
  parent_of(to, "rename")->names[to.name()] = node;
}

void MemoryStorage::remove(const Path& path) {
  const std::shared_ptr<Node> node = find(path);
  if (!node) return;
  if (!node->names.empty()) refuse(path, "remove", std::errc::directory_not_empty);
  parent_of(path, "remove")->names.erase(path.name());
}

std::unique_ptr<MemoryStorage> MemoryStorage::after_crash(Survival survival,
                                                          std::mt19937_64& generator) const {
  auto storage = std::make_unique<MemoryStorage>();
  storage->root_ = Crash(survival, generator).survivor(root_);
  return storage;
}

std::vector<std::byte>& MemoryStorage::bytes(const Path& file) {
  const std::shared_ptr<Node> node = find(file);
  if (!node) refuse(file, "look at", std::errc::no_such_file_or_directory);
  return node->bytes;
}

}  // namespace rondo::checkpoint
