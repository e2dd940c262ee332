// Speed-up by the formula and by mean-value analysis, beside a simulated lock and beside measured runs; what the
// live adaptation of the number of threads costs or gains on a job with phases, beside every fixed number of
// threads; and what a CoreBudget gains over first come, first served, where two jobs share cores.
//
//   stream_models_benchmark [threads]
//
// Work units sleep here, so that more threads than cores can be measured; the stream spins, as only one
// thread does at a time.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <rondo/stream.hpp>
#include <thread>

#include "../../stream/lock_simulation.hpp"
#include "contenders.hpp"

namespace {

using Clock = std::chrono::steady_clock;

void spin_for(std::chrono::duration<double, std::micro> time) {
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
  }
}

// `count` rounds of mean length 400 us, a part p of it critical, both parts exponential.
rondo::Stream<std::monostate> rounds(int count, double p, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> exponential(1);
  for (int i = 0; i < count; ++i) {
    spin_for(std::chrono::duration<double, std::micro>(400 * p * exponential(random)));
    const std::chrono::duration<double, std::micro> par(400 * (1 - p) * exponential(random));
    auto unit = rondo::work([par] { std::this_thread::sleep_for(par); });
    rondo::Slot<void> slot = co_yield unit;
    static_cast<void>(slot);
  }
}

rondo::Stream<std::monostate> phases(int count) {
  for (int phase = 0; phase < 6; ++phase) {
    co_yield rondo::elements_of(
        rounds(count, phase % 2 == 0 ? 0.05 : 0.9, static_cast<std::uint64_t>(phase)));
  }
}

// The same rounds without end, until the time is over.
rondo::Stream<std::monostate> rounds_until(Clock::time_point end, double p, std::uint64_t* count) {
  while (Clock::now() < end) {
    co_yield rondo::elements_of(rounds(10, p, *count));
    *count += 10;
  }
}

// Two jobs for half a second each, at the same time; the first one is mostly critical. Serial seconds of work
// done per second by both.
double throughput(rondo::StreamOptions first, rondo::StreamOptions second) {
  std::uint64_t counts[2] = {0, 0};
  const auto start = Clock::now(), end = start + std::chrono::milliseconds(500);
  std::jthread one([&] { (void)rondo::evaluate(rounds_until(end, 0.9, &counts[0]), first); });
  (void)rondo::evaluate(rounds_until(end, 0.02, &counts[1]), second);
  one.join();
  const std::chrono::duration<double> took = Clock::now() - start;
  return static_cast<double>(counts[0] + counts[1]) * 400e-6 / took.count();
}

void two_jobs(unsigned cores) {
  std::printf("\ntwo jobs share %u cores, p = 0.9 and 0.02: work done per second, in seconds\n", cores);
  std::printf("%24s %8s %8s\n", "", "measured", "model");
  const auto model = [](unsigned a, unsigned b) {
    return rondo::queueing_speedup(0.9, a) + rondo::queueing_speedup(0.02, b);
  };
  std::printf("%24s %8.2f %8.2f\n", "first come, first served",
              throughput({.threads_max = cores - 1, .effectiveness = 0}, {.threads_max = 1}),
              model(cores - 1, 1));
  std::printf("%24s %8.2f %8.2f\n", "half each",
              throughput({.threads_max = cores / 2, .effectiveness = 0},
                         {.threads_max = cores / 2, .effectiveness = 0}),
              model(cores / 2, cores / 2));
  rondo::CoreBudget budget(cores);
  std::printf(
      "%24s %8.2f %8.2f\n", "CoreBudget",
      throughput({.threads_max = cores, .budget = &budget}, {.threads_max = cores, .budget = &budget}),
      model(1, cores - 1));
}

struct Run {
  double seconds;
  rondo::StreamReport report;
};

Run run(rondo::Stream<std::monostate> stream, unsigned threads, double effectiveness) {
  Run result{};
  const auto start = Clock::now();
  (void)rondo::evaluate(std::move(stream),
                        {.threads_max = threads,
                         .effectiveness = effectiveness,
                         .time_constant = std::chrono::milliseconds(effectiveness == 0 ? 500 : 20),
                         .report = &result.report});
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned most = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 8;
  std::puts(
      "speed-up at p = 0.15; then of a measured run: its time against that of one thread, the threads that "
      "did not wait "
      "(which is what the models give), and the models at its own p, as sleeps take longer than asked for");
  std::printf("%8s %8s %8s %10s | %8s %8s %8s %8s %8s\n", "threads", "formula", "queueing", "simulated",
              "measured", "at work", "its p", "formula", "queueing");
  const Run alone = run(rounds(1500, 0.15, 1), 1, 0);
  for (unsigned n = 1; n <= most; ++n) {
    const Run with = run(rounds(1500, 0.15, 1), n, 0);
    const double p = alone.report.critical_fraction();
    std::printf("%8u %8.2f %8.2f %10.2f | %8.2f %8.2f %8.3f %8.2f %8.2f\n", n,
                rondo::modeled_speedup(0.15, n), rondo::queueing_speedup(0.15, n),
                simulated_speedup(0.15, n, n), alone.seconds / with.seconds, n * (1 - with.report.wait), p,
                rondo::modeled_speedup(p, n), rondo::queueing_speedup(p, n));
  }
  std::puts("\na job of six phases, p = 0.05 and 0.9 in turn");
  std::printf("%10s %9s %8s %14s\n", "threads", "seconds", "joined", "thread-seconds");
  for (unsigned n = 1; n <= most; n *= 2) {
    const Run fixed = run(phases(500), n, 0);
    std::printf("%10u %9.3f %8llu %14.3f\n", n, fixed.seconds,
                static_cast<unsigned long long>(fixed.report.joined), fixed.seconds * n);
  }
  const Run live = run(phases(500), most, 0.7);
  std::printf("%5s <= %u %9.3f %8llu %14s\n", "live", most, live.seconds,
              static_cast<unsigned long long>(live.report.joined), "as needed");
  two_jobs(most);
}
