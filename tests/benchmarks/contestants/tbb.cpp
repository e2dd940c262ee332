// oneTBB's parallel_for over shared memory, one state per task.
#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "workload/result.hpp"

int main(int argc, char** argv) {
  const reference::Settings settings = reference::settings_from(argc, argv);
  const reference::Workload workload{settings};
  std::vector<reference::State> states = workload.initial_states();
  const auto inputs = workload.inputs();
  std::vector<reference::Record> outputs(states.size());

  namespace tbb = oneapi::tbb;
  const tbb::global_control limit{tbb::global_control::max_allowed_parallelism, settings.workers};
  tbb::task_arena arena{static_cast<int>(settings.workers)};
  reference::Result result{workload, "tbb"};
  arena.execute([&] {
    // the threads are there before the clock starts, as everybody's are: each waits for all, but not for ever
    using Clock = std::chrono::steady_clock;
    const Clock::time_point latest = Clock::now() + std::chrono::seconds{1};
    std::atomic<std::size_t> arrived{0};
    tbb::parallel_for(
        tbb::blocked_range<std::size_t>{0, settings.workers, 1},
        [&](const tbb::blocked_range<std::size_t>&) {
          ++arrived;
          while (arrived < settings.workers && Clock::now() < latest) std::this_thread::yield();
        },
        tbb::simple_partitioner{});
    result.start();
    for (std::size_t round = 0; round < settings.rounds; ++round) {
      tbb::parallel_for(
          tbb::blocked_range<std::size_t>{0, states.size(), 1},
          [&](const tbb::blocked_range<std::size_t>& range) {
            for (std::size_t i = range.begin(); i < range.end(); ++i)
              outputs[i] = workload.update(states[i], inputs[round][i]);
          },
          tbb::simple_partitioner{});
      result.end_round(outputs);
    }
  });
  result.print();
}
