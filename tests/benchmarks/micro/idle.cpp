// How much of a core the waiting ranks take while one worker is inside a long update.
//
// Usage: mpirun -np 3 idle [SECONDS]. The long update sleeps, so that the cores are free and every bit of
// processor time that the others take is waiting. Prints fractions of one core: of the worst idle worker, of
// the rank with the long update (its thread that communicates), of the master.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <rondo/rondo.hpp>
#include <string>
#include <thread>
#include <vector>

#include "micro/process.hpp"

namespace {

struct Reading {
  int process = 0;
  double cpu_seconds = 0;
};

// The input is how long state 0 is to sleep.
class Sleeper : public rondo::Update<int, double, Reading> {
 public:
  Reading update(int& state, const double& seconds, const Call&) override {
    const Reading reading{getpid(), process::cpu_seconds()};
    if (state == 0) std::this_thread::sleep_for(std::chrono::duration<double>{seconds});
    return reading;
  }
};

using ByProcess = std::map<int, double>;

ByProcess by_process(const std::vector<Reading>& readings) {
  ByProcess last;
  for (const Reading& reading : readings) {
    double& cpu = last[reading.process];
    cpu = std::max(cpu, reading.cpu_seconds);
  }
  return last;
}

int measure(rondo::Master<Sleeper>& master, double seconds) {
  std::vector<int> states(16);
  for (std::size_t i = 0; i < states.size(); ++i) states[i] = static_cast<int>(i);
  master.reset(states);
  for (int round = 0; round < 5; ++round) master.update(0.0);

  const double master_before = process::cpu_seconds();
  const std::vector<Reading> readings = master.update(seconds);
  const double master_cpu = process::cpu_seconds() - master_before;
  const ByProcess before = by_process(readings);
  const ByProcess after = by_process(master.update(0.0));

  double idle = -1.0;
  double busy = -1.0;
  for (const auto& [process, cpu] : after) {
    const auto found = before.find(process);
    if (found == before.end()) continue;
    double& worst = process == readings.front().process ? busy : idle;
    worst = std::max(worst, (cpu - found->second) / seconds);
  }
  if (idle < 0) {
    std::fprintf(stderr, "no worker was seen idle\n");
    return 1;
  }
  nlohmann::ordered_json line{
      {"name", "idle"}, {"idle_worker", idle}, {"master", master_cpu / seconds}, {"seconds", seconds}};
  if (busy >= 0) line["worker_in_the_long_update"] = busy;
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return rondo::run<Sleeper>(argc, argv, [&](rondo::Master<Sleeper>& master) {
    return measure(master, argc > 1 ? std::stod(argv[1]) : 10.0);
  });
}
