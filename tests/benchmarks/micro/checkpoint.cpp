// What a checkpoint costs a run: 2,000 states of 300 kB, written while the next round computes.
//
// Usage: mpirun -np 3 checkpoint FOLDER [MILLISECONDS [ROUNDS]]. An update computes for the milliseconds (1). The same rounds
// (16) are done twice: without checkpoints, then with one every fourth round.
//
//   round_ms, saving_round_ms  the median round, and the longest of those with checkpoints: one that began with a copy, and ran
//                              beside the writing, which wants processors too where there is none to spare
//   safe_point_ms              the longest safe point: what rank 0 itself waits
//   held_up_ms                 by which such a round begins later on the last worker: copying, before anything is updated;
//                              median of the rounds with checkpoints
//   copy_ms                    what the workers take to copy all states, with nothing else to do; median of three
//   ratio                      time of the rounds with checkpoints / without
//   write_ms                   of one checkpoint with nothing else to do
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
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

namespace {

// The median of the greatest `count`.
double median_of_greatest(std::vector<double> values, std::size_t count) {
  std::sort(values.begin(), values.end(), std::greater<>());
  return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

double median(const std::vector<double>& values) { return median_of_greatest(values, values.size()); }

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "checkpoints";
  const double ms = argc > 2 ? std::strtod(argv[2], nullptr) : 1;
  const std::size_t rounds = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 16;
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
    double longest_safe_point = 0;
    struct Rounds {
      std::vector<double> times, latest_begins;
    };
    const auto measure = [&](bool saving) {
      Rounds measured;
      for (std::size_t i = 0; i < rounds; ++i) {
        const auto begin = Clock::now();
        const double begin_ms = Compute::now();
        if (saving) {
          master.safe_point(0);
          longest_safe_point = std::max(longest_safe_point, since(begin));
        }
        const std::vector<double> began = master.update(ms);
        measured.times.push_back(since(begin));
        measured.latest_begins.push_back(*std::max_element(began.begin(), began.end()) - begin_ms);
      }
      return measured;
    };
    std::vector<double> copying;
    for (int i = 0; i < 3; ++i) {
      const auto begin = Clock::now();
      (void)master.update(-1.0);
      copying.push_back(since(begin));
      (void)master.update(ms);  // without the copies again
    }
    const Rounds without = measure(false), with = measure(true);
    const double held_up_ms = median_of_greatest(with.latest_begins, std::max<std::size_t>(rounds / 4, 1)) -
                              median(without.latest_begins);
    const auto begin = Clock::now();
    master.checkpoint(folder, 0);
    const double write_ms = since(begin);
    const double total_without = std::accumulate(without.times.begin(), without.times.end(), 0.0);
    const double total_with = std::accumulate(with.times.begin(), with.times.end(), 0.0);
    std::cout << nlohmann::json{{"workers", master.workers()},
                                {"round_ms", median(without.times)},
                                {"saving_round_ms", *std::max_element(with.times.begin(), with.times.end())},
                                {"held_up_ms", held_up_ms},
                                {"copy_ms", median(copying)},
                                {"safe_point_ms", longest_safe_point},
                                {"ratio", total_with / total_without},
                                {"write_ms", write_ms}}
                     .dump()
              << std::endl;
    std::filesystem::remove_all(folder);
  });
}
