#include "checkpoint/posix_folder.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <stdexcept>

#include <fcntl.h>

#include "checkpoint/file_error.hpp"

namespace rondo::checkpoint {
namespace {

constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
constexpr mode_t kModeBits = 0777;
constexpr uid_t kAdministrator = 0;

int checked(int number, const Path& path, const char* operation) {
  if (number < 0) refuse(path, operation, errno);
  return number;
}

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & kModeBits));
  return text.data();
}

[[noreturn]] void refuse_link(const Path& path) {
  throw FileError(Fault::foreign, path,
                  "it is a link, and links in a folder of checkpoints are not followed");
}

}  // namespace

void refuse(const Path& path, const std::string& operation, int error) {
  throw FileError(path, operation, std::error_code(error, std::generic_category()));
}

Descriptor::Descriptor(int number) : number_(number) {
  if (number < 0 || number > STDERR_FILENO) return;
  number_ = ::fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  ::close(number);
  if (number_ < 0) throw std::system_error(error, std::generic_category(), "no descriptor is left");
}

PosixFolder::PosixFolder(const Path& path)
    : descriptor_(checked(retried([&] {
                            return ::open(path.root().empty() ? "." : path.root().c_str(),
                                          O_PATH | O_DIRECTORY | O_CLOEXEC);
                          }),
                          path, "open the folder")),
      root_owner_(::geteuid()) {
  struct stat status {};
  if (::fstat(descriptor(), &status) < 0) refuse(path, "look at", errno);
  // where others may write too, being the owner of the root says nothing about what is in it
  if ((status.st_mode & kOthersWrite) == 0) root_owner_ = status.st_uid;
  Path level = path.top();
  for (const std::filesystem::path& name : path.below()) {
    if (name.empty()) continue;  // "folder/" ends with one
    if (name == "." || name == "..") throw std::logic_error("checkpoint: " + path.string() + " has a detour");
    level /= name.string();
    enter(level);
  }
}

void PosixFolder::enter(const Path& level) {
  const int number = retried([&] {
    return ::openat(descriptor(), level.name().c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  });
  struct stat status {};
  if (number < 0) {
    const int error = errno;
    if (look_at(level, status) && S_ISLNK(status.st_mode)) refuse_link(level);
    refuse(level, "open the folder", error);
  }
  Descriptor next(number);
  if (::fstat(next.number(), &status) < 0) refuse(level, "look at", errno);
  require_trust(level, status);
  descriptor_ = std::move(next);
}

Descriptor PosixFolder::readable(const Path& path) const {
  return Descriptor(
      checked(retried([&] { return ::openat(descriptor(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }), path,
              "open the folder"));
}

bool PosixFolder::look_at(const Path& path, struct stat& status) const {
  if (retried([&] { return ::fstatat(descriptor(), path.name().c_str(), &status, AT_SYMLINK_NOFOLLOW); }) ==
      0)
    return true;
  if (errno != ENOENT) refuse(path, "look at", errno);
  return false;
}

void PosixFolder::require_trust(const Path& path, const struct stat& status) const {
  if (S_ISLNK(status.st_mode)) refuse_link(path);
  const uid_t user = ::geteuid();
  const bool may_own =
      status.st_uid == user ||
      (!path.is_shared() && (status.st_uid == kAdministrator || status.st_uid == root_owner_));
  if (!may_own) {
    throw FileError(Fault::foreign, path,
                    "it belongs to user " + std::to_string(status.st_uid) + ", and this run to user " +
                        std::to_string(user) +
                        "; need a folder of this user's own, and a copy of what is to be restored");
  }
  if (path.is_shared() && (status.st_mode & kOthersWrite) != 0) {
    throw FileError(
        Fault::exposed, path,
        "others may write to it (mode " + octal(status.st_mode) +
            ") in a folder that users share; if you trust what is in it, chmod -R go-w makes it usable");
  }
}

void restore_mode(int folder, const std::string& name, mode_t mode) {
  struct stat status {};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0) return;
  if ((status.st_mode & kModeBits) == mode) return;
  // a file system without modes refuses, and is as good as it gets
  static_cast<void>(::fchmodat(folder, name.c_str(), mode, AT_SYMLINK_NOFOLLOW));
}

}  // namespace rondo::checkpoint
