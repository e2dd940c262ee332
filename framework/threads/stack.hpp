// The stacks of threads: how big they are, where the one of the calling thread ends, and a second one for signal handlers.
//
// The C library gives a new thread the soft limit of the stack (ulimit -s), as the main thread has it, but only 2 MB where that
// is unlimited: a function that works on the main thread would then crash on another one.
#pragma once

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace rondo::threads {

// Where the stack of the main thread has no limit: address space, of which only what is used becomes memory.
inline constexpr std::size_t kUnlimitedStack = std::size_t{64} << 20;

// Bytes of stack that new threads get (--rondo-stack); 0: as many as the main thread has. For the whole process.
inline std::atomic<std::size_t> stack_wanted{0};

// Bytes of stack of the next thread.
[[nodiscard]] inline std::size_t stack_bytes() {
  std::size_t bytes = stack_wanted.load();
  rlimit limit{};
  if (bytes == 0)
    bytes = getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY ? kUnlimitedStack
                                                                                    : limit.rlim_cur;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto least = static_cast<std::size_t>(std::max(sysconf(_SC_THREAD_STACK_MIN), 0L)) + 4 * page;
  return (std::max(bytes, least) + page - 1) / page * page;
}

// The stack of a thread, as addresses; it grows from `end` down to `begin`. Empty: not known.
struct Stack {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::size_t guard = 0;  // bytes below `begin` that no access may touch
  bool is_main = false;   // of the main thread, whose size is set by ulimit -s

  // Whether an access to `address` that failed, with the stack pointer at `pointer` (0: not known), comes from a stack that is
  // full. A function with big local variables moves the pointer far beyond the end at once.
  [[nodiscard]] bool is_full(std::uintptr_t address, std::uintptr_t pointer) const {
    constexpr std::uintptr_t kPage = 4 << 10, kNear = 64 << 10;
    if (end == 0 || address >= begin + kPage) return false;
    if (pointer != 0 && pointer < begin + kPage && address + kNear >= pointer) return true;
    return address + guard + kNear >= begin;
  }
};

// initial-exec: a signal handler reads it, and may not allocate, as a first use by a thread would in the default model.
[[gnu::tls_model("initial-exec")]] inline constinit thread_local Stack this_stack{};

// Finds out where the calling thread's stack is; to be called outside of signal handlers.
inline const Stack& find_stack() {
  if (this_stack.end != 0) return this_stack;
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return this_stack;
  void* begin = nullptr;
  std::size_t size = 0, guard = 0;
  if (pthread_attr_getstack(&attributes, &begin, &size) == 0) {
    pthread_attr_getguardsize(&attributes, &guard);
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    this_stack = {address, address + size, guard, getpid() == gettid()};
  }
  pthread_attr_destroy(&attributes);
  return this_stack;
}

// Gives the calling thread a stack for signal handlers, if it has none, as long as it lives: a handler that tells of a full stack
// cannot run on that one.
class SignalStack {
 public:
  SignalStack() {
    stack_t stack{};
    if (sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0) return;
    memory_ = std::make_unique_for_overwrite<std::byte[]>(kBytes);
    stack = {};
    stack.ss_sp = memory_.get();
    stack.ss_size = kBytes;
    sigaltstack(&stack, nullptr);
  }
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;
  ~SignalStack() {
    if (!memory_) return;
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }

 private:
  static constexpr std::size_t kBytes = 64 << 10;
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace rondo::threads
