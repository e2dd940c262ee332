// Throughput of the streaming evaluator beside oneTBB's parallel_pipeline, a bounded task queue fed by one
// thread, and the sequential loop, at item costs from 0.1 us to 1 ms. Ratios from interleaved runs of one
// process; each contender is given the same chunks.
//
//   stream_throughput_benchmark [threads [rounds]]
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <future>
#include <mutex>
#include <rondo/stream.hpp>
#include <thread>
#include <vector>

#include "contenders.hpp"

namespace {

std::uint64_t fold(std::uint64_t sum, std::uint64_t result) { return sum * 31 + result; }

rondo::Stream<std::uint64_t> numbers(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_yield std::uint64_t(i);
}

struct Chunk {
  std::uint64_t begin, end;
};

std::vector<std::uint64_t> work_on(const std::vector<std::uint64_t>& chunk, std::uint64_t turns) {
  std::vector<std::uint64_t> results;
  results.reserve(chunk.size());
  for (const std::uint64_t item : chunk) results.push_back(spin(item, turns));
  return results;
}

std::vector<std::uint64_t> next_chunk(std::uint64_t& next, const Job& job) {
  std::vector<std::uint64_t> chunk;
  chunk.reserve(job.chunk);
  while (chunk.size() < job.chunk && next < job.items) chunk.push_back(next++);
  return chunk;
}

}  // namespace

std::uint64_t run_sequential(const Job& job) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < job.items; ++i) sum = fold(sum, spin(i, job.turns));
  return sum;
}

std::uint64_t run_rondo(const Job& job) {
  std::uint64_t sum = 0;
  const auto turns = job.turns;
  rondo::for_each(numbers(job.items) | rondo::chunks(job.chunk) | rondo::map([turns](std::uint64_t item) {
                    return spin(item, turns);
                  }) | rondo::sequentialize(16),
                  [&](std::uint64_t result) { sum = fold(sum, result); }, {.threads_max = job.threads});
  return sum;
}

std::uint64_t run_tbb(const Job& job) {
  namespace tbb = oneapi::tbb;
  std::uint64_t sum = 0;
  std::uint64_t next = 0;
  using Items = std::vector<std::uint64_t>;
  tbb::task_arena arena(static_cast<int>(job.threads));
  arena.execute([&] {
    tbb::parallel_pipeline(
        16, tbb::make_filter<void, Items>(tbb::filter_mode::serial_in_order, [&](tbb::flow_control& control) {
              Items chunk = next_chunk(next, job);
              if (chunk.empty()) control.stop();
              return chunk;
            }) & tbb::make_filter<Items, Items>(tbb::filter_mode::parallel, [&](const Items& chunk) {
              return work_on(chunk, job.turns);
            }) & tbb::make_filter<Items, void>(tbb::filter_mode::serial_in_order, [&](const Items& chunk) {
              for (const std::uint64_t result : chunk) sum = fold(sum, result);
            }));
  });
  return sum;
}

// One thread makes chunks and puts them into a bounded queue, the others take them from it; results are put
// into order. With `threads` workers beside the feeding thread, as such designs have it, the feeder being
// asleep most of the time.
std::uint64_t run_queue(const Job& job) {
  struct Task {
    std::vector<std::uint64_t> chunk;
    std::promise<std::vector<std::uint64_t>> result;
  };
  constexpr std::size_t limit = 16;
  std::mutex mutex;
  std::condition_variable not_full, not_empty;
  std::deque<Task> queue;
  bool over = false;
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < job.threads; ++i) {
    workers.emplace_back([&] {
      for (;;) {
        std::unique_lock lock(mutex);
        not_empty.wait(lock, [&] { return over || !queue.empty(); });
        if (queue.empty()) return;
        Task task = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        not_full.notify_one();
        task.result.set_value(work_on(task.chunk, job.turns));
      }
    });
  }
  std::uint64_t sum = 0;
  std::uint64_t next = 0;
  std::deque<std::future<std::vector<std::uint64_t>>> window;
  const auto take_first = [&] {
    for (const std::uint64_t result : window.front().get()) sum = fold(sum, result);
    window.pop_front();
  };
  for (;;) {
    Task task{next_chunk(next, job), {}};
    if (task.chunk.empty()) break;
    window.push_back(task.result.get_future());
    {
      std::unique_lock lock(mutex);
      not_full.wait(lock, [&] { return queue.size() < limit; });
      queue.push_back(std::move(task));
    }
    not_empty.notify_one();
    if (window.size() >= limit) take_first();
  }
  while (!window.empty()) take_first();
  {
    const std::scoped_lock lock(mutex);
    over = true;
  }
  not_empty.notify_all();
  for (std::thread& worker : workers) worker.join();
  return sum;
}

int main(int argc, char** argv) {
  const unsigned threads = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const double turns = turns_per_microsecond();
  std::printf(
      "%u threads, median of %d interleaved rounds, throughput as a multiple of the sequential loop\n",
      threads, rounds);
  std::printf("%10s %6s | %8s %8s %8s %8s | %9s %9s\n", "item us", "chunk", "rondo 1", "rondo", "TBB",
              "queue", "to TBB", "to queue");
  bool equal = true;
  for (const double cost : {0.1, 1.0, 10.0, 100.0, 1000.0}) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{100}}) {
      Job job{.items = static_cast<std::uint64_t>(std::clamp(60'000 / cost, 400.0, 200'000.0)),
              .turns = static_cast<std::uint64_t>(cost * turns),
              .chunk = chunk,
              .threads = threads};
      if (cost >= 1000 && chunk == 100) continue;  // 0.1 s per chunk: too few of them in a short run
      std::array<std::vector<double>, 5> times;
      std::array<std::uint64_t, 5> sums{};
      Job alone = job;
      alone.threads = 1;
      const auto time = [&](std::size_t which, auto run, const Job& what) {
        const auto start = std::chrono::steady_clock::now();
        sums[which] = run(what);
        times[which].push_back(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      };
      for (int round = 0; round < rounds; ++round) {
        time(0, run_sequential, job);
        time(1, run_rondo, alone);
        time(2, run_rondo, job);
        time(3, run_tbb, job);
        time(4, run_queue, job);
      }
      std::array<double, 5> median{};
      for (std::size_t i = 0; i < times.size(); ++i) {
        std::ranges::sort(times[i]);
        median[i] = times[i][times[i].size() / 2];
        equal = equal && sums[i] == sums[0];
      }
      std::printf("%10.1f %6zu | %8.3f %8.3f %8.3f %8.3f | %9.3f %9.3f\n", cost, chunk, median[0] / median[1],
                  median[0] / median[2], median[0] / median[3], median[0] / median[4], median[3] / median[2],
                  median[4] / median[2]);
    }
  }
  std::puts(equal ? "all results are equal" : "RESULTS DIFFER");
  return equal ? 0 : 1;
}
