#include "engine/signals.hpp"

#include <unistd.h>

#include <atomic>

namespace rondo::engine {

namespace {

std::atomic<std::uint32_t> wish{0};
std::atomic<int> interrupts{0};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

void ask(Wish asked) {
  std::uint32_t now = wish.load();
  while (now < static_cast<std::uint32_t>(asked) &&
         !wish.compare_exchange_weak(now, static_cast<std::uint32_t>(asked))) {
  }
}

void handle(int signal) {
  if (signal == SIGUSR1) return ask(Wish::kCheckpoint);
  if (signal == SIGUSR2) return ask(Wish::kLeave);
  if (signal == SIGINT && interrupts.fetch_add(1) > 0) _exit(128 + SIGINT);
  ask(Wish::kLeaveSoon);
}

}  // namespace

SignalWatch::SignalWatch() {
  wish = 0;
  interrupts = 0;
  struct sigaction action {};
  action.sa_handler = handle;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &action, &before_[i]);
}

SignalWatch::~SignalWatch() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

Wish SignalWatch::take() { return static_cast<Wish>(wish.exchange(0)); }

}  // namespace rondo::engine
