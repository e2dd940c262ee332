// What --rondo-recover costs a run that loses nobody: 2,000 states of 300 kB, copied every tenth round.
//
// Usage: mpirun -np 3 recover [MILLISECONDS [ROUNDS [EVERY]]]. An update computes for the milliseconds (1). The same rounds (20)
// are done in two runs, without the option and with it.
//
//   round_ms         the median round without it
//   copying_round_ms the longest with it: one that began with the copies
//   ratio            time of the rounds with it / without; on a machine that others use too only noise
//   ratio_within     of the run with it: time of its rounds / as many of its median ones
//   reset_ratio      the same of the reset, which waits for the first copies
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <rondo/rondo.hpp>
#include <string>
#include <vector>

#include "micro/busy_states.hpp"

namespace {

using busy::Clock, busy::Compute, busy::doubles, busy::since, busy::states;

struct Measured {
  double reset_ms = 0;
  std::vector<double> rounds_ms;
  std::size_t workers = 0;
};

// On rank 0 what was measured, elsewhere nothing.
Measured measure(const std::string& program, const std::vector<std::string>& options, double ms,
                 std::size_t rounds) {
  std::vector<std::string> words = {program};
  words.insert(words.end(), options.begin(), options.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int count = static_cast<int>(words.size());
  Measured measured;
  const int status = rondo::run<Compute>(count, arguments.data(), [&](rondo::Master<Compute>& master) {
    std::vector<std::vector<double>> initial(states, std::vector<double>(doubles, 1.0));
    auto begin = Clock::now();
    master.reset(std::move(initial));
    (void)master.state(master.ids().back());
    measured.reset_ms = since(begin);
    (void)master.update(ms);
    for (std::size_t i = 0; i < rounds; ++i) {
      begin = Clock::now();
      (void)master.update(ms);
      measured.rounds_ms.push_back(since(begin));
    }
    measured.workers = master.workers();
  });
  if (status != 0) std::exit(status);
  return measured;
}

}  // namespace

int main(int argc, char** argv) {
  const double ms = argc > 1 ? std::strtod(argv[1], nullptr) : 1;
  const std::size_t rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 20;
  const std::string every = argc > 3 ? argv[3] : "10";
  Measured without = measure(argv[0], {}, ms, rounds);
  const Measured with = measure(argv[0], {"--rondo-recover", "--rondo-recover-every=" + every}, ms, rounds);
  if (without.rounds_ms.empty()) return 0;  // not rank 0
  const auto total = [](const std::vector<double>& all) {
    return std::accumulate(all.begin(), all.end(), 0.0);
  };
  const double ratio = total(with.rounds_ms) / total(without.rounds_ms);
  std::vector<double> sorted = with.rounds_ms;
  std::sort(sorted.begin(), sorted.end());
  const double ratio_within = total(sorted) / (static_cast<double>(rounds) * sorted[rounds / 2]);
  const auto middle = without.rounds_ms.begin() + static_cast<std::ptrdiff_t>(rounds / 2);
  std::nth_element(without.rounds_ms.begin(), middle, without.rounds_ms.end());
  std::cout << nlohmann::json{{"workers", with.workers},
                              {"round_ms", *middle},
                              {"copying_round_ms",
                               *std::max_element(with.rounds_ms.begin(), with.rounds_ms.end())},
                              {"ratio", ratio},
                              {"ratio_within", ratio_within},
                              {"reset_ratio", with.reset_ms / without.reset_ms}}
                   .dump()
            << std::endl;
}
