// A folder of a checkpoint, held by a descriptor: what is done in it cannot be led elsewhere by links, nor by renaming.
//
// The root is opened as the user named it. Below it each level is opened in the one before; a level that is a link, or that
// this run must not trust, is refused.
#pragma once

#include <string>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/path.hpp"

namespace rondo::checkpoint {

// A signal that meets a slow file system must not fail a checkpoint.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

[[noreturn]] void refuse(const Path& path, const std::string& operation, int error);

// Owns an open descriptor. Its number is above those of the standard streams, whatever the program has closed: what is
// printed must not end up in a file.
class Descriptor {
 public:
  explicit Descriptor(int number);
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] int release() { return std::exchange(number_, -1); }

 private:
  int number_;
};

class PosixFolder {
 public:
  // Throws FileError: Fault::missing, Fault::foreign, Fault::exposed, Fault::io.
  explicit PosixFolder(const Path& path);

  // For the ...at() calls; it may not be read from.
  [[nodiscard]] int descriptor() const { return descriptor_.number(); }
  // For reading and fsync().
  [[nodiscard]] Descriptor readable(const Path& path) const;
  // What is in it under this name, the link itself if it is one; false if there is nothing.
  [[nodiscard]] bool look_at(const Path& path, struct stat& status) const;
  // Throws FileError if what is in it must not be trusted: Fault::foreign, Fault::exposed.
  void require_trust(const Path& path, const struct stat& status) const;

 private:
  void enter(const Path& level);

  Descriptor descriptor_;
  // The user that may own what is below a root that is not shared, as this user can replace all of it anyway.
  uid_t root_owner_;
};

// Gives what was just made in the folder the mode that was asked for, where the umask has taken some of it.
void restore_mode(int folder, const std::string& name, mode_t mode);

}  // namespace rondo::checkpoint
