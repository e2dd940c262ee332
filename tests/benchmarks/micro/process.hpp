// What the kernel says about this process: processor time and memory. Linux; for the calling process only.
#pragma once

#include <sys/resource.h>

#include <cstddef>
#include <fstream>
#include <limits>
#include <string>

namespace process {

// User and system, all threads.
inline double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A line of /proc/self/status: "VmRSS:" is the memory held now, "VmHWM:" the most ever.
inline double memory_bytes(const std::string& line) {
  std::ifstream status{"/proc/self/status"};
  for (std::string word; status >> word;) {
    if (word == line) {
      double kilobytes = 0;
      status >> kilobytes;
      return 1024.0 * kilobytes;
    }
    status.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0.0;
}

}  // namespace process
