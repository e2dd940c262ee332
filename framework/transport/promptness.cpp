#include "transport/promptness.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace rondo::transport {

namespace {

// struct sched_attr of sched_setattr(2), which the C library does not declare.
struct Attributes {
  std::uint32_t size = sizeof(Attributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // of a normal thread: the length of its turn; 0: the usual one
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};

constexpr std::uint64_t kShort = 100'000;  // nanoseconds, the least that the kernel takes
constexpr std::uint32_t kNormal = 0;       // SCHED_OTHER

void set_turn(std::uint64_t nanoseconds) {
  Attributes now;
  if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) != 0 || now.policy != kNormal) return;
  now.size = sizeof now;
  now.runtime = nanoseconds;
  syscall(SYS_sched_setattr, 0, &now, 0);  // refused by old kernels, which is fine
}

}  // namespace

Promptness::Promptness() { set_turn(kShort); }

Promptness::~Promptness() { set_turn(0); }

void ordinary_turns() { set_turn(0); }

}  // namespace rondo::transport
