// What an update costs when it does nothing: states of 8 bytes, with everything between two rounds.
//
// Usage: tiny_states [STATES], 10,000 without it. As many rounds as make a million updates, but no fewer than three.
//
//   us_per_update           time of a round / states
//   steals_per_update       of states that are all alike
//   master_us_per_message   processor time of rank 0 / messages it sent and received, with packing inputs and
//                           unpacking outputs; under mpirun only, where its process has nothing but the master
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <rondo/rondo.hpp>
#include <span>
#include <string>
#include <vector>

#include "micro/process.hpp"

namespace {

class Tiny : public rondo::Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override { return state += input; }
};

int measure(rondo::Master<Tiny>& master, std::size_t states, bool alone) {
  const std::size_t rounds = std::max<std::size_t>(3, 1'000'000 / states);
  // until costs are known and buffers have their size
  const std::size_t rounds_before = std::clamp<std::size_t>(100'000 / states, 2, 10);
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
  const rondo::Profile after = master.profile();
  const auto messages = static_cast<double>(after.master_messages - before.master_messages);
  const auto updates = static_cast<double>(rounds * states);

  if (outputs != std::vector<double>(states, static_cast<double>(rounds + rounds_before))) {
    std::fprintf(stderr, "wrong outputs\n");
    return 1;
  }
  nlohmann::ordered_json line{
      {"name", "tiny-states"},
      {"workers", master.workers()},
      {"states", states},
      {"us_per_update", 1e6 * seconds / updates},
      {"messages_per_round", messages / static_cast<double>(rounds)},
      {"steals_per_update", static_cast<double>(after.steals - before.steals) / updates}};
  if (alone) line["cpu_us_per_update"] = 1e6 * cpu / updates;  // of all threads
  if (!alone && messages > 0) line["master_us_per_message"] = 1e6 * cpu / messages;
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const bool alone = std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr;
  return rondo::run<Tiny>(argc, argv, [&](rondo::Master<Tiny>& master) {
    return measure(master, argc > 1 ? std::stoul(argv[1]) : 10'000, alone);
  });
}
