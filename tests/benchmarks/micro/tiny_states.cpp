// What an update costs when it does nothing: 10,000 states of 8 bytes, with everything between two rounds.
//
//   us_per_update           time of a round / states
//   master_us_per_message   processor time of rank 0 / messages it sent and received, with packing inputs and
//                           unpacking outputs; under mpirun only, where its process has nothing but the master
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <rondo/rondo.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "micro/process.hpp"

namespace {

constexpr std::size_t states = 10'000;
constexpr std::size_t rounds = 100;
constexpr std::size_t rounds_before = 10;  // until costs are known and buffers have their size

class Tiny : public rondo::Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override { return state += input; }
};

int measure(rondo::Master<Tiny>& master, bool alone) {
  master.reset(std::vector<double>(states, 0.0));
  const std::vector<double> inputs(states, 1.0);
  for (std::size_t round = 0; round < rounds_before; ++round) master.update(std::span<const double>{inputs});

  using Clock = std::chrono::steady_clock;
  const rondo::Profile before = master.profile();
  const double cpu_before = process::cpu_seconds();
  const Clock::time_point begin = Clock::now();
  std::vector<double> outputs;
  for (std::size_t round = 0; round < rounds; ++round)
    outputs = master.update(std::span<const double>{inputs});
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  const double cpu = process::cpu_seconds() - cpu_before;
  const auto messages = static_cast<double>(master.profile().master_messages - before.master_messages);

  if (outputs != std::vector<double>(states, static_cast<double>(rounds + rounds_before))) {
    std::fprintf(stderr, "wrong outputs\n");
    return 1;
  }
  nlohmann::ordered_json line{{"name", "tiny-states"},
                              {"workers", master.workers()},
                              {"us_per_update", 1e6 * seconds / (rounds * states)},
                              {"messages_per_round", messages / rounds}};
  if (!alone && messages > 0) line["master_us_per_message"] = 1e6 * cpu / messages;
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool alone = std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr;
  return rondo::run<Tiny>(argc, argv,
                          [alone](rondo::Master<Tiny>& master) { return measure(master, alone); });
}
