// The transport between threads of one process. Each place has a mailbox.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "transport/transport.hpp"

namespace rondo::transport {

// Owns the mailboxes of `size` places and outlives their transports. Thread-safe.
class InProcess {
 public:
  explicit InProcess(std::int32_t size);

  // The transport of one place. Only one thread may use it.
  [[nodiscard]] std::unique_ptr<Transport> open(Rank rank);

 private:
  class Place;
  struct Mailbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Envelope> messages;
    bool woken = false;
  };
  std::vector<Mailbox> mailboxes_;
};

}  // namespace rondo::transport
