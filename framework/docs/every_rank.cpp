// Which updates see a global variable that is set before run(), and one that is set inside?
#include <rondo/rondo.hpp>

#include <iostream>
#include <vector>

int before = 0;
int inside = 0;

struct Seen {
  int before, inside;
};

class Look : public rondo::Update<int, int, Seen> {
 public:
  Seen update(int&, const int&, const Call&) override { return {before, inside}; }
};

int main(int argc, char** argv) {
  before = 1;  // on every rank: each of them is a process of its own that runs main()
  return rondo::run<Look>(argc, argv, [](rondo::Master<Look>& master) {
    inside = 1;  // on rank 0, as everything in here
    master.reset(std::vector<int>(6));
    int see_before = 0, see_inside = 0;
    for (const Seen& seen : master.update(0)) see_before += seen.before, see_inside += seen.inside;
    std::cout << "of 6 updates " << see_before << " see what is set before run(), and " << see_inside
              << " what is set inside\n";
  });
}
