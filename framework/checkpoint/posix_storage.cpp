#include "checkpoint/posix_storage.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/posix_folder.hpp"

namespace rondo::checkpoint {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;

// The folder that a file is in, which is never the root itself: files of the user stand beside that.
PosixFolder folder_of(const Path& file) {
  if (file.below().empty())
    throw std::logic_error("checkpoint: " + file.string() + " is no file below a root");
  return PosixFolder(file.parent());
}

[[noreturn]] void refuse_kind(const Path& path) {
  throw FileError(Fault::damaged, path, "a plain file is expected in its place");
}

// What a crash has left, or what somebody has put there; with it goes the name and not what a link points to.
void remove_leftover(const PosixFolder& folder, const Path& file) {
  struct stat status {};
  if (!folder.look_at(file, status)) return;
  if (!S_ISREG(status.st_mode) && !S_ISLNK(status.st_mode)) refuse_kind(file);
  if (::unlinkat(folder.descriptor(), file.name().c_str(), 0) < 0 && errno != ENOENT)
    refuse(file, "replace", errno);
}

Descriptor create_file(const PosixFolder& folder, const Path& file) {
  const auto create = [&] {
    return retried([&] {
      return ::openat(folder.descriptor(), file.name().c_str(),
                      O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode);
    });
  };
  int number = create();
  if (number < 0 && errno == EEXIST) {
    remove_leftover(folder, file);
    number = create();
  }
  if (number < 0) refuse(file, "create", errno);
  Descriptor descriptor(number);
  struct stat status {};
  if (::fstat(descriptor.number(), &status) < 0) refuse(file, "look at", errno);
  // the umask has taken some of the mode; a file system without modes refuses
  if ((status.st_mode & 0777) != kFileMode) static_cast<void>(::fchmod(descriptor.number(), kFileMode));
  return descriptor;
}

Descriptor open_file(const PosixFolder& folder, const Path& file, struct stat& status) {
  if (!folder.look_at(file, status)) refuse(file, "open", ENOENT);
  folder.require_trust(file, status);
  // to open a device may do something to it, and to open a pipe may block for ever
  if (!S_ISREG(status.st_mode)) refuse_kind(file);
  const int number = retried([&] {
    return ::openat(folder.descriptor(), file.name().c_str(),
                    O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
  });
  if (number < 0) refuse(file, "open", errno);
  Descriptor descriptor(number);
  // it may be another one by now
  if (::fstat(descriptor.number(), &status) < 0) refuse(file, "look at", errno);
  folder.require_trust(file, status);
  if (!S_ISREG(status.st_mode)) refuse_kind(file);
  return descriptor;
}

class PosixOutputFile final : public OutputFile {
 public:
  explicit PosixOutputFile(const Path& path) : path_(path), descriptor_(create_file(folder_of(path), path)) {}

  std::size_t write(Bytes bytes) override {
    const ssize_t taken = retried([&] { return ::write(descriptor_.number(), bytes.data(), bytes.size()); });
    if (taken < 0) refuse(path_, "write", errno);
    return static_cast<std::size_t>(taken);
  }
  void sync() override {
    if (retried([&] { return ::fsync(descriptor_.number()); }) < 0) refuse(path_, "flush to disk", errno);
  }
  void close() override {
    // not retried: Linux has let go of the descriptor even when it was interrupted
    if (::close(descriptor_.release()) < 0 && errno != EINTR) refuse(path_, "close", errno);
  }

 private:
  Path path_;
  Descriptor descriptor_;
};

class PosixInputFile final : public InputFile {
 public:
  explicit PosixInputFile(const Path& path)
      : path_(path), descriptor_(open_file(folder_of(path), path, status_)) {}

  [[nodiscard]] std::uint64_t size() const override { return static_cast<std::uint64_t>(status_.st_size); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    const ssize_t count = retried(
        [&] { return ::pread(descriptor_.number(), into.data(), into.size(), static_cast<off_t>(offset)); });
    if (count < 0) refuse(path_, "read", errno);
    return static_cast<std::size_t>(count);
  }

 private:
  Path path_;
  struct stat status_ {};
  Descriptor descriptor_;
};

// A level of the root: links are followed, as the user has named it.
bool create_root_level(const Path& folder) {
  if (::mkdir(folder.root().c_str(), kFolderMode) == 0) {
    restore_mode(AT_FDCWD, folder.root().string(), kFolderMode);
    return true;
  }
  const int error = errno;
  struct stat status {};
  // whatever the reason (there already, a read-only root above it): a folder that is there is what was asked
  // for
  if (::stat(folder.root().c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return false;
  refuse(folder, "create the folder", error);
}

}  // namespace

bool PosixStorage::create_folder(const Path& folder) {
  if (folder.below().empty()) return create_root_level(folder);
  const PosixFolder parent(folder.parent());
  if (::mkdirat(parent.descriptor(), folder.name().c_str(), kFolderMode) == 0) {
    restore_mode(parent.descriptor(), folder.name(), kFolderMode);
    return true;
  }
  const int error = errno;
  struct stat status {};
  if (!parent.look_at(folder, status)) refuse(folder, "create the folder", error);
  parent.require_trust(folder, status);
  if (!S_ISDIR(status.st_mode)) refuse(folder, "create the folder", error);
  return false;
}

void PosixStorage::sync_folder(const Path& folder) {
  const Descriptor descriptor = PosixFolder(folder).readable(folder);
  // EINVAL: a file system that has no such notion; its names are as durable as they get
  if (retried([&] { return ::fsync(descriptor.number()); }) < 0 && errno != EINVAL) {
    refuse(folder, "flush the folder to disk", errno);
  }
}

std::vector<std::string> PosixStorage::list(const Path& folder) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> entries(nullptr, ::closedir);
  try {
    Descriptor descriptor = PosixFolder(folder).readable(folder);
    entries.reset(::fdopendir(descriptor.number()));
    if (!entries) refuse(folder, "list the folder", errno);
    static_cast<void>(descriptor.release());
  } catch (const FileError& error) {
    if (error.fault() == Fault::missing) return names;
    throw;
  }
  errno = 0;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  if (errno != 0) refuse(folder, "list the folder", errno);
  std::sort(names.begin(), names.end());
  return names;
}

std::unique_ptr<OutputFile> PosixStorage::create(const Path& file) {
  return std::make_unique<PosixOutputFile>(file);
}

std::unique_ptr<InputFile> PosixStorage::open(const Path& file) {
  return std::make_unique<PosixInputFile>(file);
}

void PosixStorage::rename(const Path& from, const Path& to) {
  const PosixFolder folder = folder_of(from);
  if (from.parent() != to.parent())
    throw std::logic_error("checkpoint: " + from.string() + " and " + to.string() + " are not in one folder");
  if (::renameat(folder.descriptor(), from.name().c_str(), folder.descriptor(), to.name().c_str()) != 0)
    refuse(from, "rename to " + to.string(), errno);
}

void PosixStorage::remove(const Path& path) {
  try {
    const PosixFolder folder = folder_of(path);
    struct stat status {};
    if (!folder.look_at(path, status)) return;
    const bool is_folder = S_ISDIR(status.st_mode);
    if (is_folder) folder.require_trust(path, status);
    if (::unlinkat(folder.descriptor(), path.name().c_str(), is_folder ? AT_REMOVEDIR : 0) < 0 &&
        errno != ENOENT)
      refuse(path, "remove", errno);
  } catch (const FileError& error) {
    if (error.fault() != Fault::missing) throw;
  }
}

}  // namespace rondo::checkpoint
