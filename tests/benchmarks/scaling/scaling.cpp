// The published workload in virtual time: 2,000 states, 80 rounds, 0.03 s per update, under the published scheme and
// under Rondo, up to 10,000 workers. Prints one table.
//
//   scaling [rounds=80] [seeds=1] [workers] [states]     with a number of workers only that line, 20 states for each if
//                                                        not said
//
// Each seed has costs of its own; of the efficiencies there are median and minimum over the seeds, all else is of all of them
// together. Beside the efficiency stands that of a greedy schedule which nothing delays (losses.hpp), and where the workers' time
// went: before their first update (start), between two, after their last one while others compute (end), and until rank 0
// knows of the last one (tail).
//
// From 1,000 workers on each line comes without the relay of transport/relay.hpp and with it, whatever its knee says.
//
// The published curve gives no costs. A lognormal spread of 0.6 over the states (with 20 % from round to round), and a
// master that takes 100 us per message and 50 us per input or output, reproduce it within 5 % at each point; Rondo runs the
// same updates. Its own machine is that of machine.hpp: 5 us of latency, 2 us per message. "On ours" is the published scheme
// on that one.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "losses.hpp"
#include "published.hpp"
#include "simulation/simulation.hpp"
#include "simulation/workload.hpp"

namespace rondo::simulation {
namespace {

Workload published_workload(std::uint64_t states, std::uint64_t seed) {
  Costs costs;
  costs.seed = seed;
  costs.mean = 0.03;
  costs.sigma = 0.6;
  costs.states = states;
  return workload(costs);
}

// On the machine that reproduces the published curve, or on Rondo's.
enum class On { kPublished, kRondos };
double published_seconds(std::uint32_t workers, std::uint32_t rounds, On on) {
  PublishedSettings settings;
  settings.workers = workers;
  settings.master_message = Seconds(100e-6);
  settings.master_item = Seconds(50e-6);
  if (const Machine machine; on == On::kRondos) {
    settings.latency = machine.latency;
    settings.master_message = machine.master_message;
    settings.master_item = machine.master_item;
    settings.bandwidth = machine.master_bandwidth;
  }
  const std::vector<double> seconds = run_published(settings, published_workload(2000, 1), 2000, rounds);
  return std::accumulate(seconds.begin(), seconds.end(), 0.0);
}

struct Point {
  std::uint32_t workers;
  std::uint64_t states;
  double published;  // efficiency against 17 workers, from the plot; 0: none
  double wanted;     // of Rondo, against the bound
};

// What all rounds of one run were like, summed.
struct Sum {
  double makespan = 0, bound = 0, busy = 0, greedy = 0, messages = 0, moved = 0;
  Losses losses;  // weighted by the makespan
  double real = 0;
  std::uint32_t rounds = 0;

  void add(const CallResult& result, double greedy_round, const Losses& each) {
    ++rounds;
    makespan += result.makespan;
    bound += result.bound;
    busy += result.master_busy;
    greedy += greedy_round;
    messages += static_cast<double>(result.master_messages);
    moved += static_cast<double>(result.stolen + result.refined);
    losses.add(each, result.makespan);
  }
  void print(const char* name) const {
    const auto percent = [&](double loss) { return 100 * loss / makespan; };
    std::printf(" %s %6.3f %6.3f | %5.1f %7.1f %5.1f %5.1f %6.2f | %9.0f %7.0f %7.2f\n", name,
                bound / makespan, bound / greedy, percent(losses.start), percent(losses.between),
                percent(losses.end), percent(losses.tail), busy / makespan, messages / rounds, moved / rounds,
                real);
  }
};

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

// Of the published scheme, against its own 17 workers.
double published_efficiency(std::uint32_t workers, std::uint32_t rounds, On on) {
  return published_seconds(17, rounds, on) * 17 / (published_seconds(workers, rounds, on) * workers);
}

void line(const Point& point, std::uint32_t rounds, std::uint64_t seeds, bool relay) {
  Settings settings = Settings::of(point.workers);
  settings.options.relay =
      relay ? Tunable(static_cast<std::uint64_t>(std::lround(std::sqrt(point.workers)))) : Tunable::off();
  Sum cold, warm;
  std::vector<double> is, greedy;  // of each seed
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const Workload work = published_workload(point.states, seed);
    LossMeter meter(point.workers);
    Simulation simulation(settings, work, &meter);
    simulation.reset(point.states);
    double makespans = 0, bounds = 0, greedy_makespans = 0;
    for (std::uint32_t round = 0; round < rounds; ++round) {
      Sum& sum = round == 0 ? cold : warm;
      const double unhindered = greedy_makespan(simulation, work, point.workers);
      const auto start = std::chrono::steady_clock::now();
      const CallResult result = simulation.update();
      sum.real += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      sum.add(result, unhindered, meter.losses(result.makespan));
      makespans += result.makespan;
      bounds += result.bound;
      greedy_makespans += unhindered;
    }
    is.push_back(bounds / makespans);
    greedy.push_back(bounds / greedy_makespans);
  }
  std::printf("%7u %8lu %5u |", point.workers, static_cast<unsigned long>(point.states),
              settings.options.relay.value_or(0));
  if (point.published > 0) {
    std::printf(" %9.2f %9.2f %9.2f |", point.published,
                published_efficiency(point.workers, rounds, On::kPublished),
                published_efficiency(point.workers, rounds, On::kRondos));
  } else {
    std::printf(" %9s %9s %9s |", "", "", "");
  }
  std::printf(" %6.2f %6.3f %6.3f %6.3f |", point.wanted, median(is), *std::min_element(is.begin(), is.end()),
              median(greedy));
  cold.print("first");
  if (rounds < 2) return;
  std::printf("%86s", "|");
  warm.print("rest ");
}

}  // namespace
}  // namespace rondo::simulation

int main(int argc, char** argv) {
  using namespace rondo::simulation;
  const auto rounds = static_cast<std::uint32_t>(argc > 1 ? std::atoi(argv[1]) : 80);
  const auto seeds = static_cast<std::uint64_t>(argc > 2 ? std::atoi(argv[2]) : 1);
  std::printf("%24s %-30s| %-28s| %-20s| %% of the workers' time lost: %6s | per round\n", "|",
              " published scheme", "Rondo against the bound", "rounds", "master");
  std::printf(
      "%7s %8s %5s | %9s %9s %9s | %6s %6s %6s %6s | %5s %6s %6s | %5s %7s %5s %5s %6s | %9s %7s %7s\n",
      "workers", "states", "group", "published", "simulated", "on ours", "wanted", "median", "least",
      "greedy", "", "is", "greedy", "start", "between", "end", "tail", "busy", "messages", "moves", "real s");
  const auto both = [&](const Point& point) {
    for (const bool relay : {false, true}) {
      if (relay && point.workers < 1000) continue;
      line(point, rounds, seeds, relay);
      std::fflush(stdout);
    }
  };
  if (argc > 3) {
    const auto workers = static_cast<std::uint32_t>(std::atoi(argv[3]));
    both({workers, argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 20UL * workers, 0, 0});
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
