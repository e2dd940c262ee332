// The simulator against reality: the reference workload, asleep, under mpirun on 2, 8 and 35 workers, and the same costs on
// the virtual machine, made of what `constants` and `crowding` measured once and of what beside.hpp measures before and after each
// real run. Prints for each number of workers the time of a round, median of all but the first, and the two's ratio, mean of the
// runs; leaves with 1 if one is off by more than the allowed part. And what was measured beside, and what the simulated
// threads did, all of a kind together.
//
//   reality [allowed=0.05] [runs=5] [seed=55]      each run's costs have the next seed
//
// All ranks share this node's cores, and so they do in the simulation. Needs the machine for itself, for 25 s a run.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "beside.hpp"
#include "launch.hpp"
#include "simulation/simulation.hpp"
#include "workload/workload.hpp"

namespace {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

nlohmann::json real_run(std::size_t workers, std::uint64_t seed) {
  return nlohmann::json::parse(
      launch(workers + 1, RONDO_CONTESTANT " --work=sleep --workers=" + std::to_string(workers) +
                              " --seed=" + std::to_string(seed)));
}

// Of some threads, per round: milliseconds that they have a core, and wait for one; how often they sleep, and lose it.
struct Account {
  double ran = 0, waited = 0, slept = 0, ousted = 0;
  void add(const rondo::simulation::Cores::Account& thread, double rounds) {
    ran += thread.ran.count() * 1e3 / rounds;
    waited += thread.waited.count() * 1e3 / rounds;
    slept += static_cast<double>(thread.slept) / rounds;
    ousted += static_cast<double>(thread.ousted) / rounds;
  }
  void print(const char* threads) const {
    std::printf(
        "        | %-20s %7.2f ms on a core, %7.2f waiting for one; falls asleep %5.1f, loses it %5.1f "
        "times\n",
        threads, ran, waited, slept, ousted);
  }
};
struct Accounts {
  Account master, communicate, compute;
};

// Milliseconds of each round. Adds to the accounts what its threads did.
std::vector<double> simulated(std::size_t workers, std::uint64_t seed,
                              const rondo::simulation::Drifting& drifting, Accounts& accounts, int runs) {
  using namespace rondo::simulation;
  reference::Settings reference_settings;
  reference_settings.workers = workers;
  reference_settings.seed = seed;
  const reference::Costs costs(reference_settings);

  Settings settings = Settings::of(static_cast<std::uint32_t>(workers));
  settings.machine =
      crowded(std::thread::hardware_concurrency(), static_cast<std::uint32_t>(workers), drifting);
  Workload workload;
  workload.seconds = [&](rondo::StateId state, std::uint64_t round) {
    return costs.ms(round, rondo::value(state)) * 1e-3;
  };
  settings.machine.update_processor = drifting.pass;
  workload.own_inputs = true;
  Simulation simulation(settings, workload);
  simulation.reset(reference_settings.states);
  std::vector<double> rounds;
  for (std::size_t round = 0; round < reference_settings.rounds; ++round)
    rounds.push_back(simulation.update().makespan * 1e3);
  const double count = static_cast<double>(rounds.size()) * runs;
  const World& world = simulation.world();
  accounts.master.add(world.cores().account(0), count);
  for (Place worker = 1; worker <= workers; ++worker) {
    accounts.communicate.add(world.cores().account(worker), count);
    accounts.compute.add(world.cores().account(world.computing(worker)), count);
  }
  return rounds;
}

void print(const rondo::simulation::Drifting& drifting) {
  const auto us = [](rondo::simulation::Seconds time) { return time.count() * 1e6; };
  std::printf(
      "        | us: a message %.1f, an update's pass %.1f, its nap %.1f; who waits takes %.2f %% of a core;",
      us(drifting.message), us(drifting.pass), us(drifting.nap), drifting.waiting * 100);
  std::printf(" a core that has rested");
  for (const auto& point : drifting.rested)
    std::printf(" %g ms wakes up in %.0f,", point.rest.count() * 1e3, us(point.wakes));
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const double allowed = argc > 1 ? std::atof(argv[1]) : 0.05;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 5;
  const std::uint64_t first_seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 55;
  std::printf(
      "workers | ms per round: real (of %d runs)  simulated   real/simulated | first round: real simulated\n",
      runs);
  bool good = true;
  for (const std::size_t workers : {2, 8, 35}) {
    Accounts accounts;
    std::vector<double> real, real_first, virtual_all, virtual_first;
    const auto seed = [&](int run) { return first_seed + static_cast<std::uint64_t>(run); };
    std::vector<rondo::simulation::Drifting> measured{beside::measure(workers)};
    for (int run = 0; run < runs; ++run) {
      const nlohmann::json result = real_run(workers, seed(run));
      real.push_back(result["ms"]);
      real_first.push_back(result["first_ms"]);
      measured.push_back(beside::measure(workers));
    }
    const rondo::simulation::Drifting drifting = beside::median(measured);
    for (int run = 0; run < runs; ++run) {
      const std::vector<double> rounds = simulated(workers, seed(run), drifting, accounts, runs);
      virtual_first.push_back(rounds.front());
      virtual_all.push_back(median({rounds.begin() + 1, rounds.end()}));
    }
    const auto [least, most] = std::minmax_element(real.begin(), real.end());
    double ratio = 0;
    for (int run = 0; run < runs; ++run)
      ratio += real[static_cast<std::size_t>(run)] / virtual_all[static_cast<std::size_t>(run)] / runs;
    good = good && std::abs(ratio - 1) <= allowed;
    std::printf("%7zu | %8.2f (%.2f to %.2f) %18.2f %16.3f | %17.2f %9.2f\n", workers, median(real), *least,
                *most, median(virtual_all), ratio, median(real_first), median(virtual_first));
    print(drifting);
    accounts.master.print("simulated master");
    accounts.communicate.print("threads that receive");
    accounts.compute.print("threads that compute");
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}
