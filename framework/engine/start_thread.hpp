// A thread of the engine.
#pragma once

#include <string>
#include <system_error>
#include <utility>

#include <rondo/error.hpp>

#include "threads/thread.hpp"

namespace rondo::engine {

// Starts a thread that does `work`. Throws Error if the system has none left, which says what it was for.
template <class Work>
[[nodiscard]] threads::Thread start_thread(const std::string& what, Work work) {
  try {
    return threads::Thread(std::move(work));
  } catch (const std::system_error& error) {
    throw Error(what + ": " + error.what() +
                "; need more threads (ulimit -u) or memory (ulimit -v), or smaller stacks (--rondo-stack)");
  }
}

}  // namespace rondo::engine
