// A system that has no thread left, when a test says so: this file defines pthread_create for the whole program, the
// standard library included. To be included once.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>

namespace few_threads {

inline std::atomic<int> left{-1};    // threads that may be started; below 0: any number
inline std::atomic<int> refused{0};  // how many were not

// Until the end of its scope there are only so many threads.
class Only {
 public:
  explicit Only(int threads) {
    left = threads;
    refused = 0;
  }
  Only(const Only&) = delete;
  Only& operator=(const Only&) = delete;
  ~Only() { left = -1; }
};

}  // namespace few_threads

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                              void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  int left = few_threads::left;
  while (left >= 0) {
    if (left == 0) {
      ++few_threads::refused;
      return EAGAIN;
    }
    if (few_threads::left.compare_exchange_weak(left, left - 1)) break;
  }
  return create(thread, attributes, body, argument);
}
