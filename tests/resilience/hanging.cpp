// A program in which something hangs for ever, to see that the limits of a run hold all the same:
//   hanging PLACE [options]
//
// PLACE is where: manifest, trial (an fsync of rank 0 of a file of this name), end (as manifest, when main has returned 7), sink, inputs (functions of evolve()), main (between two
// calls), update, stop-before (the last rank stands still before MPI begins), stop-after, stop-0-after (the last one, or rank 0,
// does so when the run is over), output (rank 0 writes to a pipe that nobody reads, and then waits for its update). Makes the file
// `hangs` when it is there.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <ranges>
#include <string>

#include <rondo/rondo.hpp>

namespace {

std::string where;
std::atomic<bool> has_returned = false;  // main has

[[noreturn]] void hang() {
  close(open("hangs", O_CREAT | O_WRONLY, 0600));
  while (true) pause();
}

bool is_rank(const std::string& wanted) {
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  return (rank != nullptr ? rank : "0") == wanted;
}

void stand_still() {
  close(open("hangs", O_CREAT | O_WRONLY, 0600));
  (void)raise(SIGSTOP);
}

// Until the pipe is full and the next write hangs.
[[noreturn]] void fill_output() {
  close(open("hangs", O_CREAT | O_WRONLY, 0600));
  while (true) std::cout << std::string(1 << 16, 'x') << std::flush;
}

class Add : public rondo::Update<int, int, int> {
 public:
  int update(int& state, const int& input, const Call&) override {
    if (where == "update") hang();
    return state += input;
  }
};

int go(rondo::Master<Add>& master) {
  int step = 0;
  (void)master.resume(step);
  master.reset({1, 2, 3});
  for (; step < 3; ++step) {
    master.safe_point(step);
    (void)master.update(1);
  }
  if (where == "manifest") master.checkpoint("another");
  if (where == "main") hang();
  if (where == "output") fill_output();
  const auto inputs = std::views::iota(0, 5) | std::views::transform([](int i) {
                        if (where == "inputs" && i == 3) hang();
                        return 1;
                      });
  master.evolve(inputs, [](std::size_t, std::span<const int>) {
    if (where == "sink") hang();
  });
  master.safe_point(step);
  has_returned = true;
  return where == "end" ? 7 : 0;
}

}  // namespace

// In the place of the C library's.
extern "C" int fsync(int file) {
  std::array<char, 4096> name{};
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = readlink(link.c_str(), name.data(), name.size());
  const std::string path(name.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string name_begins = where == "end" ? "manifest" : where;
  const bool is_its = path.find("/" + name_begins, path.rfind('/')) != std::string::npos;
  const bool is_time = where == "manifest" || where == "trial" || (where == "end" && has_returned);
  if (is_time && is_its && is_rank("0")) hang();
  return static_cast<int>(syscall(SYS_fsync, file));
}

int main(int argc, char** argv) {
  where = argc > 1 ? argv[1] : "";
  const char* const size = std::getenv("OMPI_COMM_WORLD_SIZE");
  const bool is_last = is_rank(std::to_string(std::atoi(size != nullptr ? size : "1") - 1));
  if (where == "stop-before" && is_last) stand_still();
  const int status = rondo::run<Add>(argc, argv, go);
  if ((where == "stop-after" && is_last) || (where == "stop-0-after" && is_rank("0"))) stand_still();
  return status;
}
