// The seam between the engine and whatever carries its messages.
//
// One Transport is one place of a run: rank 0 is the master's, the others are workers'. Used by one thread, the one that
// communicates; only wake() may be called from any thread. Nothing here blocks but wait().
//
// Between each pair of places messages arrive in the order in which they were sent; nothing is said of others.
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

  // Takes the message over and returns at once; also to itself. Any size. It leaves at the latest with the next receive(),
  // wait() or flush(): receivers that share the sender's core would take it away after the first of many messages.
  virtual void send(Rank to, Buffer message) = 0;
  virtual void flush() {}
  // The next message that has arrived whole, if there is one.
  [[nodiscard]] virtual std::optional<Envelope> receive() = 0;
  // Bytes of messages that were sent and may still have to be kept; 0: everything has left.
  [[nodiscard]] virtual std::size_t unsent() = 0;

  // This place may be dead: what it has not taken does not count as unsent, what has come from it in part is dropped, and nothing
  // ever waits for it. Messages from it may still come, and may be lost.
  virtual void forget(Rank) {}

  // Returns when a message may have arrived, wake() was called since the last wait, or the time is over; sometimes earlier.
  // Does not burn a core.
  virtual void wait(Seconds at_most) = 0;
  // Ends the current wait, or the next one. From any thread.
  virtual void wake() = 0;

  // Seconds on a clock that only goes forward, the same for all threads of the process.
  [[nodiscard]] virtual Seconds now() const = 0;
};

inline Seconds steady_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace rondo::transport
