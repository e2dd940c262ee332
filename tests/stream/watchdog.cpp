// Ends a test program in which no thread runs any more, and names the test that hangs. Linked to every test of the evaluator.
//
// What counts is the time that the process has computed, so a slow or busy machine is not taken for a hang.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>

namespace {

constexpr int kSeconds = 20;        // that a test may sleep
constexpr double kComputed = 0.05;  // seconds; a test that computes less in this time is asleep
std::atomic<const testing::TestInfo*> running{nullptr};

double computed() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void watch() {
  const testing::TestInfo* test = nullptr;
  double since = 0;
  for (int asleep = 0; asleep < kSeconds; ++asleep) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const testing::TestInfo* const now = running;
    if (now != nullptr && now == test && computed() - since < kComputed) continue;
    test = now;
    since = computed();
    asleep = 0;
  }
  std::fprintf(stderr, "%s.%s hangs: no thread has run for %d s\n", test->test_suite_name(), test->name(),
               kSeconds);
  std::fflush(nullptr);
  std::_Exit(EXIT_FAILURE);
}

class Watchdog final : public testing::EmptyTestEventListener {
  void OnTestProgramStart(const testing::UnitTest&) override { std::thread(watch).detach(); }
  void OnTestStart(const testing::TestInfo& test) override { running = &test; }
  void OnTestEnd(const testing::TestInfo&) override { running = nullptr; }
};

// GoogleTest owns it.
[[maybe_unused]] const bool listens = [] {
  testing::UnitTest::GetInstance()->listeners().Append(new Watchdog);
  return true;
}();

}  // namespace
