// How good the schedules are, in virtual time: the reference workload, cold and warm, drifting and with spikes, and
// what rounds without a barrier gain. Beside the first round (cold), of which nobody knows anything, stands the greedy one: the
// states in their order, each to whoever is free first, and nothing takes time but the updates. Prints one table; takes seconds.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <string>
#include <vector>

#include "losses.hpp"
#include "simulation/simulation.hpp"
#include "simulation/workload.hpp"

namespace rondo::simulation {
namespace {

// A node whose ranks have a core each, and one with many more ranks than cores.
Machine node() { return {}; }
Machine crowded_node() {
  Machine machine;
  machine.latency = Seconds(30e-6);
  machine.latency_jitter = 1;
  machine.bandwidth = 4e9;
  machine.master_message = Seconds(10e-6);
  machine.worker_message = Seconds(10e-6);
  machine.update_overhead = Seconds(2e-6);
  return machine;
}

struct Figures {
  double first = 0;  // makespan of the first round, over its bound
  double greedy = 0;
  double rest = 0;                                                 // the same of all the others, summed
  double stolen = 0, refined = 0, gifts = 0, master_messages = 0;  // per round after the first
};

Figures measure(std::uint32_t workers, std::uint64_t states, int rounds, const Machine& machine,
                Costs costs) {
  constexpr int kSeeds = 10;
  constexpr int kFirst = 100;  // what begins late in the first round is luck: that takes many seeds
  Figures sum;
  for (int seed = 1; seed <= kFirst; ++seed) {
    Settings settings = Settings::of(workers);
    settings.machine = machine;
    settings.seed = static_cast<std::uint64_t>(seed);
    costs.seed = static_cast<std::uint64_t>(seed) * 1000;
    costs.states = states;
    const Workload work = workload(costs);
    Simulation simulation(settings, work);
    simulation.reset(states);
    const double greedy = greedy_makespan(simulation, work, workers);
    double makespan = 0, bound = 0;
    for (int round = 0; round < (seed <= kSeeds ? rounds : 1); ++round) {
      const CallResult result = simulation.update();
      if (round == 0) {
        sum.first += result.makespan / result.bound / kFirst;
        sum.greedy += greedy / result.bound / kFirst;
        continue;
      }
      makespan += result.makespan;
      bound += result.bound;
      const double each = 1.0 / (kSeeds * (rounds - 1));
      sum.stolen += static_cast<double>(result.stolen) * each;
      sum.refined += static_cast<double>(result.refined) * each;
      sum.gifts += static_cast<double>(result.gifts) * each;
      sum.master_messages += static_cast<double>(result.master_messages) * each;
    }
    if (seed <= kSeeds) sum.rest += makespan / bound / kSeeds;
  }
  return sum;
}

void table(const char* title, const Machine& machine) {
  std::printf("\n%s; makespan over bound, mean of 10 seeds, cold of 100\n", title);
  std::printf("%-34s %7s %7s %7s | per round: %6s %7s %6s %8s\n", "", "cold", "greedy", "warm", "stolen",
              "refined", "gifts", "messages");
  const auto line = [&](const char* name, std::uint32_t workers, std::uint64_t states, int rounds,
                        const Costs& costs) {
    const Figures f = measure(workers, states, rounds, machine, costs);
    std::printf("%-27s P = %-3u %7.3f %7.3f %7.3f | %17.1f %7.1f %6.1f %8.1f\n", name, workers, f.first,
                f.greedy, f.rest, f.stolen, f.refined, f.gifts, f.master_messages);
  };
  for (const std::uint32_t workers : {2U, 8U, 35U}) {
    line("reference, 400 states", workers, 400, 20, {});
    line("  drift 0.1", workers, 400, 40, {.drift = 0.1});
    line("  spikes every 10 rounds", workers, 400, 40, {.spike_period = 10});
    line("  redrawn each round", workers, 400, 20, {.redraw = true});
  }
  line("no jitter", 8, 400, 20, {.jitter = 0});
  line("no jitter", 35, 400, 20, {.jitter = 0});
  line("mean 100 us", 8, 400, 20, {.mean = 1e-4});
  line("mean 30 ms", 35, 400, 20, {.mean = 30e-3});
}

void ten_states() {
  std::printf("\n10 states, 9 of 1 unit and one of 10, 2 workers: units for each place of the long one\n");
  for (const double unit : {1e-3, 1e-2, 1.0}) {
    std::printf("  unit %5g s  cold:", unit);
    std::vector<double> second;
    for (std::uint64_t place = 0; place < 10; ++place) {
      Workload work;
      work.seconds = [=](StateId state, std::uint64_t) { return value(state) == place ? 10 * unit : unit; };
      Simulation simulation(Settings::of(2), work);
      simulation.reset(10);
      std::printf(" %6.2f", simulation.update().makespan / unit);
      second.push_back(simulation.update().makespan / unit);
    }
    std::printf("\n               second:");
    for (const double each : second) std::printf(" %6.2f", each);
    std::printf("\n");
  }
}

void barrier(const Machine& machine) {
  double update = 0, evolve = 0, bound = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Settings settings = Settings::of(35);
    settings.machine = machine;
    const Costs costs{.redraw = true, .states = 140, .seed = seed};
    Simulation with(settings, workload(costs));
    with.reset(140);
    for (int round = 0; round < 20; ++round) update += with.update().makespan;
    Simulation without(settings, workload(costs));
    without.reset(140);
    const CallResult result = without.evolve(20);
    evolve += result.makespan;
    bound += result.bound;
  }
  std::printf("evolve, 140 states, 35 workers, 20 rounds: %.2f x faster than update, %.3f of its bound\n",
              update / evolve, evolve / bound);
}

}  // namespace
}  // namespace rondo::simulation

int main() {
  using namespace rondo::simulation;
  table("a core for each rank", node());
  table("ranks that share cores", crowded_node());
  ten_states();
  barrier(node());
  barrier(crowded_node());
}
