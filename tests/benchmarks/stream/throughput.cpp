// Throughput of the streaming evaluator beside oneTBB's parallel_pipeline, a bounded task queue fed by one
// thread, and the sequential loop, at item costs from 0.1 us to 1 ms; each contender is given the same chunks.
//
// Every evaluation is long enough (200 ms with all threads; less below 0.5 us) that a throughput is measured and not a start; what a start
// costs is a row of its own. Rondo begins its threads anew in each evaluation, and the queue too; TBB's are waiting.
//
// A ratio is the median of the ratios within a round. In every round Rondo and TBB run one after the other, in an order
// that changes, in every fourth one all contenders. So what the machine does at the time changes both sides of a ratio.
// Its 95 % confidence interval needs no assumption on how the ratios are distributed: it is from the r-th lowest to the
// r-th highest of n ratios, r = n / 2 - 0.98 sqrt(n). Rounds go on until the one to TBB is within 0.5 % of the median, or
// until their limit. "At least TBB's throughput" holds if that median is 0.998 or more and 1 is not above the interval.
//
//   stream_throughput_benchmark [threads [rounds at most [item cost in us [chunk]]]]
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <future>
#include <mutex>
#include <random>
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

namespace {

struct Median {
  double value, low, high;  // with the 95 % confidence interval
  [[nodiscard]] bool narrow() const { return high - low < 0.01 * value; }
  [[nodiscard]] bool at_least_one() const { return value >= 0.998 && high >= 1; }
};

Median median(std::vector<double> ratios) {
  std::ranges::sort(ratios);
  const auto n = static_cast<double>(ratios.size());
  const double reach = 0.98 * std::sqrt(n);  // of the binomial distribution's middle, in ranks
  const auto at = [&](double rank) { return ratios[static_cast<std::size_t>(std::clamp(rank, 0.0, n - 1))]; };
  return {ratios[ratios.size() / 2], at(std::floor(n / 2 - reach)), at(std::ceil(n / 2 + reach))};
}

struct Contender {
  const char* name;
  std::uint64_t (*run)(const Job& job);
};
constexpr std::size_t kTbb = 0, kRondo = 1, kSequential = 2, kQueue = 4;
constexpr std::array<Contender, 5> kContenders{{
    {"TBB", run_tbb},
    {"rondo", run_rondo},
    {"sequential", run_sequential},
    {"rondo 1",
     [](const Job& job) {
       Job alone = job;
       alone.threads = 1;
       return run_rondo(alone);
     }},
    {"queue", run_queue},
}};

// Seconds of each contender, one after the other in the rounds in which it ran.
struct Row {
  std::array<std::vector<double>, kContenders.size()> times;
  std::size_t every = 4;  // of the rounds all contenders run
  bool equal = true;

  // Throughput of the one as a multiple of the other's.
  [[nodiscard]] Median ratio(std::size_t one, std::size_t other) const {
    const std::size_t count = std::min(times[one].size(), times[other].size());
    const auto at = [&](std::size_t which, std::size_t i) {
      return times[which][times[which].size() > count ? i * every : i];
    };
    std::vector<double> ratios;
    for (std::size_t i = 0; i < count; ++i) ratios.push_back(at(other, i) / at(one, i));
    return median(std::move(ratios));
  }
};

Row measure(const Job& job, std::size_t rounds) {
  Row row;
  std::mt19937_64 random(job.turns + job.chunk);
  const std::uint64_t sum = run_sequential(job);
  for (std::size_t round = 0; round < rounds && (round < 16 || !row.ratio(kRondo, kTbb).narrow()); ++round) {
    std::vector<std::size_t> order{kTbb, kRondo};
    if (round % row.every == 0)
      for (std::size_t which = kSequential; which < kContenders.size(); ++which) order.push_back(which);
    std::ranges::shuffle(order, random);
    for (const std::size_t which : order) {
      const auto start = std::chrono::steady_clock::now();
      const std::uint64_t result = kContenders[which].run(job);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      row.times[which].push_back(took.count());
      row.equal = row.equal && result == sum;
    }
  }
  return row;
}

// An evaluation of `items` items, each a unit of its own.
void print_start(std::uint64_t items, double cost, double turns, unsigned threads) {
  Row row = measure({items, static_cast<std::uint64_t>(cost * turns), 1, threads}, 2000);
  std::printf("%llu x %.0f us: us from call to return |", static_cast<unsigned long long>(items), cost);
  for (const std::size_t which : {kRondo, kTbb, kQueue})
    std::printf(" %s %.1f", kContenders[which].name, 1e6 * median(row.times[which]).value);
  std::puts("");
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, double otherwise) {
    return argc > index ? std::atof(argv[index]) : otherwise;
  };
  const auto threads = static_cast<unsigned>(argument(1, 2));
  const auto rounds = static_cast<std::size_t>(argument(2, 100));
  const double only_cost = argument(3, 0), only_chunk = argument(4, 0);
  const double turns = turns_per_microsecond();
  std::printf(
      "%u threads; throughput as a multiple of the sequential loop's, and rondo's of TBB's and the queue's\n",
      threads);
  std::printf("%8s %6s %6s |", "item us", "chunk", "rounds");
  for (std::size_t i = 0; i < kContenders.size(); ++i)
    if (i != kSequential) std::printf(" %8s", kContenders[i].name);
  std::printf(" | %8s %-15s %-9s | %9s %s\n", "to TBB", "95 %", "at least?", "to queue", "95 %");
  bool equal = true;
  for (const double cost : {0.1, 1.0, 3.0, 10.0, 100.0, 1000.0}) {
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{100}}) {
      if (cost >= 1000 && chunk == 100) continue;  // 0.1 s per chunk: too few of them in a short run
      if (only_cost > 0 && only_cost != cost) continue;
      if (only_chunk > 0 && only_chunk != static_cast<double>(chunk)) continue;
      const Job job{.items = static_cast<std::uint64_t>(200'000 * threads / std::max(cost, 0.5)),
                    .turns = static_cast<std::uint64_t>(cost * turns),
                    .chunk = chunk,
                    .threads = threads};
      const Row row = measure(job, rounds);
      equal = equal && row.equal;
      std::printf("%8.1f %6zu %6zu |", cost, chunk, row.times[kTbb].size());
      for (std::size_t i = 0; i < kContenders.size(); ++i)
        if (i != kSequential) std::printf(" %8.3f", row.ratio(i, kSequential).value);
      const Median to_tbb = row.ratio(kRondo, kTbb), to_queue = row.ratio(kRondo, kQueue);
      std::printf(" | %8.3f %.3f to %.3f  %-9s | %9.3f %.3f to %.3f\n", to_tbb.value, to_tbb.low, to_tbb.high,
                  to_tbb.at_least_one() ? "yes" : "no", to_queue.value, to_queue.low, to_queue.high);
      std::fflush(stdout);
    }
  }
  if (only_cost == 0) {
    print_start(1, 0, turns, threads);
    print_start(2, 100, turns, threads);
  }
  std::puts(equal ? "all results are equal" : "RESULTS DIFFER");
  return equal ? 0 : 1;
}
