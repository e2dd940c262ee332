#include "engine/crash_line.hpp"

#include <unistd.h>

#include <mutex>
#include <utility>

namespace rondo::engine {

namespace {

constexpr std::size_t kStackBytes = 64 << 10;

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
  std::array<char, 200> text_{};
  std::size_t size_ = 0;
};

}  // namespace

void CrashMark::tell(const char* what) const {
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
  line << "\n";
  line.print();
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

void CrashMark::handle(int signal, siginfo_t* info, void*) {
  const CrashMark* const mark = mark_of_crash();
  for (std::size_t i = 0; i < kWatched.size(); ++i) {
    if (kWatched[i].signal != signal) continue;
    if (mark != nullptr) mark->tell(kWatched[i].name);
    sigaction(signal, &before[i], nullptr);
  }
  // a fault happens again when the handler returns, and then with all that it says; what was sent has to be sent again
  if (info->si_code <= 0) raise(signal);
}

void CrashMark::tell_exit() {
  const CrashMark* const mark = mark_of_thread;
  const bool is_main = mark == nullptr || (mark->rank_ == kMaster && !mark->updating_.load());
  if (!is_main) return mark->tell("exit()");
  Line line;
  line << "rondo: the program called exit() inside a run\n";
  line.print();
}

CrashMark::CrashMark(Rank rank) : rank_(rank), outer_(mark_of_thread) {
  mark_of_thread = this;
  stack_t stack{};
  sigaltstack(nullptr, &stack);
  if ((stack.ss_flags & SS_DISABLE) != 0) {
    stack_ = std::make_unique<std::byte[]>(kStackBytes);
    stack = {};
    stack.ss_sp = stack_.get();
    stack.ss_size = kStackBytes;
    sigaltstack(&stack, nullptr);
  }

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
        // who has put a handler over ours keeps it
        if ((now.sa_flags & SA_SIGINFO) != 0 && now.sa_sigaction == handle)
          sigaction(kWatched[i].signal, &before[i], nullptr);
      }
    }
  }
  if (stack_) {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }
  mark_of_thread = outer_;
}

}  // namespace rondo::engine
