// Where the bytes go when an ensemble with skewed weights is resampled: 2,000 states of 300 kB.
//
// Usage: mpirun -np 9 resample [MILLISECONDS]. An update sleeps for the milliseconds, so that it matters where states are;
// without, nothing but the resample moves states, and its copies can be counted exactly. Copies may be made as late as
// in the next round, so a figure is that of a resample and a round, less that of a round.
//
//   master_share                       bytes through rank 0 / bytes that went from worker to worker
//   transfers_over_needed              packed states sent / distinct (parent, destination), by where parents were and
//                                      children are; 1 if no copy travels twice
//   update_ms, resample_and_update_ms  a round, and a resample with a round
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <rondo/rondo.hpp>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t states = 2'000;
constexpr std::size_t doubles = 37'500;

using State = std::vector<double>;

// Tells where a state is: the process identifier of its worker. The input is how long to sleep.
class Where : public rondo::Update<State, double, int> {
 public:
  int update(State&, const double& ms, const Call&) override {
    if (ms > 0) std::this_thread::sleep_for(std::chrono::duration<double, std::milli>{ms});
    return getpid();
  }
};

// Systematic resampling of weights that fall off like 1 / i: few parents, most of them on one worker, get most children,
// and most get none.
std::vector<std::uint32_t> skewed_offspring() {
  std::vector<double> weights(states);
  for (std::size_t i = 0; i < states; ++i) weights[i] = 1.0 / static_cast<double>(1 + i);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::uint32_t> offspring(states);
  double cumulated = 0.0;
  double taken = 0.0;
  for (std::size_t i = 0; i < states; ++i) {
    cumulated += weights[i] / total * static_cast<double>(states);
    const double upto = i + 1 == states ? static_cast<double>(states) : std::floor(cumulated + 0.5);
    offspring[i] = static_cast<std::uint32_t>(upto - taken);
    taken = upto;
  }
  return offspring;
}

struct Spent {
  double ms;
  double master_bytes;
  double transfers;
  double transfer_bytes;
};

template <class Action>
Spent spent_by(rondo::Master<Where>& master, Action&& action) {
  const rondo::Profile before = master.profile();
  const auto begin = std::chrono::steady_clock::now();
  action();
  const double ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  const rondo::Profile after = master.profile();
  return {ms, static_cast<double>(after.master_bytes - before.master_bytes),
          static_cast<double>(after.transfers - before.transfers),
          static_cast<double>(after.transfer_bytes - before.transfer_bytes)};
}

int measure(rondo::Master<Where>& master, double update_ms) {
  std::vector<State> initial(states);
  for (std::size_t i = 0; i < states; ++i) initial[i].assign(doubles, static_cast<double>(i));
  master.reset(std::move(initial));
  for (int round = 0; round < 3; ++round) master.update(update_ms);

  const std::vector<std::uint32_t> offspring = skewed_offspring();
  std::vector<int> before;
  std::vector<int> after;
  const Spent update = spent_by(master, [&] { before = master.update(update_ms); });
  const Spent both = spent_by(master, [&] {
    master.resample(offspring);
    after = master.update(update_ms);
  });

  std::set<std::pair<std::size_t, int>> needed;
  for (std::size_t parent = 0, child = 0; parent < states; ++parent)
    for (std::uint32_t i = 0; i < offspring[parent]; ++i, ++child)
      if (after[child] != before[parent]) needed.emplace(parent, after[child]);
  const double transfers = both.transfers - update.transfers;
  const double transfer_bytes = both.transfer_bytes - update.transfer_bytes;
  if (needed.empty() || transfer_bytes <= 0) {
    std::fprintf(stderr, "nothing travelled: resample needs several workers in processes of their own\n");
    return 1;
  }
  const nlohmann::ordered_json line{
      {"name", "resample"},
      {"workers", master.workers()},
      {"master_share", (both.master_bytes - update.master_bytes) / transfer_bytes},
      {"transfers", transfers},
      {"transfers_over_needed", transfers / static_cast<double>(needed.size())},
      {"megabytes_moved", transfer_bytes * 1e-6},
      {"update_ms", update.ms},
      {"resample_and_update_ms", both.ms}};
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return rondo::run<Where>(argc, argv, [&](rondo::Master<Where>& master) {
    return measure(master, argc > 1 ? std::stod(argv[1]) : 0.0);
  });
}
