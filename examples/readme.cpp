// Ten thousand random walks, each a state that stays on its worker; only steps and positions travel.
#include <rondo/rondo.hpp>

#include <iostream>
#include <numeric>
#include <random>
#include <vector>

struct Walk {
  std::vector<double> path;  // gigabytes in all, if you like: a walk stays where it is
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& path;
  }
};

class Step : public rondo::Update<Walk, double, double> {
 public:
  double update(Walk& walk, const double& size, const Call& call) override {
    const double last = walk.path.empty() ? 0 : walk.path.back();
    walk.path.push_back(last + std::normal_distribution(0.0, size)(call.random()));
    return walk.path.back();
  }
};

int main(int argc, char** argv) {
  return rondo::run<Step>(argc, argv, [](rondo::Master<Step>& master) {
    master.reset(std::vector<Walk>(10'000));
    for (int round = 1; round <= 100; ++round) {
      const std::vector<double> ends = master.update(0.1);
      const double squares = std::inner_product(ends.begin(), ends.end(), ends.begin(), 0.0);
      if (round % 50 == 0)
        std::cout << "mean square after " << round << " steps: " << squares / 10'000 << "\n";
    }
  });
}
