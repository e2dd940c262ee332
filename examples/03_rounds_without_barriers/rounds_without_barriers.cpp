// Rounds without barriers: where an update depends on its own state and input alone, a state need not wait for others.
//
// Two states take turns in being slow. update() ends a round when the slower one is done, so ten rounds take ten slow
// updates. evolve() takes each state through the same inputs at its own pace: five slow updates and five quick ones. The
// outputs are the same, and come in the order of the rounds.
//
//   $ mpirun -np 3 build/examples/03_rounds_without_barriers/rounds_without_barriers
//   update: <number> slow updates' time, outputs 0 0 1 1 3 3 6 6 10 10 15 15 21 21 28 28 36 36 45 45
//   evolve: <number> slow updates' time, outputs 0 0 1 1 3 3 6 6 10 10 15 15 21 21 28 28 36 36 45 45
//
// It printed 10.1 and 5.7.
#include <chrono>
#include <iostream>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include <rondo/rondo.hpp>

constexpr std::chrono::duration<double> kSlow(0.02);

struct Sum {
  int parity;
  int sum;
};

// Adds a number, slowly if it is as even or odd as the state.
class Add : public rondo::Update<Sum, int, int> {
 public:
  int update(Sum& state, const int& number, const Call&) override {
    std::this_thread::sleep_for(number % 2 == state.parity ? kSlow : kSlow / 10);
    return state.sum += number;
  }
};

void print(std::string_view name, double seconds, const std::vector<int>& outputs) {
  std::cout << name << ": " << seconds / kSlow.count() << " slow updates' time, outputs";
  for (const int output : outputs) std::cout << ' ' << output;
  std::cout << '\n';
}

int main(int argc, char** argv) {
  return rondo::run<Add>(argc, argv, [](rondo::Master<Add>& master) {
    const std::vector<int> numbers{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    std::vector<int> outputs;
    const auto keep = [&](std::size_t, std::span<const int> round) {
      outputs.insert(outputs.end(), round.begin(), round.end());
    };
    std::cout.precision(3);

    master.reset({Sum{0, 0}, Sum{1, 0}});
    for (const int number : numbers) keep(0, master.update(number));
    const double with_barriers = master.profile().wall_time;
    print("update", with_barriers, outputs);

    outputs.clear();
    master.reset({Sum{0, 0}, Sum{1, 0}});
    master.evolve(numbers, keep);
    print("evolve", master.profile().wall_time - with_barriers, outputs);
  });
}
