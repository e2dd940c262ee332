#include <rondo/detail/descent.hpp>

#include <pthread.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>

#include <boost/core/demangle.hpp>

#include <rondo/serialization.hpp>

// Sanitizers follow stacks, and have to be told of a new one.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define RONDO_TELL_ADDRESS_SANITIZER
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#define RONDO_TELL_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) && __has_include(<sanitizer/common_interface_defs.h>)
#include <sanitizer/common_interface_defs.h>
#define RONDO_TELL_ADDRESS_SANITIZER
#elif __has_feature(thread_sanitizer) && __has_include(<sanitizer/tsan_interface.h>)
#include <sanitizer/tsan_interface.h>
#define RONDO_TELL_THREAD_SANITIZER
#endif
#endif

namespace rondo::detail {

namespace {

// The size of each stack; only the part of a new one that is used becomes memory.
#ifdef RONDO_TELL_THREAD_SANITIZER
constexpr std::size_t kStackBytes = std::size_t{2} << 20;  // it can follow 65,536 calls on each
#else
constexpr std::size_t kStackBytes = std::size_t{64} << 20;
#endif
// What one call may take: some frames of Boost's, and the local variables of a serialize().
constexpr std::size_t kRoom = 256 << 10;

// A stack, as addresses; it grows down to `begin`.
struct Stack {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;  // 0: not known yet
  [[nodiscard]] bool has_room(std::uintptr_t address) const {
    const std::size_t room = std::min<std::size_t>(kRoom, (end - begin) / 4);
    return address < end && address >= begin + room;  // another stack than this has no room either
  }
};

thread_local Stack current_stack;
thread_local std::size_t depth = 0;

Stack stack_of_thread() {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {1, 1};
  void* begin = nullptr;
  std::size_t size = 0;
  const bool known = pthread_attr_getstack(&attributes, &begin, &size) == 0;
  pthread_attr_destroy(&attributes);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  if (!known) return {1, 1};
  return {address + size - std::min(size, kStackBytes), address + size};
}

// Memory for a stack, with a page below it that must not be touched.
class StackMemory {
 public:
  explicit StackMemory(const std::type_info& type) {
    memory_ = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory_ == MAP_FAILED)
      throw SerializationError(
          boost::core::demangle(type.name()) + " is " + std::to_string(depth) +
          " values deep inside of others, and the system gives no memory for a stack that is "
          "big enough");
    mprotect(memory_, guard(), PROT_NONE);
  }
  StackMemory(const StackMemory&) = delete;
  StackMemory& operator=(const StackMemory&) = delete;
  ~StackMemory() { munmap(memory_, kStackBytes); }

  [[nodiscard]] std::byte* begin() const { return static_cast<std::byte*>(memory_) + guard(); }
  [[nodiscard]] static std::size_t size() { return kStackBytes - guard(); }

 private:
  static std::size_t guard() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
  void* memory_;
};

// One call on another stack.
class Detour {
 public:
  Detour(void (*work)(void*), void* argument) : work_(work), argument_(argument) {}

  void go(const StackMemory& memory) {
    ucontext_t inside{};
    getcontext(&inside);
    inside.uc_stack.ss_sp = memory.begin();
    inside.uc_stack.ss_size = StackMemory::size();
    inside.uc_link = &outside_;
    makecontext(&inside, &Detour::enter, 0);
    Detour* const outer = running;
    running = this;
    leave_outside(memory);
    swapcontext(&outside_, &inside);
    return_outside();
    running = outer;
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static void enter() {
    Detour& self = *running;
    self.arrive_inside();
    try {
      self.work_(self.argument_);
    } catch (...) {
      self.error_ = std::current_exception();
    }
    self.leave_inside();
  }

  // What the sanitizers have to know of the four moments.
#if defined(RONDO_TELL_ADDRESS_SANITIZER)
  void leave_outside(const StackMemory& memory) {
    __sanitizer_start_switch_fiber(&fake_, memory.begin(), StackMemory::size());
  }
  void arrive_inside() { __sanitizer_finish_switch_fiber(nullptr, &outside_begin_, &outside_size_); }
  void leave_inside() { __sanitizer_start_switch_fiber(nullptr, outside_begin_, outside_size_); }
  void return_outside() { __sanitizer_finish_switch_fiber(fake_, nullptr, nullptr); }
  void* fake_ = nullptr;
  const void* outside_begin_ = nullptr;
  std::size_t outside_size_ = 0;
#elif defined(RONDO_TELL_THREAD_SANITIZER)
  void leave_outside(const StackMemory&) {
    outside_fiber_ = __tsan_get_current_fiber();
    inside_fiber_ = __tsan_create_fiber(0);
    __tsan_switch_to_fiber(inside_fiber_, 0);
  }
  void arrive_inside() {}
  void leave_inside() { __tsan_switch_to_fiber(outside_fiber_, 0); }
  void return_outside() { __tsan_destroy_fiber(inside_fiber_); }
  void* outside_fiber_ = nullptr;
  void* inside_fiber_ = nullptr;
#else
  void leave_outside(const StackMemory&) {}
  void arrive_inside() {}
  void leave_inside() {}
  void return_outside() {}
#endif

  static thread_local Detour* running;

  void (*const work_)(void*);
  void* const argument_;
  ucontext_t outside_{};
  std::exception_ptr error_;
};
thread_local Detour* Detour::running = nullptr;

[[gnu::noinline]] void go_on_elsewhere(const std::type_info& type, void (*work)(void*), void* argument) {
  const StackMemory memory(type);
  const Stack outer = current_stack;
  const auto begin = reinterpret_cast<std::uintptr_t>(memory.begin());
  current_stack = {begin, begin + StackMemory::size()};
  Detour detour(work, argument);
  try {
    detour.go(memory);
  } catch (...) {
    current_stack = outer;
    throw;
  }
  current_stack = outer;
}

struct Level {
  Level() { ++depth; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --depth; }
};

[[noreturn]] void fail_deep(const std::type_info& type) {
  throw SerializationError(boost::core::demangle(type.name()) + " is inside of more than " +
                           std::to_string(kDepthMost) +
                           " other values, as the nodes of a linked list are, of which each serializes the "
                           "next: let serialize() go along "
                           "such a chain in a loop, and save its nodes as a vector");
}

}  // namespace

void descend(const std::type_info& type, void (*work)(void*), void* argument) {
  if (depth >= kDepthMost) fail_deep(type);
  const Level level;
  if (current_stack.end == 0) current_stack = stack_of_thread();
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (current_stack.has_room(here)) return work(argument);
  go_on_elsewhere(type, work, argument);
}

}  // namespace rondo::detail
