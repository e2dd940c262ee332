// Where the bytes go when an ensemble with skewed weights is resampled: 2,000 states of 300 kB.
//
// Usage: mpirun -np 9 resample [--rondo-batch=off].
//
//   master_share   bytes through rank 0 / bytes that went from worker to worker
//   transfers_over_needed   packed states sent / distinct (parent, destination) pairs, by where parents were
//   before and
//                           children are after; 1 if no copy travels twice
//   mean_update_ms, resample_ms   a round of empty updates, and a resample with such a round
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <rondo/rondo.hpp>
#include <set>
#include <vector>

namespace {

constexpr std::size_t states = 2'000;
constexpr std::size_t doubles = 37'500;

using State = std::vector<double>;

// Tells where a state is: the process identifier of its worker.
class Where : public rondo::Update<State, double, int> {
 public:
  int update(State&, const double&, const Call&) override { return getpid(); }
};

// Systematic resampling of weights that fall off like 1 / rank: few parents get most children, most get none.
std::vector<std::uint32_t> skewed_offspring() {
  std::vector<double> weights(states);
  for (std::size_t i = 0; i < states; ++i) weights[i] = 1.0 / static_cast<double>(1 + (i * 7919) % states);
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

int measure(rondo::Master<Where>& master) {
  std::vector<State> initial(states);
  for (std::size_t i = 0; i < states; ++i) initial[i].assign(doubles, static_cast<double>(i));
  master.reset(std::move(initial));
  for (int round = 0; round < 3; ++round) master.update(0.0);

  const std::vector<std::uint32_t> offspring = skewed_offspring();
  std::vector<int> before;
  std::vector<int> after;
  const Spent update = spent_by(master, [&] { before = master.update(0.0); });
  const Spent both = spent_by(master, [&] {
    master.resample(offspring);
    after = master.update(0.0);
  });

  std::set<std::pair<std::size_t, int>> needed;
  for (std::size_t parent = 0, child = 0; parent < states; ++parent)
    for (std::uint32_t i = 0; i < offspring[parent]; ++i, ++child)
      if (after[child] != before[parent]) needed.emplace(parent, after[child]);
  if (needed.empty() || both.transfer_bytes == 0) {
    std::fprintf(stderr, "nothing travelled: resample needs several workers in processes of their own\n");
    return 1;
  }
  const double transfers = both.transfers - update.transfers;
  const nlohmann::ordered_json line{{"name", "resample"},
                                    {"workers", master.workers()},
                                    {"master_share", both.master_bytes / both.transfer_bytes},
                                    {"transfers", transfers},
                                    {"transfers_over_needed", transfers / static_cast<double>(needed.size())},
                                    {"megabytes_moved", both.transfer_bytes * 1e-6},
                                    {"mean_update_ms", update.ms},
                                    {"resample_ms", both.ms}};
  std::printf("%s\n", line.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return rondo::run<Where>(argc, argv, measure); }
