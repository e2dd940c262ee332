#include <rondo/stream/thread.hpp>

#include <new>
#include <string>
#include <system_error>
#include <utility>

#include "threads/thread.hpp"

namespace rondo::streaming {

struct OwnThread::Thread {
  threads::Thread thread;
};

OwnThread::OwnThread() = default;
OwnThread::OwnThread(OwnThread&&) noexcept = default;
OwnThread::~OwnThread() { join(); }

OwnThread& OwnThread::operator=(OwnThread&& other) noexcept {
  join();
  thread_ = std::move(other.thread_);
  return *this;
}

OwnThread::OwnThread(const char* for_what, std::function<void()> body) {
  const auto refuse = [&](const char* why) {
    throw ThreadError(std::string("no thread can be started for ") + for_what + ": " + why);
  };
  try {
    thread_ = std::make_unique<Thread>();
    thread_->thread = threads::Thread(std::move(body));
  } catch (const std::system_error& error) {
    refuse(error.what());
  } catch (const std::bad_alloc&) {
    refuse("there is no memory for it");
  }
}

void OwnThread::join() noexcept {
  const std::unique_ptr<Thread> ending = std::move(thread_);
  if (ending != nullptr) ending->thread.join();
}

}  // namespace rondo::streaming
