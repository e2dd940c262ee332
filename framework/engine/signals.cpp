#include "engine/signals.hpp"

#include <unistd.h>

#include <atomic>

namespace rondo::engine {

namespace {

std::atomic<int> watches{0};
std::atomic<std::uint32_t> pending{0};
std::atomic<std::uint32_t> highest{0};
std::atomic<int> interrupts{0};
std::atomic<pid_t> launcher{0};  // 0: there is none
std::atomic<bool> ended_by_launcher{false};
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

void raise_to(std::atomic<std::uint32_t>& value, StopRequest asked) {
  std::uint32_t now = value.load();
  while (now < static_cast<std::uint32_t>(asked) &&
         !value.compare_exchange_weak(now, static_cast<std::uint32_t>(asked))) {
  }
}

void ask(StopRequest asked) {
  raise_to(pending, asked);
  raise_to(highest, asked);
}

void handle(int signal, siginfo_t* info, void*) {
  if (signal == SIGUSR1) return ask(StopRequest::kCheckpoint);
  if (signal == SIGUSR2) return ask(StopRequest::kLeave);
  if (launcher != 0 && info->si_pid == launcher) ended_by_launcher = true;
  if (signal == SIGINT && interrupts.fetch_add(1) > 0) _exit(128 + SIGINT);
  ask(StopRequest::kLeaveSoon);
}

}  // namespace

SignalWatch::SignalWatch(Parent parent) : is_first_(watches++ == 0) {
  if (!is_first_) return;
  pending = highest = 0;
  interrupts = 0;
  launcher = parent == Parent::launcher ? getppid() : 0;
  ended_by_launcher = false;
  struct sigaction action {};
  action.sa_sigaction = handle;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART | SA_SIGINFO;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], &action, &before_[i]);
    const bool is_kept = kSignals[i] == SIGHUP && before_[i].sa_handler == SIG_IGN;  // nohup
    if (is_kept) sigaction(kSignals[i], &before_[i], nullptr);
  }
  // a file that gets too long is an error of that write (EFBIG), as on a full disk
  struct sigaction too_long {};
  if (sigaction(SIGXFSZ, nullptr, &too_long) == 0 && too_long.sa_handler == SIG_DFL) signal(SIGXFSZ, SIG_IGN);
}

SignalWatch::~SignalWatch() {
  --watches;
  if (!is_first_) return;
  for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
}

StopRequest SignalWatch::take() { return static_cast<StopRequest>(pending.exchange(0)); }

StopRequest SignalWatch::asked() { return static_cast<StopRequest>(highest.load()); }

bool SignalWatch::by_launcher() { return ended_by_launcher; }

std::string SignalWatch::leaving(int status) {
  if (ended_by_launcher) return "leaving; the status is the launcher's";
  return "leaving with status " + std::to_string(status);
}

}  // namespace rondo::engine
