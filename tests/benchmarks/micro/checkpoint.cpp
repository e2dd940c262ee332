// What a checkpoint costs a run: 2,000 states of 300 kB, written while the next round computes.
//
// Usage: mpirun -np 3 checkpoint FOLDER [MILLISECONDS [ROUNDS]]. An update computes for the milliseconds (1). The same rounds
// (8) are done twice: without checkpoints, then with one every fourth round.
//
//   round_ms, saving_round_ms  the median round, and the longest of those with checkpoints: one that began with a copy, and ran
//                              beside the writing, which wants processors too where there is none to spare
//   safe_point_ms              the longest safe point: what rank 0 itself waits
//   held_up_ms                 by which such a round begins later on the last worker: copying, before anything is updated
//   copy_ms                    what the workers take to copy all states, with nothing else to do
//   ratio                      time of the rounds with checkpoints / without
//   write_ms                   of one checkpoint with nothing else to do
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <rondo/rondo.hpp>
#include <string>
#include <utility>
#include <vector>

#include "micro/busy_states.hpp"

using busy::Clock, busy::doubles, busy::since, busy::states;

// Computes as long as the input says; copies the state instead if that is below 0, and keeps the copy, as a checkpoint does.
// The first one of a round on a worker says when it began.
class Compute : public busy::Compute {
 public:
  double update(std::vector<double>& state, const double& ms, const Call& call) override {
    if (ms >= 0) {
      copies_.clear();
      const double began = std::exchange(round_, call.round()) == call.round() ? 0 : now();
      (void)busy::Compute::update(state, ms, call);
      return began;
    }
    copies_.push_back(state);
    return copies_.back().front();
  }

  // On a clock that all processes of a machine share.
  static double now() {
    return std::chrono::duration<double, std::milli>(Clock::now().time_since_epoch()).count();
  }

 private:
  std::vector<std::vector<double>> copies_;
  std::uint64_t round_ = ~std::uint64_t{0};
};

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "checkpoints";
  const double ms = argc > 2 ? std::strtod(argv[2], nullptr) : 1;
  const std::size_t rounds = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 8;
  const std::string path = "--rondo-checkpoint=" + folder;
  // the options of the program itself: it measures them
  std::vector<std::string> words = {argv[0], path, "--rondo-checkpoint-every=4r"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int count = static_cast<int>(words.size());
  return rondo::run<Compute>(count, arguments.data(), [&](rondo::Master<Compute>& master) {
    master.reset(std::vector<std::vector<double>>(states, std::vector<double>(doubles, 1.0)));
    (void)master.update(ms);
    double longest_safe_point = 0, latest_begin = 0;
    const auto measure = [&](bool saving) {
      std::vector<double> times(rounds);
      latest_begin = 0;
      for (double& time : times) {
        const auto begin = Clock::now();
        const double begin_ms = Compute::now();
        if (saving) master.safe_point(0);
        longest_safe_point = std::max(longest_safe_point, since(begin));
        const std::vector<double> began = master.update(ms);
        time = since(begin);
        latest_begin = std::max(latest_begin, *std::max_element(began.begin(), began.end()) - begin_ms);
      }
      return times;
    };
    const auto copying = Clock::now();
    (void)master.update(-1.0);
    const double copy_ms = since(copying);
    (void)master.update(ms);  // without the copies again
    std::vector<double> without = measure(false);
    const double begin_without = latest_begin;
    longest_safe_point = 0;
    std::vector<double> with = measure(true);
    const double held_up_ms = latest_begin - begin_without;
    const auto begin = Clock::now();
    master.checkpoint(folder, 0);
    const double write_ms = since(begin);
    const double total_without = std::accumulate(without.begin(), without.end(), 0.0);
    const double total_with = std::accumulate(with.begin(), with.end(), 0.0);
    std::nth_element(without.begin(), without.begin() + static_cast<std::ptrdiff_t>(rounds / 2),
                     without.end());
    const double round_ms = without[rounds / 2],
                 saving_round_ms = *std::max_element(with.begin(), with.end());
    std::cout << nlohmann::json{{"workers", master.workers()},
                                {"round_ms", round_ms},
                                {"saving_round_ms", saving_round_ms},
                                {"held_up_ms", held_up_ms},
                                {"copy_ms", copy_ms},
                                {"safe_point_ms", longest_safe_point},
                                {"ratio", total_with / total_without},
                                {"write_ms", write_ms}}
                     .dump()
              << std::endl;
    std::filesystem::remove_all(folder);
  });
}
