// The simulator against reality: the reference workload, asleep, under mpirun on 2, 8 and 35 workers, and the same costs on
// the virtual machine, made of what `constants` measures. Prints for each the time of a round, median of all but the
// first, and their ratio; leaves with 1 if one is off by more than the allowed part.
//
//   reality [allowed=0.05] [runs=3]
//
// All ranks share this node's cores, and so they do in the simulation. Needs the machine for itself.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

#include "simulation/simulation.hpp"
#include "workload/workload.hpp"

namespace {

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

nlohmann::json real_run(std::size_t workers, std::uint64_t seed) {
  const std::string command = RONDO_LAUNCHER " -np " + std::to_string(workers + 1) +
                              " " RONDO_CONTESTANT " --work=sleep --workers=" + std::to_string(workers) +
                              " --seed=" + std::to_string(seed);
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot start " + command);
  char line[4096];
  std::string said;
  while (std::fgets(line, sizeof line, pipe) != nullptr) said += line;
  if (pclose(pipe) != 0) throw std::runtime_error(command + " failed");
  return nlohmann::json::parse(said);
}

// Milliseconds of each round.
std::vector<double> simulated(std::size_t workers, std::uint64_t seed) {
  using namespace rondo::simulation;
  reference::Settings reference_settings;
  reference_settings.workers = workers;
  reference_settings.seed = seed;
  const reference::Costs costs(reference_settings);

  Settings settings = Settings::of(static_cast<std::uint32_t>(workers));
  settings.machine = crowded(std::thread::hardware_concurrency(), static_cast<std::uint32_t>(workers));
  Workload workload;
  workload.seconds = [&](rondo::StateId state, std::uint64_t round) {
    return costs.ms(round, rondo::value(state)) * 1e-3 + settings.machine.oversleep.count();
  };
  workload.processor = kReferenceUpdate;
  workload.own_inputs = true;
  Simulation simulation(settings, workload);
  simulation.reset(reference_settings.states);
  std::vector<double> rounds;
  for (std::size_t round = 0; round < reference_settings.rounds; ++round)
    rounds.push_back(simulation.update().makespan * 1e3);
  if (getenv("SIM")) {double x[3][4]={};
   for (unsigned t = 0; t < 2*workers+1; ++t) { auto& a = simulation.cores().account(t); int k = t<workers?0:t==workers?1:2; x[k][0]+=a.ran.count(); x[k][1]+=a.waited.count(); x[k][2]+=double(a.slept);x[k][3]+=double(a.ousted);}
   double mean=0; for(double r:rounds) mean+=r/20;
   std::printf("mean %.2f\n", mean);
   for (int k=0;k<3;++k) std::printf("%s ran %.3f waited %.3f slept %.1f ousted %.1f\n", k==0?"comm":k==1?"master":"compute", x[k][0]*1e3/20,x[k][1]*1e3/20,x[k][2]/20,x[k][3]/20);}
  return rounds;
}

}  // namespace

int main(int argc, char** argv) {
  const double allowed = argc > 1 ? std::atof(argv[1]) : 0.05;
  const int runs = argc > 2 ? std::atoi(argv[2]) : 3;
  std::printf(
      "workers | ms per round: real (of %d runs)  simulated   real/simulated | first round: real simulated\n",
      runs);
  bool good = true;
  for (const std::size_t workers : {2, 8, 35}) {
    std::vector<double> real, real_first, virtual_all, virtual_first;
    for (int run = 0; run < runs; ++run) {
      const std::uint64_t seed = 55 + static_cast<std::uint64_t>(run);
      if (!getenv("SIM")) {const nlohmann::json result = real_run(workers, seed);
      real.push_back(result["ms"]);
      real_first.push_back(result["first_ms"]);} else {real.push_back(1);real_first.push_back(1);}
      const std::vector<double> rounds = simulated(workers, seed);
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
    std::fflush(stdout);
  }
  return good ? 0 : 1;
}
