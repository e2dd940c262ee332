// Memory that was freed and has not gone back to the system.
//
// Memory of states and messages comes and goes by the hundred kilobytes. The C library would give such blocks back to the
// system and take them again, page by page, which takes longer than most copies. So it is told to keep them. But where states
// of megabytes change their sizes, or come from another thread than the one that frees them, it would keep several times
// what is in use. So what it keeps is limited, too.
//
// One for the process, used by all its threads. If the user has set MALLOC_TRIM_THRESHOLD_ or MALLOC_MMAP_THRESHOLD_, the user
// decides, and nothing is done here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace rondo::engine {

// Bytes of the process, as they are at some time.
struct MemoryUse {
  std::int64_t resident = 0;  // private memory that the system has given
  std::int64_t in_use = 0;    // that the C library has handed out
};

// Decides when memory goes back.
class KeptMemory {
 public:
  // So much may stay at any time, and this part of what is in use.
  static constexpr std::int64_t kLeast = 32 << 20;
  static constexpr std::int64_t kPart = 6;

  // Whether too much is kept. What neither is in use nor can be given back, such as stacks and memory that did not come from the
  // C library, is learned: it is the least that was there beside what is in use, or what a giving back has left.
  [[nodiscard]] bool is_too_much(const MemoryUse& now) {
    others_ = std::min(others_, now.resident - now.in_use);
    return now.resident - now.in_use - others_ > std::max(kLeast, now.in_use / kPart);
  }
  void given_back(const MemoryUse& left) { others_ = left.resident - left.in_use; }

 private:
  std::int64_t others_ = INT64_MAX;
};

// Before the first state comes.
void keep_freed_memory();

// Gives memory back if too much is kept. To be called again and again; looks every 5 ms at most, and takes no more than half a
// percent of the time. `now` in seconds, of any clock that all callers share.
void limit_freed_memory(double now);

}  // namespace rondo::engine
