#include "checkpoint/posix_storage.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rondo::checkpoint {
namespace {

[[noreturn]] void refuse(const Path& path, const std::string& operation, int error) {
  throw FileError(path, operation, std::error_code(error, std::generic_category()));
}

// A signal that meets a slow file system must not fail a checkpoint.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

Descriptor open_descriptor(const Path& path, int flags, const char* operation) {
  const int number = retried([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); });
  if (number < 0) refuse(path, operation, errno);
  return Descriptor(number);
}

class PosixOutputFile final : public OutputFile {
 public:
  explicit PosixOutputFile(const Path& path)
      : path_(path), descriptor_(open_descriptor(path, O_WRONLY | O_CREAT | O_TRUNC, "create")) {}

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
      // a pipe in the place of a file would block the open for ever
      : path_(path), descriptor_(open_descriptor(path, O_RDONLY | O_NONBLOCK, "open")) {
    struct stat status {};
    if (::fstat(descriptor_.number(), &status) < 0) refuse(path, "look at", errno);
    if (!S_ISREG(status.st_mode))
      throw FileError(Fault::damaged, path, "a plain file is expected in its place");
    size_ = static_cast<std::uint64_t>(status.st_size);
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    const ssize_t count = retried(
        [&] { return ::pread(descriptor_.number(), into.data(), into.size(), static_cast<off_t>(offset)); });
    if (count < 0) refuse(path_, "read", errno);
    return static_cast<std::size_t>(count);
  }

 private:
  Path path_;
  Descriptor descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace

bool PosixStorage::create_folder(const Path& folder) {
  if (::mkdir(folder.c_str(), 0777) == 0) return true;
  const int error = errno;
  struct stat status {};
  // whatever the reason (there already, a read-only root above it): a folder that is there is what was asked
  // for
  if (::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return false;
  refuse(folder, "create the folder", error);
}

void PosixStorage::sync_folder(const Path& folder) {
  const Descriptor descriptor = open_descriptor(folder, O_RDONLY | O_DIRECTORY, "open the folder");
  // EINVAL: a file system that has no such notion; its names are as durable as they get
  if (retried([&] { return ::fsync(descriptor.number()); }) < 0 && errno != EINVAL) {
    refuse(folder, "flush the folder to disk", errno);
  }
}

std::vector<std::string> PosixStorage::list(const Path& folder) {
  std::error_code code;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entries(folder, code);
  if (code == std::errc::no_such_file_or_directory) return names;
  while (!code && entries != std::filesystem::directory_iterator()) {
    names.push_back(entries->path().filename().string());
    entries.increment(code);
  }
  if (code) throw FileError(folder, "list the folder", code);
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
  if (std::rename(from.c_str(), to.c_str()) != 0) refuse(from, "rename to " + to.string(), errno);
}

void PosixStorage::remove(const Path& path) {
  if (std::remove(path.c_str()) != 0 && errno != ENOENT) refuse(path, "remove", errno);
}

}  // namespace rondo::checkpoint
