// A folder of a checkpoint, held by a descriptor, so that neither links nor renaming can lead its operations elsewhere.
//
// The root is opened by the path that the user has named. Below it, each level is opened relative to the level above it. A
// level that is a link, or that this run must not trust, is refused.
#pragma once

#include <string>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "checkpoint/path.hpp"

namespace rondo::checkpoint {

// Repeats a call that a signal has interrupted (EINTR), so that no signal makes a checkpoint fail.
template <class Call>
auto retried(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

[[noreturn]] void refuse(const Path& path, const std::string& operation, int error);

// Owns an open descriptor. Its number is above those of the standard streams, even if the program has closed these, so that
// no output is written into a file of a checkpoint.
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

  // The descriptor for openat() and the like. It cannot be read.
  [[nodiscard]] int descriptor() const { return descriptor_.number(); }
  // A descriptor for reading and fsync().
  [[nodiscard]] Descriptor readable(const Path& path) const;
  // The status of this name in the folder, of the link itself if it is a link. Returns false if there is no such name.
  [[nodiscard]] bool look_at(const Path& path, struct stat& status) const;
  // Throws FileError (Fault::foreign, Fault::exposed) if a file with this status must not be trusted.
  void require_trust(const Path& path, const struct stat& status) const;

 private:
  void enter(const Path& level);

  Descriptor descriptor_;
  // The owner of the root. In a root that is not shared, files of this user are trusted, since it can replace all of them.
  uid_t root_owner_;
};

// Sets the mode of a file that was just created in the folder, from which the umask may have removed bits.
void restore_mode(int folder, const std::string& name, mode_t mode);

}  // namespace rondo::checkpoint
