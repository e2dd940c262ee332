#include "engine/freed_memory.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "engine/processor_time.hpp"

namespace rondo::engine {

namespace {

constexpr double kInterval = 5e-3;
constexpr double kShare = 5e-3;
constexpr double kNever = std::numeric_limits<double>::infinity();

std::atomic<double> next_look{kNever};
KeptMemory kept;  // of the thread that looks

MemoryUse memory_use() {
  MemoryUse use;
  const struct mallinfo2 info = mallinfo2();
  use.in_use = static_cast<std::int64_t>(info.uordblks + info.hblkhd);
  std::FILE* const file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return use;
  long all = 0, resident = 0, shared = 0;
  if (std::fscanf(file, "%ld %ld %ld", &all, &resident, &shared) == 3)
    use.resident = std::int64_t{resident - shared} * sysconf(_SC_PAGESIZE);
  std::fclose(file);
  return use;
}

}  // namespace

void keep_freed_memory() {
  for (const char* name : {"MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"})
    if (std::getenv(name) != nullptr) return;
  mallopt(M_MMAP_THRESHOLD, KeptMemory::kLeast);
  mallopt(M_TRIM_THRESHOLD, KeptMemory::kLeast);
  next_look = 0;
}

void limit_freed_memory(double now) {
  double due = next_look.load(std::memory_order_relaxed);
  if (now < due || !next_look.compare_exchange_strong(due, kNever, std::memory_order_acquire)) return;
  const scheduler::Seconds begin = processor_time();
  const MemoryUse use = memory_use();
  scheduler::Seconds in_vain = processor_time() - begin;
  if (kept.is_too_much(use)) {
    malloc_trim(0);
    const MemoryUse left = memory_use();
    kept.given_back(left);
    // what goes back takes time in proportion, and no more than it took to get it
    if (use.resident - left.resident < KeptMemory::kLeast / 2) in_vain = processor_time() - begin;
  }
  next_look.store(now + std::max(kInterval, in_vain.count() / kShare), std::memory_order_release);
}

}  // namespace rondo::engine
