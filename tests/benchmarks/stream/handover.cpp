// What the unfair hand-over gains on this machine: the same stream of short work units with the unfair
// hand-over and with a fair one (first come, first served), for several lengths of a unit. Ratios from
// interleaved runs of one process.
//
//   stream_handover_benchmark [threads [rounds]]
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <rondo/stream.hpp>
#include <vector>

#include "contenders.hpp"

namespace {

rondo::Stream<std::monostate> units(std::uint64_t count, std::uint64_t turns,
                                    std::atomic<std::uint64_t>* sum) {
  for (std::uint64_t i = 0; i < count; ++i) {
    auto unit = rondo::work([=] { sum->fetch_add(spin(i, turns) & 1U, std::memory_order_relaxed); });
    rondo::Slot<void> slot = co_yield unit;
    static_cast<void>(slot);
  }
}

double seconds(std::uint64_t count, std::uint64_t turns, unsigned threads, rondo::Handover handover) {
  std::atomic<std::uint64_t> sum = 0;
  const auto start = std::chrono::steady_clock::now();
  (void)rondo::evaluate(units(count, turns, &sum),
                        {.threads_max = threads, .effectiveness = 0, .handover = handover});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned threads = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const double turns = turns_per_microsecond();
  std::printf("%u threads, always all of them, median of %d interleaved rounds\n", threads, rounds);
  std::printf("%8s %14s %14s %18s\n", "unit us", "unfair units/s", "fair units/s", "unfair over fair");
  for (const double cost : {0.1, 1.0, 10.0, 100.0, 1000.0}) {
    const auto count = static_cast<std::uint64_t>(std::clamp(400'000 / cost, 400.0, 1'000'000.0));
    std::array<std::vector<double>, 2> times;
    for (int round = 0; round < rounds; ++round) {
      times[0].push_back(
          seconds(count, static_cast<std::uint64_t>(cost * turns), threads, rondo::Handover::unfair));
      times[1].push_back(
          seconds(count, static_cast<std::uint64_t>(cost * turns), threads, rondo::Handover::fair));
    }
    for (auto& all : times) std::ranges::sort(all);
    const double unfair = times[0][times[0].size() / 2], fair = times[1][times[1].size() / 2];
    std::printf("%8.1f %14.0f %14.0f %18.3f\n", cost, static_cast<double>(count) / unfair,
                static_cast<double>(count) / fair, fair / unfair);
  }
}
