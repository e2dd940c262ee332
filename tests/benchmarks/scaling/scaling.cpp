// The published workload in virtual time: 2,000 states, 80 rounds, 0.03 s per update, under the published scheme and
// under Rondo, up to 10,000 workers. Prints one table; takes about a minute.
//
//   scaling [rounds=80] [workers]     with a number of workers only that line, 20 states for each
//
// From 1,000 workers on each line comes without the relay of transport/relay.hpp and with it, whatever its knee says.
//
// The published curve gives no costs. A lognormal spread of 0.6 over the states (with 20 % from round to round), and a
// master that takes 100 us per message and 50 us per input or output, reproduce it within 5 % at each point; Rondo runs the
// same updates. Its own machine is that of machine.hpp: 5 us of latency, 2 us per message.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "simulation/published.hpp"
#include "simulation/simulation.hpp"
#include "simulation/workload.hpp"

namespace rondo::simulation {
namespace {

Workload published_workload(std::uint64_t states) {
  Costs costs;
  costs.mean = 0.03;
  costs.sigma = 0.6;
  costs.states = states;
  return workload(costs);
}

double published_seconds(std::uint32_t workers, std::uint32_t rounds) {
  PublishedSettings settings;
  settings.workers = workers;
  settings.master_message = Seconds(100e-6);
  settings.master_item = Seconds(50e-6);
  const std::vector<double> seconds = run_published(settings, published_workload(2000), 2000, rounds);
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

struct Point {
  std::uint32_t workers;
  std::uint64_t states;
  double published;  // efficiency against 17 workers, from the plot; 0: none
  double wanted;     // of Rondo, against the bound
};

void line(const Point& point, std::uint32_t rounds, double published_base, bool relay) {
  Settings settings = Settings::of(point.workers);
  settings.relay = {};
  if (relay) {
    const auto group = static_cast<std::uint32_t>(std::lround(std::sqrt(point.workers)));
    settings.relay = transport::relay_of(group, point.workers, settings.machine.master_message);
  }
  Simulation simulation(settings, published_workload(point.states));
  simulation.reset(point.states);
  const auto start = std::chrono::steady_clock::now();
  double makespan = 0, bound = 0, busy = 0, work = 0, messages = 0, moved = 0, cold = 0;
  for (std::uint32_t round = 0; round < rounds; ++round) {
    const CallResult result = simulation.update();
    makespan += result.makespan;
    bound += result.bound;
    busy += result.master_busy;
    work += result.work;
    messages += static_cast<double>(result.master_messages) / rounds;
    moved += static_cast<double>(result.stolen + result.refined) / rounds;
    if (round == 0) cold = result.efficiency();
  }
  const std::chrono::duration<double> real = std::chrono::steady_clock::now() - start;
  std::printf("%7u %8lu %5u |", point.workers, static_cast<unsigned long>(point.states),
              settings.relay.group);
  if (point.published > 0) {
    const double seconds = published_seconds(point.workers, rounds);
    std::printf(" %9.2f %9.2f |", point.published, published_base * 17 / (seconds * point.workers));
  } else {
    std::printf(" %9s %9s |", "", "");
  }
  std::printf(" %6.2f %6.3f %6.2f | %9.3f %8.2f %10.0f %8.0f %8.2f %9.1f\n", point.wanted, bound / makespan,
              cold, work / (makespan * point.workers), busy / makespan, messages, moved, real.count(),
              makespan);
}

}  // namespace
}  // namespace rondo::simulation

int main(int argc, char** argv) {
  using namespace rondo::simulation;
  const auto rounds = static_cast<std::uint32_t>(argc > 1 ? std::atoi(argv[1]) : 80);
  const double base = published_seconds(17, rounds);
  std::printf(
      "                       | published scheme    | Rondo against bound  | Rondo                           "
      " per "
      "round | seconds\n");
  std::printf("%7s %8s %5s | %9s %9s | %6s %6s %6s | %9s %8s %10s %8s %8s %9s\n", "workers", "states",
              "group", "published", "simulated", "wanted", "is", "cold", "work/time", "master", "messages",
              "moves", "real", "virtual");
  const auto both = [&](const Point& point) {
    for (const bool relay : {false, true}) {
      if (relay && point.workers < 1000) continue;
      line(point, rounds, base, relay);
      std::fflush(stdout);
    }
  };
  if (argc > 2) {
    const auto workers = static_cast<std::uint32_t>(std::atoi(argv[2]));
    both({workers, 20 * std::uint64_t{workers}, 0, 0});
    return 0;
  }
  for (const Point& point : std::vector<Point>{{36, 2000, 0.93, 0.98},
                                               {89, 2000, 0.78, 0.97},
                                               {179, 2000, 0.59, 0.96},
                                               {323, 2000, 0.39, 0.95},
                                               {449, 2000, 0.28, 0.95},
                                               {1000, 20'000, 0, 0.95},
                                               {10'000, 200'000, 0, 0.90}})
    both(point);
}
