// Which threads the system should run as soon as they wake.
#pragma once

namespace rondo::transport {

// While it lives, the calling thread asks for short turns (a tenth of a millisecond). Where cores are shared with threads
// that compute, a kernel with EEVDF scheduling (Linux 6.12) then lets it preempt them when a message wakes it, instead of
// at the next tick of the clock, milliseconds later. It gets no more of a core than before. No effect elsewhere.
//
// Threads that are started meanwhile inherit it: one that computes begins with ordinary_turns().
class Promptness {
 public:
  Promptness();
  Promptness(const Promptness&) = delete;
  Promptness& operator=(const Promptness&) = delete;
  ~Promptness();
};

// The calling thread takes turns of the system's usual length.
void ordinary_turns();

}  // namespace rondo::transport
