#include <rondo/cores.hpp>

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>

#include "stream/cpu_quota.hpp"

namespace rondo {

namespace {

unsigned cores_in_mask() {
  // The kernel refuses a set that is too small for the machine.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<unsigned>(count);
  }
  return std::max(1U, std::thread::hardware_concurrency());
}

unsigned within_quota(unsigned cores) {
  static const std::optional<double> quota = streaming::cpu_quota("/");
  return quota && *quota < cores ? std::max(1U, static_cast<unsigned>(std::ceil(*quota))) : cores;
}

}  // namespace

unsigned cores() { return within_quota(cores_in_mask()); }

unsigned cores_of_node() {
  return within_quota(static_cast<unsigned>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L)));
}

}  // namespace rondo
