// Values inside of values inside of values: a serialize() that follows the pointers of a list calls itself once per node, and
// each call takes about a kilobyte of stack.
//
// Where the stack of the thread is nearly full, the next call goes on on a new one, so depth is bounded by a number and not by
// the stack: kDepthMost values inside each other. That takes about 100 MB of stacks while it lasts (several times that
// without optimisation), and it is the same on every rank and thread.
//
// Any thread, on any stack that is its own, also one that the program has made.
#pragma once

#include <cstddef>
#include <typeinfo>

#pragma GCC visibility push(default)

namespace rondo::detail {

inline constexpr std::size_t kDepthMost = 100'000;

/// Calls `work` with `argument`; throws what it throws. `type` is that of the value. Throws SerializationError if it is inside of
/// too many others, or if the system gives no memory for another stack.
void descend(const std::type_info& type, void (*work)(void* argument), void* argument);

template <class T, class Work>
void descend(const Work& work) {
  descend(
      typeid(T), [](void* argument) { (*static_cast<const Work*>(argument))(); },
      const_cast<void*>(static_cast<const void*>(&work)));
}

}  // namespace rondo::detail

#pragma GCC visibility pop
