// A thread of Rondo's: joined where it goes out of scope, so that no way out of a call leaves one behind.
#pragma once

#include <functional>
#include <memory>

#include <rondo/error.hpp>

#pragma GCC visibility push(default)

namespace rondo {

/// The system has no thread to give, and the call cannot do with fewer: see `ulimit -u`, or the limit of the container or of
/// the batch job.
class ThreadError : public Error {
 public:
  using Error::Error;
};

namespace streaming {

class OwnThread {
 public:
  OwnThread();
  // Starts `body`, which must not throw. Throws ThreadError that says what the thread was `for_what`; then nothing was
  // started.
  OwnThread(const char* for_what, std::function<void()> body);
  OwnThread(OwnThread&&) noexcept;
  OwnThread& operator=(OwnThread&&) noexcept;
  ~OwnThread();

  [[nodiscard]] bool started() const { return thread_ != nullptr; }
  // Waits for its end. Nothing where there is none.
  void join() noexcept;

 private:
  struct Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace streaming
}  // namespace rondo

#pragma GCC visibility pop
