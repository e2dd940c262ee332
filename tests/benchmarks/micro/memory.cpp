// How much memory the master and the workers need beside what they hold.
//
// Usage: mpirun -np 3 memory tiny [STATES] | workers | sizes
//
//   tiny      states of 8 bytes, 200,000 without a number: bytes per state that rank 0 holds after some rounds, its outputs not
//             counted, and that a worker holds beside the state
//   workers   400 states of 300 kB, costs that vary, so that states move: the most memory a worker ever had, over
//             1.15 x the most states it ever had + 64 MB
//   sizes     60 states of 2 to 20 MB that take another size with every update: the most memory a worker has while it
//             updates, over 1.3 x the states that it has then + 20 MB of a message + 48 MB
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <rondo/rondo.hpp>
#include <span>
#include <string>
#include <vector>

#include "micro/process.hpp"

namespace {

constexpr int tiny_rounds = 5;

// One in a hundred thousand tells how much memory its process has, in the last round.
class Small : public rondo::Update<double, double, double> {
 public:
  Small() : before_(process::memory_bytes("VmRSS:")) {}
  double update(double& state, const double& input, const Call& call) override {
    state += input;
    const bool tells = call.round() + 1 == tiny_rounds && rondo::value(call.id()) % 100'000 == 0;
    return tells ? process::memory_bytes("VmRSS:") - before_ : 0;
  }

 private:
  double before_;
};

int measure_tiny(rondo::Master<Small>& master, std::size_t states) {
  const double before = process::memory_bytes("VmRSS:");
  master.reset(std::vector<double>(states));
  std::vector<double> outputs;
  for (int round = 0; round < tiny_rounds; ++round) outputs = master.update(1.0);
  const auto count = static_cast<double>(states);
  const double outputs_bytes = count * sizeof(double);
  const double held = process::memory_bytes("VmRSS:") - before - outputs_bytes;
  const double most = process::memory_bytes("VmHWM:") - before - outputs_bytes;
  const double each = count / static_cast<double>(master.workers());
  const double worker = *std::max_element(outputs.begin(), outputs.end());
  const nlohmann::ordered_json line{{"name", "memory-tiny"},
                                    {"states", states},
                                    {"master_bytes_per_state", held / count},
                                    {"master_bytes_per_state_at_most", most / count},
                                    {"worker_bytes_per_state", worker / each - sizeof(double)}};
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

struct Size {
  int process = 0;
  double memory = 0;
  double bytes = 0;
};

// Takes another size with every update.
class Breathing : public rondo::Update<std::vector<double>, double, Size> {
 public:
  static constexpr std::size_t least = 250'000, most = 2'500'000;
  Size update(std::vector<double>& state, const double& input, const Call& call) override {
    auto random = call.random();
    std::vector<double> next(std::uniform_int_distribution<std::size_t>(least, most)(random), input);
    const double memory = process::memory_bytes("VmRSS:");  // with the old one
    state = std::move(next);
    return {getpid(), memory, static_cast<double>(state.size() * sizeof(double))};
  }
};

int measure_sizes(rondo::Master<Breathing>& master) {
  constexpr std::size_t states = 60;
  std::vector<std::vector<double>> initial(states);
  for (std::vector<double>& state : initial) state.assign((Breathing::least + Breathing::most) / 2, 1.0);
  master.reset(std::move(initial));
  double worst = 0.0, held = 0.0;
  for (int round = 0; round < 10; ++round) {
    std::map<int, Size> processes;
    for (const Size& reading : master.update(1.0)) {
      Size& sum = processes[reading.process];
      sum.memory = std::max(sum.memory, reading.memory);
      sum.bytes += reading.bytes;
    }
    for (const auto& [process, sum] : processes) {
      worst = std::max(worst, sum.memory / (1.3 * sum.bytes + Breathing::most * sizeof(double) + 48e6));
      held = std::max(held, sum.memory / sum.bytes);
    }
  }
  const nlohmann::ordered_json line{
      {"name", "memory-sizes"}, {"worker_memory_over_states", held}, {"worker_memory_over_limit", worst}};
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "tiny")
    return rondo::run<Small>(argc, argv, [&](rondo::Master<Small>& master) {
      return measure_tiny(master, argc > 2 ? std::stoul(argv[2]) : 200'000);
    });
  if (what == "workers") return rondo::run<Big>(argc, argv, measure_workers);
  if (what == "sizes") return rondo::run<Breathing>(argc, argv, measure_sizes);
  std::fprintf(stderr, "usage: memory tiny [STATES] | workers | sizes\n");
  return 2;
}
