// Uneven work: of ten states, nine take one unit of time and one takes ten. Who knows that only when it is too late?
//
// Rondo does not know the costs in advance either. In the first round each worker gets five states; the one that is done
// first steals the unstarted states of the other, which is inside the long update. In the later rounds the costs are
// known, and the states are where they should be from the start. At best a round takes 10 units on two workers. (Had the
// long update begun later, the first round would have ended later; who knows such a thing in advance calls hint().)
//
//   $ mpirun -np 3 build/examples/02_uneven_work/uneven_work
//   round   units   at best   stolen states
//       1  <number>      <number>   <number>
//       2  <number>      <number>   <number>
//       3  <number>      <number>   <number>
//
// It printed 10.0 to 10.2 units, and 4 stolen states in the first round, none in the others. Without rebalancing the
// states stay where they are, and each round takes 14 units:
//
//   $ mpirun -np 3 build/examples/02_uneven_work/uneven_work --rondo-batch=off
//   round   units   at best   stolen states
//       1  <number>      <number>   0
//       2  <number>      <number>   0
//       3  <number>      <number>   0
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include <rondo/rondo.hpp>

constexpr std::chrono::duration<double> kUnit(0.02);

// State: how many units its updates take. There is nothing to tell it, and it has nothing to say.
class Work : public rondo::Update<int, rondo::Nothing, rondo::Nothing> {
 public:
  rondo::Nothing update(int& units, const rondo::Nothing&, const Call&) override {
    // in place of a computation: it takes the same on a busy machine
    std::this_thread::sleep_for(units * kUnit);
    return {};
  }
};

int main(int argc, char** argv) {
  return rondo::run<Work>(argc, argv, [](rondo::Master<Work>& master) {
    master.reset({10, 1, 1, 1, 1, 1, 1, 1, 1, 1});
    std::puts("round   units   at best   stolen states");
    for (int round = 1; round <= 3; ++round) {
      const rondo::Profile before = master.profile();
      master.update(rondo::Nothing{});
      const rondo::Profile after = master.profile();
      std::printf("%5d  %6.1f    %6.1f   %d\n", round, (after.wall_time - before.wall_time) / kUnit.count(),
                  (after.bound - before.bound) / kUnit.count(),
                  static_cast<int>(after.steals - before.steals));
    }
  });
}
