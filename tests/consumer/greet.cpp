// What a first program of somebody else's looks like: it includes all of Rondo and sends a class, and then
// a stream of numbers. Its status tells whether the sums are right, and whether there were two workers.
#include <rondo/ranks.hpp>
#include <rondo/rondo.hpp>

#include <cstdlib>
#include <iostream>
#include <numeric>
#include <string>
#include <vector>

struct Counter {
  std::string name;
  long count = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& name& count;
  }
};

class Add : public rondo::Update<Counter, long, long> {
 public:
  long update(Counter& counter, const long& amount, const Call&) override { return counter.count += amount; }
};

int main(int argc, char** argv) {
  return rondo::run<Add>(argc, argv, [](rondo::Master<Add>& master) {
    std::vector<Counter> counters;
    for (int i = 0; i < 100; ++i) counters.push_back({"counter " + std::to_string(i), i});
    master.reset(std::move(counters));
    master.update(1);
    const std::vector<long> counts = master.update(2);
    const long sum = std::accumulate(counts.begin(), counts.end(), 0L);
    const std::string last = master.states().back().name;
    std::cout << "sum " << sum << " on " << master.workers() << " workers, the last is " << last << "\n";
    const auto echo = rondo::evaluate_on(master, rondo::from_range(counts) | rondo::on_ranks(master));
    const bool right =
        echo == counts && sum == 100 * 99 / 2 + 100 * 3 && master.workers() == 2 && last == "counter 99";
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
  });
}
