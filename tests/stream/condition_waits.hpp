// The waits for condition variables, as a test sees and changes them: this file defines pthread_cond_wait and
// pthread_cond_clockwait for the whole program, the standard library included. To be included once.
//
// A thread counts as asleep from the moment before it waits, when it still has the mutex. So a notification that is sent with
// the mutex, or after the mutex was taken, reaches a thread that a test has seen asleep.
#pragma once

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <ctime>
#include <functional>

namespace condition_waits {

inline std::atomic<int> asleep{0};        // threads
inline std::atomic<bool> endless{false};  // time-outs never come
inline std::atomic<bool> interrupt{
    false};  // the next wait calls what follows before it begins, with the mutex
inline std::function<void()> before_wait;

// Returns when so many threads are asleep.
inline void await(int threads) {
  for (int now = asleep; now < threads; now = asleep) asleep.wait(now);
}

// Until the end of its scope, a thread that no notification reaches sleeps for ever.
class Endless {
 public:
  Endless() { endless = true; }
  Endless(const Endless&) = delete;
  Endless& operator=(const Endless&) = delete;
  ~Endless() { endless = false; }
};

template <class Wait>
int counted(Wait wait) {
  if (interrupt.exchange(false)) before_wait();
  asleep.fetch_add(1);
  asleep.notify_all();
  const int result = wait();
  asleep.fetch_sub(1);
  return result;
}

inline int wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  using Wait = int (*)(pthread_cond_t*, pthread_mutex_t*);
  static const auto real = reinterpret_cast<Wait>(dlsym(RTLD_NEXT, "pthread_cond_wait"));
  return real(condition, mutex);
}

}  // namespace condition_waits

extern "C" int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return condition_waits::counted([&] { return condition_waits::wait(condition, mutex); });
}

extern "C" int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                      const timespec* until) {
  using Wait = int (*)(pthread_cond_t*, pthread_mutex_t*, clockid_t, const timespec*);
  static const auto real = reinterpret_cast<Wait>(dlsym(RTLD_NEXT, "pthread_cond_clockwait"));
  return condition_waits::counted([&] {
    return condition_waits::endless ? condition_waits::wait(condition, mutex)
                                    : real(condition, mutex, clock, until);
  });
}
