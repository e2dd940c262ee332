// A thread with a stack as big as that of main, and one for signal handlers.
//
// Like std::thread, but for three things: its stack has stack_bytes(), the destructor joins, and one that cannot be started throws
// a std::system_error that says what was asked for.
#pragma once

#include <pthread.h>

#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "threads/stack.hpp"

namespace rondo::threads {

class Thread {
 public:
  Thread() = default;
  // Starts `work()`, which must not throw. Throws std::system_error if the system has no thread or no memory for it left (ulimit
  // -u, ulimit -v); then nothing has been started.
  template <class Work>
  explicit Thread(Work work) {
    auto started = std::make_unique<Work>(std::move(work));
    const std::size_t bytes = stack_bytes();
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, bytes);
    const int error = pthread_create(&thread_, &attributes, &run<Work>, started.get());
    pthread_attr_destroy(&attributes);
    if (error != 0)
      throw std::system_error(
          error, std::generic_category(),
          "a thread with a stack of " + std::to_string(bytes >> 10) + " kB cannot be started");
    (void)started.release();
    joinable_ = true;
  }
  Thread(Thread&& other) noexcept
      : thread_(other.thread_), joinable_(std::exchange(other.joinable_, false)) {}
  Thread& operator=(Thread&& other) noexcept {
    join();
    thread_ = other.thread_;
    joinable_ = std::exchange(other.joinable_, false);
    return *this;
  }
  ~Thread() { join(); }

  [[nodiscard]] bool joinable() const { return joinable_; }
  // Returns when the thread has ended; at once if there is none.
  void join() {
    if (std::exchange(joinable_, false)) pthread_join(thread_, nullptr);
  }

 private:
  template <class Work>
  static void* run(void* started) noexcept {
    const std::unique_ptr<Work> work(static_cast<Work*>(started));
    find_stack();
    const SignalStack signal_stack;
    (*work)();
    return nullptr;
  }

  pthread_t thread_{};
  bool joinable_ = false;
};

}  // namespace rondo::threads
