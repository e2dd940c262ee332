// A program whose result depends on libraries. Its first argument is one more of them, which it loads before the run.
#include <dlfcn.h>

#include <cstdlib>
#include <iostream>
#include <vector>

#include <rondo/rondo.hpp>

int model_version();

namespace {

class Versions : public rondo::Update<int, int, int> {
 public:
  int update(int&, const int&, const Call&) override { return model_version(); }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && dlopen(argv[1], RTLD_NOW) == nullptr) {
    std::cerr << dlerror() << std::endl;
    return EXIT_FAILURE;
  }
  return rondo::run<Versions>(argc, argv, [](rondo::Master<Versions>& master) {
    master.reset(std::vector<int>(10));
    int sum = 0;
    for (const int version : master.update(1)) sum += version;
    std::cout << "sum " << sum << std::endl;
  });
}
