// One line about a crash, or an exit() or a quick_exit() inside a run: which rank it was, and which state in which round, or which
// state whose serialize() was running.
//
// A signal that ends the process (SEGV, BUS, FPE, ILL, ABRT) is told on the error stream and then goes the way it would
// have gone: to the system, or to a handler of one shot (SA_RESETHAND) that was there before. Any other handler that was there
// before is called first, as it may mend the fault; the line follows only if it gives up: it has put the default action in its
// place, or was called for an abort() and has returned. Nothing is told of a handler that ends the process itself, by _exit().
//
// In a thread of the program's own, which an update may have started, a crash is put down to the update that runs in this process,
// if there is only one. A stack that is full is told as that, with what makes it bigger.
#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>

#include <rondo/ids.hpp>

#include "threads/stack.hpp"

namespace rondo::engine {

// Marks the calling thread as one of this rank's, as long as it lives; made and destroyed by that thread. Gives the thread a
// signal stack, so that an overflow of its stack can be told too.
class CrashMark {
 public:
  explicit CrashMark(Rank rank);
  CrashMark(const CrashMark&) = delete;
  CrashMark& operator=(const CrashMark&) = delete;
  ~CrashMark();

  /// As long as it lives, this thread is in the update of a state. Nothing happens in a thread without a mark.
  class Updating {
   public:
    Updating(StateId state, std::uint64_t round);
    Updating(const Updating&) = delete;
    Updating& operator=(const Updating&) = delete;
    ~Updating();

   private:
    CrashMark* const mark_;
  };

  // As long as it lives, this thread handles a state outside of its updates. `what` is a text that stays: "while packing".
  // Nothing happens in a thread without a mark.
  class Handling {
   public:
    Handling(const char* what, StateId state);
    Handling(const Handling&) = delete;
    Handling& operator=(const Handling&) = delete;
    ~Handling();

   private:
    CrashMark* const mark_;  // null: none, or it is in an update, which is told then
    const char* outer_ = nullptr;
    std::uint64_t outer_state_ = 0;
  };

  // The program has called this ("exit()") in this thread, inside a run. For a handler of on_exit or at_quick_exit.
  static void tell_exit(const char* what);

 private:
  static void handle(int signal, siginfo_t* info, void* context);
  [[nodiscard]] static const CrashMark* mark_of_crash();
  // `why` follows the place; empty: nothing more is known.
  void tell(const char* what, const char* why = "") const;

  const Rank rank_;
  CrashMark* const outer_;  // of the same thread
  // atomic because a handler reads them, not another thread
  std::atomic<std::uint64_t> state_{0};
  std::atomic<std::uint64_t> round_{0};
  std::atomic<bool> updating_{false};
  std::atomic<const char*> handling_{nullptr};
  const threads::SignalStack signal_stack_;
  CrashMark* next_ = nullptr;  // of all marks of the process
};

}  // namespace rondo::engine
