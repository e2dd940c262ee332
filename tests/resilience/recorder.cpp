// A library to be preloaded: writes down what a program does to files below RECORDER_FOLDER, one line each, in the order in which
// it is done, to RECORDER_FILE:
//   create|write|sync|mkdir|remove PATH        rename FROM TO
// A line is there before the call returns, so what one thread or rank does because another one has done something comes later.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <string>

namespace {

std::string link_target(const std::string& link) {
  char target[4096];
  const ssize_t size = readlink(link.c_str(), target, sizeof target);
  return size < 0 ? "" : std::string(target, static_cast<std::size_t>(size));
}

std::string path_of(int descriptor) { return link_target("/proc/self/fd/" + std::to_string(descriptor)); }

std::string path_of(int folder, const char* name) {
  if (name[0] == '/') return name;
  return (folder == AT_FDCWD ? link_target("/proc/self/cwd") : path_of(folder)) + "/" + name;
}

// A descriptor of its own for each line, far from those of the program.
void record(const std::string& operation, const std::string& path, const std::string& to = "") {
  const int error = errno;
  const char* const folder = std::getenv("RECORDER_FOLDER");
  const char* const file = std::getenv("RECORDER_FILE");
  if (folder != nullptr && file != nullptr && path.compare(0, std::string(folder).size(), folder) == 0) {
    const std::string line = operation + " " + path + (to.empty() ? "" : " " + to) + "\n";
    const auto out = static_cast<int>(
        syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (out < 0 || syscall(SYS_write, out, line.data(), line.size()) != static_cast<long>(line.size()))
      std::abort();
    syscall(SYS_close, out);
  }
  errno = error;
}

int open_at(int folder, const char* name, int flags, unsigned mode) {
  const auto descriptor = static_cast<int>(syscall(SYS_openat, folder, name, flags, mode));
  if (descriptor >= 0 && (flags & O_CREAT) != 0) record("create", path_of(folder, name));
  return descriptor;
}

unsigned mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned) : 0;
}

int rename_at(int from_folder, const char* from, int to_folder, const char* to) {
  const auto result = static_cast<int>(syscall(SYS_renameat, from_folder, from, to_folder, to));
  if (result == 0) record("rename", path_of(from_folder, from), path_of(to_folder, to));
  return result;
}

int unlink_at(int folder, const char* name, int flags) {
  const auto result = static_cast<int>(syscall(SYS_unlinkat, folder, name, flags));
  if (result == 0) record("remove", path_of(folder, name));
  return result;
}

int mkdir_at(int folder, const char* name, mode_t mode) {
  const auto result = static_cast<int>(syscall(SYS_mkdirat, folder, name, mode));
  if (result == 0) record("mkdir", path_of(folder, name));
  return result;
}

}  // namespace

extern "C" {

int openat(int folder, const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(folder, name, flags, mode);
}
int openat64(int folder, const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(folder, name, flags, mode);
}
int open(const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, name, flags, mode);
}
int open64(const char* name, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const unsigned mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, name, flags, mode);
}
ssize_t write(int descriptor, const void* bytes, size_t size) {
  const ssize_t result = syscall(SYS_write, descriptor, bytes, size);
  if (result > 0) record("write", path_of(descriptor));
  return result;
}
int fsync(int descriptor) {
  const auto result = static_cast<int>(syscall(SYS_fsync, descriptor));
  if (result == 0) record("sync", path_of(descriptor));
  return result;
}
int fdatasync(int descriptor) {
  const auto result = static_cast<int>(syscall(SYS_fdatasync, descriptor));
  if (result == 0) record("sync", path_of(descriptor));
  return result;
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return rename_at(from_folder, from, to_folder, to);
}
int rename(const char* from, const char* to) { return rename_at(AT_FDCWD, from, AT_FDCWD, to); }
int unlinkat(int folder, const char* name, int flags) { return unlink_at(folder, name, flags); }
int unlink(const char* name) { return unlink_at(AT_FDCWD, name, 0); }
int rmdir(const char* name) { return unlink_at(AT_FDCWD, name, AT_REMOVEDIR); }
int mkdirat(int folder, const char* name, mode_t mode) { return mkdir_at(folder, name, mode); }
int mkdir(const char* name, mode_t mode) { return mkdir_at(AT_FDCWD, name, mode); }

}  // extern "C"
