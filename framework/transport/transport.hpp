// The interface between the engine and what carries its messages.
//
// One Transport is one rank of a run: rank 0 is the master, the others are workers. Only the communicating thread of the
// rank uses it, except that any thread may call wake(). Only wait() blocks.
//
// Messages between two ranks arrive in the order in which they were sent. There is no order between messages of different pairs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

namespace rondo::transport {

using Seconds = std::chrono::duration<double>;

struct Envelope {
  Rank from;
  Buffer message;
};

class Transport {
 public:
  virtual ~Transport() = default;

  [[nodiscard]] virtual Rank rank() const = 0;
  [[nodiscard]] virtual std::int32_t size() const = 0;

  // Queues the message and returns at once. It may have any size, and `to` may be this rank. The message leaves at the latest
  // in the next receive(), wait() or flush(). It may wait until then because a receiver on the same core, woken by the first
  // of many messages, would take the core from the sender.
  virtual void send(Rank to, Buffer message) = 0;
  virtual void flush() {}
  // The next message that has arrived completely; nullopt if there is none.
  [[nodiscard]] virtual std::optional<Envelope> receive() = 0;
  // Bytes of sent messages that this rank may still hold; 0: all messages have left.
  [[nodiscard]] virtual std::size_t unsent() = 0;

  // Tells the transport that the rank may be dead. From now on unsent() does not count messages to it, incomplete messages
  // from it are dropped, and no call waits for it. Complete messages from it may still arrive or may be lost.
  virtual void forget(Rank) {}

  // Sleeps until a message may have arrived, wake() has been called since the last wait, or the time is over. May return
  // earlier.
  virtual void wait(Seconds at_most) = 0;
  // Ends the current wait, or the next one. Any thread may call it.
  virtual void wake() = 0;

  // Seconds on a monotonic clock, which is the same for all threads of the process.
  [[nodiscard]] virtual Seconds now() const = 0;
};

inline Seconds steady_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace rondo::transport
