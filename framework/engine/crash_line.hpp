// One line about a crash, or an exit() inside a run: which rank it was, and which state in which round, or which state whose
// serialize() was running.
//
// A signal that ends the process (SEGV, BUS, FPE, ILL, ABRT) is told on the error stream and then goes the way it would
// have gone: to the handler that was there before, or to the system. In a thread of the program's own, which an update may
// have started, it is put down to the update that runs in this process, if there is only one.
#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <memory>

#include <rondo/ids.hpp>

namespace rondo::engine {

// Marks the calling thread as one of this rank's, as long as it lives; made and destroyed by that thread. Gives the thread a
// signal stack, so that an overflow of its stack can be told too.
class CrashMark {
 public:
  explicit CrashMark(Rank rank);
  CrashMark(const CrashMark&) = delete;
  CrashMark& operator=(const CrashMark&) = delete;
  ~CrashMark();

  // The thread is in the update of this state, until leave().
  void enter(StateId state, std::uint64_t round) {
    state_.store(value(state), std::memory_order_relaxed);
    round_.store(round, std::memory_order_relaxed);
    updating_.store(true, std::memory_order_relaxed);
  }
  void leave() { updating_.store(false, std::memory_order_relaxed); }

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

  // The program has called exit() in this thread, inside a run. For a handler of on_exit.
  static void tell_exit();

 private:
  static void handle(int signal, siginfo_t* info, void* context);
  [[nodiscard]] static const CrashMark* mark_of_crash();
  void tell(const char* what) const;

  const Rank rank_;
  CrashMark* const outer_;  // of the same thread
  // atomic because a handler reads them, not another thread
  std::atomic<std::uint64_t> state_{0};
  std::atomic<std::uint64_t> round_{0};
  std::atomic<bool> updating_{false};
  std::atomic<const char*> handling_{nullptr};
  std::unique_ptr<std::byte[]> stack_;
  CrashMark* next_ = nullptr;  // of all marks of the process
};

}  // namespace rondo::engine
