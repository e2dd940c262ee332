#include "engine/crash_line.hpp"

#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <utility>

namespace rondo::engine {

namespace {

struct Watched {
  int signal;
  const char* name;
};
constexpr std::array<Watched, 5> kWatched = {
    {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}, {SIGABRT, "SIGABRT"}}};

// initial-exec: a handler may not allocate, as a first use by a thread would in the default model
[[gnu::tls_model("initial-exec")]] constinit thread_local CrashMark* mark_of_thread = nullptr;

std::mutex mutex;  // not for the handler
CrashMark* marks = nullptr;
std::array<struct sigaction, kWatched.size()> before;
// The process ends, and one line has said why; another thread may crash before it is gone.
std::atomic_flag told = ATOMIC_FLAG_INIT;

// A text of limited length, made without anything that a handler must not call.
class Line {
 public:
  Line& operator<<(const char* text) {
    for (; *text != 0 && size_ < text_.size(); ++text) text_[size_++] = *text;
    return *this;
  }
  Line& operator<<(std::uint64_t number) {
    std::array<char, 21> digits{};
    std::size_t at = digits.size() - 1;
    do {
      digits[--at] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
    return *this << &digits[at];
  }
  void print() const {
    if (write(STDERR_FILENO, text_.data(), size_) < 0) return;  // nobody is left to tell
  }

 private:
  std::array<char, 400> text_{};
  std::size_t size_ = 0;
};

bool is_function(const struct sigaction& action) {
  return (action.sa_flags & SA_SIGINFO) != 0 ||
         (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN);
}

// Calls a handler as the system would have called it.
void call(const struct sigaction& action, int signal, siginfo_t* info, void* context) {
  sigset_t mask = action.sa_mask, own, before_call;
  sigemptyset(&own);
  sigaddset(&own, signal);
  if ((action.sa_flags & SA_NODEFER) == 0) sigaddset(&mask, signal);
  pthread_sigmask(SIG_BLOCK, &mask, &before_call);
  if ((action.sa_flags & SA_NODEFER) != 0) pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
  if ((action.sa_flags & SA_SIGINFO) != 0)
    action.sa_sigaction(signal, info, context);
  else
    action.sa_handler(signal);
  pthread_sigmask(SIG_SETMASK, &before_call, nullptr);
}

// Whether the handler that has been called leaves the signal to the system.
bool has_given_up(int signal, const siginfo_t* info) {
  struct sigaction now {};
  sigaction(signal, nullptr, &now);
  if (!is_function(now)) return true;
  return signal == SIGABRT && info->si_code == SI_TKILL;  // abort() ends the process if a handler returns
}

// The stack pointer where the signal came; 0: not known on this processor.
std::uintptr_t stack_pointer(const void* context) {
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return static_cast<const ucontext_t*>(context)->uc_mcontext.sp;
#else
  static_cast<void>(context);
  return 0;
#endif
}

const char* reason(int signal, const siginfo_t* info, const void* context) {
  const threads::Stack& stack = threads::this_stack;
  const bool is_fault = (signal == SIGSEGV || signal == SIGBUS) && info->si_code > 0;
  if (!is_fault || !stack.is_full(reinterpret_cast<std::uintptr_t>(info->si_addr), stack_pointer(context)))
    return "";
  return stack.is_main ? ": the stack of the main thread is full; ulimit -s gives it a bigger one"
                       : ": the stack of the thread is full; --rondo-stack=SIZE gives threads bigger ones";
}

}  // namespace

void CrashMark::tell(const char* what, const char* why) const {
  Line line;
  line << "rondo: rank " << static_cast<std::uint64_t>(value(rank_)) << ": " << what;
  if (updating_.load(std::memory_order_relaxed)) {
    line << " in the update of state " << state_.load(std::memory_order_relaxed) << " in round "
         << round_.load(std::memory_order_relaxed);
  } else if (const char* const handling = handling_.load(std::memory_order_relaxed)) {
    line << " " << handling << " state " << state_.load(std::memory_order_relaxed);
  } else {
    line << " outside of the updates";
  }
  line << why << "\n";
  line.print();
}

CrashMark::Updating::Updating(StateId state, std::uint64_t round) : mark_(mark_of_thread) {
  if (mark_ == nullptr) return;
  mark_->state_.store(value(state), std::memory_order_relaxed);
  mark_->round_.store(round, std::memory_order_relaxed);
  mark_->updating_.store(true, std::memory_order_relaxed);
}

CrashMark::Updating::~Updating() {
  if (mark_ != nullptr) mark_->updating_.store(false, std::memory_order_relaxed);
}

CrashMark::Handling::Handling(const char* what, StateId state)
    : mark_(mark_of_thread != nullptr && !mark_of_thread->updating_.load(std::memory_order_relaxed)
                ? mark_of_thread
                : nullptr) {
  if (mark_ == nullptr) return;
  outer_ = mark_->handling_.load(std::memory_order_relaxed);
  outer_state_ = mark_->state_.load(std::memory_order_relaxed);
  mark_->state_.store(value(state), std::memory_order_relaxed);
  mark_->handling_.store(what, std::memory_order_relaxed);
}

CrashMark::Handling::~Handling() {
  if (mark_ == nullptr) return;
  mark_->handling_.store(outer_, std::memory_order_relaxed);
  mark_->state_.store(outer_state_, std::memory_order_relaxed);
}

const CrashMark* CrashMark::mark_of_crash() {
  if (mark_of_thread != nullptr) return mark_of_thread;
  const CrashMark* found = nullptr;
  for (const CrashMark* each = marks; each != nullptr; each = each->next_) {
    if (!each->updating_.load(std::memory_order_relaxed)) continue;
    if (found != nullptr) return nullptr;
    found = each;
  }
  return found;
}

void CrashMark::handle(int signal, siginfo_t* info, void* context) {
  std::size_t i = 0;
  while (i < kWatched.size() && kWatched[i].signal != signal) ++i;
  if (i == kWatched.size()) return;
  const struct sigaction previous = before[i];
  const bool may_mend = is_function(previous) && (previous.sa_flags & static_cast<int>(SA_RESETHAND)) == 0;
  if (may_mend) {
    call(previous, signal, info, context);
    if (!has_given_up(signal, info)) return;
  }
  if (const CrashMark* const mark = mark_of_crash(); mark != nullptr && !told.test_and_set())
    mark->tell(kWatched[i].name, reason(signal, info, context));
  if (may_mend) return;
  sigaction(signal, &previous, nullptr);
  // a fault happens again when the handler returns, and then with all that it says; what was sent has to be sent again
  if (info->si_code <= 0) raise(signal);
}

void CrashMark::tell_exit(const char* what) {
  const CrashMark* const mark = mark_of_thread;
  const bool is_main = mark == nullptr || (mark->rank_ == kMaster && !mark->updating_.load());
  if (!is_main) return mark->tell(what);
  Line line;
  line << "rondo: the program called " << what << " inside a run\n";
  line.print();
}

CrashMark::CrashMark(Rank rank) : rank_(rank), outer_(mark_of_thread) {
  mark_of_thread = this;
  threads::find_stack();

  const std::lock_guard lock(mutex);
  next_ = std::exchange(marks, this);
  if (next_ != nullptr) return;
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kWatched.size(); ++i) sigaction(kWatched[i].signal, &action, &before[i]);
}

CrashMark::~CrashMark() {
  {
    const std::lock_guard lock(mutex);
    CrashMark** link = &marks;
    while (*link != this) link = &(*link)->next_;
    *link = next_;
    if (marks == nullptr) {
      for (std::size_t i = 0; i < kWatched.size(); ++i) {
        struct sigaction now {};
        sigaction(kWatched[i].signal, nullptr, &now);
        // a handler that was installed over ours stays
        if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == handle)
          sigaction(kWatched[i].signal, &before[i], nullptr);
      }
    }
  }
  mark_of_thread = outer_;
}

}  // namespace rondo::engine
