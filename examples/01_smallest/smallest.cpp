// The smallest program: three savings accounts through four years, each year with its rate of interest.
//
// The balances stay with the workers; only a rate goes out each year, and the interest comes back. Run it alone (then the
// workers are threads) or under a launcher (then they are its other ranks): the result is the same.
//
//   $ mpirun -np 3 build/examples/01_smallest/smallest
//   3 %: 3 30 300
//   5 %: 5.15 51.5 515
//   4 %: 4.326 43.26 432.6
//   6 %: 6.74856 67.4856 674.856
//   balances: 119.225 1192.25 11922.5
#include <iostream>

#include <rondo/rondo.hpp>

// State: the balance. Input: a rate. Output: the interest of the year.
class Year : public rondo::Update<double, double, double> {
 public:
  double update(double& balance, const double& rate, const Call&) override {
    const double interest = balance * rate;
    balance += interest;
    return interest;
  }
};

int main(int argc, char** argv) {
  return rondo::run<Year>(argc, argv, [](rondo::Master<Year>& master) {  // this function is for rank 0 only
    master.reset({100, 1000, 10000});
    for (const int percent : {3, 5, 4, 6}) {
      std::cout << percent << " %:";
      for (const double interest : master.update(percent / 100.0)) std::cout << ' ' << interest;
      std::cout << '\n';
    }
    std::cout << "balances:";
    for (const double balance : master.states()) std::cout << ' ' << balance;
    std::cout << '\n';
  });
}
