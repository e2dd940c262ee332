// For tests that would hang if what they are about did not work.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <utility>

// Runs `body` on a thread of its own. If it is not over in time, the process ends with a failure that names it: a thread that
// hangs cannot be ended. The time is far more than a slow machine needs.
template <class Body>
void within_deadline(const std::string& what, Body body,
                     std::chrono::seconds deadline = std::chrono::seconds(30)) {
  std::packaged_task<void()> task(std::move(body));
  std::future<void> over = task.get_future();
  std::thread thread(std::move(task));
  if (over.wait_for(deadline) == std::future_status::timeout) {
    std::fprintf(stderr, "%s: hangs\n", what.c_str());
    std::fflush(nullptr);
    std::_Exit(EXIT_FAILURE);
  }
  thread.join();
  over.get();
}
