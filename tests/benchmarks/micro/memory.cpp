// How much memory the master and the workers need beside what they hold.
//
// Usage: mpirun -np 3 memory master|workers.
//
//   master    200,000 states of 8 bytes: bytes per state that rank 0 holds after some rounds, its outputs not counted
//   workers   400 states of 300 kB, costs that vary, so that states move: the most memory a worker ever had, over
//             1.15 x the most states it ever had + 64 MB
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <rondo/rondo.hpp>
#include <span>
#include <string>
#include <vector>

#include "micro/process.hpp"

namespace {

class Small : public rondo::Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override { return state += input; }
};

int measure_master(rondo::Master<Small>& master) {
  constexpr std::size_t states = 200'000;
  constexpr int rounds = 5;
  const double before = process::memory_bytes("VmRSS:");
  master.reset(std::vector<double>(states));
  std::vector<double> outputs;
  for (int round = 0; round < rounds; ++round) outputs = master.update(1.0);
  const double outputs_bytes = static_cast<double>(outputs.size() * sizeof(double));
  const double held = process::memory_bytes("VmRSS:") - before - outputs_bytes;
  const double most = process::memory_bytes("VmHWM:") - before - outputs_bytes;
  const nlohmann::ordered_json line{{"name", "memory-master"},
                                    {"master_bytes_per_state", held / states},
                                    {"master_bytes_per_state_at_most", most / states}};
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

struct Reading {
  int process = 0;
  double memory_most = 0;
};

// Works for as many microseconds as the input times a number that changes with the state and the round.
class Big : public rondo::Update<std::vector<double>, double, Reading> {
 public:
  Reading update(std::vector<double>& state, const double& input, const Call&) override {
    for (double& value : state) value = 0.5 * value + input;
    const auto steps = static_cast<int>(state[0] * 97 + input * 13) % 10;
    for (int step = 0; step < steps; ++step)
      for (double& value : state) value = 0.5 * value + input;
    return {getpid(), process::memory_bytes("VmHWM:")};
  }
};

int measure_workers(rondo::Master<Big>& master) {
  constexpr std::size_t states = 400;
  constexpr std::size_t doubles = 37'500;
  std::vector<std::vector<double>> initial(states);
  for (std::size_t i = 0; i < states; ++i) initial[i].assign(doubles, static_cast<double>(i));
  master.reset(std::move(initial));
  constexpr double placed = states * doubles * sizeof(double);  // evenly, before the first round
  std::map<int, double> held;                                   // when it was most
  std::map<int, double> most;
  for (int round = 0; round < 20; ++round) {
    std::map<int, double> now;
    for (const Reading& reading : master.update(static_cast<double>(round))) {
      now[reading.process] += doubles * sizeof(double);
      most[reading.process] = std::max(most[reading.process], reading.memory_most);
    }
    for (const auto& [process, bytes] : now) {
      held[process] = std::max({held[process], bytes, placed / static_cast<double>(master.workers())});
    }
  }
  double worst = 0.0;
  for (const auto& [process, bytes] : held) worst = std::max(worst, most[process] / (1.15 * bytes + 64e6));
  const nlohmann::ordered_json line{
      {"name", "memory-workers"}, {"workers_seen", held.size()}, {"worker_memory_over_limit", worst}};
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "master") return rondo::run<Small>(argc, argv, measure_master);
  if (what == "workers") return rondo::run<Big>(argc, argv, measure_workers);
  std::fprintf(stderr, "usage: memory master|workers\n");
  return 2;
}
