// Speed-up by the formula and by mean-value analysis, beside a simulated lock and beside measured runs; and
// what the live adaptation of the number of threads costs or gains on a job with phases, beside every fixed
// number of threads.
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

struct Run {
  double seconds;
  rondo::StreamReport report;
};

Run run(rondo::Stream<std::monostate> stream, unsigned threads, double effectiveness) {
  Run result{};
  const auto start = Clock::now();
  (void)rondo::evaluate(std::move(stream),
                        {.threads_max = threads, .effectiveness = effectiveness, .report = &result.report});
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned most = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 8;
  std::puts(
      "speed-up at p = 0.15 (the p of each measured run is its own, as sleeps take longer than asked for)");
  std::printf("%8s %8s %8s %10s | %8s %8s %8s %8s\n", "threads", "formula", "queueing", "simulated",
              "measured", "its p", "formula", "queueing");
  const Run alone = run(rounds(1500, 0.15, 1), 1, 0);
  for (unsigned n = 1; n <= most; ++n) {
    const Run with = run(rounds(1500, 0.15, 1), n, 0);
    const double p = alone.report.critical_fraction();
    std::printf("%8u %8.2f %8.2f %10.2f | %8.2f %8.3f %8.2f %8.2f\n", n, rondo::modeled_speedup(0.15, n),
                rondo::queueing_speedup(0.15, n), simulated_speedup(0.15, n, n), alone.seconds / with.seconds,
                p, rondo::modeled_speedup(p, n), rondo::queueing_speedup(p, n));
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
}
