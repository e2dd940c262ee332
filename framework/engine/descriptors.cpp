#include "engine/descriptors.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace rondo::engine {

void open_standard_descriptors() {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    if (fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
    // the lowest number that is free, which is this one; where there is no /dev/null nothing can be done
    if (open("/dev/null", number == STDIN_FILENO ? O_RDONLY : O_WRONLY) != number) return;
  }
}

namespace {

// Before the constructors of the program, which may open files, too.
[[gnu::constructor(101)]] void open_as_the_program_is_loaded() { open_standard_descriptors(); }

}  // namespace

}  // namespace rondo::engine
