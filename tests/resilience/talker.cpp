// A program that talks while it checkpoints, to be started with some of the standard streams closed:
//   talker LOG [--rondo-checkpoint=DIR ...]
// Before run() it opens LOG, which gets one line. It prints from main and from every update, and leaves with 0 if it has
// resumed or done its rounds, with 1 if a checkpoint could not be written or read. With TALKER_CLOSES it closes its error
// stream before run(), and opens LOG.later, which gets one line too, in its main.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <rondo/rondo.hpp>

namespace {

void talk() {
  std::cout << "TALK on cout" << std::endl;
  std::cerr << "TALK on cerr" << std::endl;
  std::fprintf(stderr, "TALK on stderr\n");
}

class Talking : public rondo::Update<std::vector<double>, int, int> {
 public:
  int update(std::vector<double>&, const int& input, const Call&) override {
    talk();
    return input;
  }
};

// As soon as the program is loaded, as libraries do.
std::ofstream early(std::getenv("TALKER_EARLY") != nullptr ? std::getenv("TALKER_EARLY") : "/dev/null");

}  // namespace

int main(int argc, char** argv) {
  std::ofstream log(argc > 1 ? argv[1] : "/dev/null");
  log << "of the program" << std::endl;
  early << "of the program" << std::endl;
  const bool closes = std::getenv("TALKER_CLOSES") != nullptr;
  if (closes) close(STDERR_FILENO);
  return rondo::run<Talking>(argc, argv, [&](rondo::Master<Talking>& master) {
    std::ofstream later(closes ? std::string(argv[1]) + ".later" : "/dev/null");
    later << "of the program" << std::endl;
    int round = 0;
    if (!master.resume(round))
      master.reset(std::vector<std::vector<double>>(6, std::vector<double>(50'000, 1)));
    for (const int last = round + 4; round < last; ++round) {
      talk();
      master.safe_point(round);
      (void)master.update(round);
    }
  });
}
