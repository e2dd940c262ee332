// Starts and ends Rondo without giving it anything to do; to be compared with empty_mpi.
#include <cstdio>
#include <rondo/rondo.hpp>

namespace {

class Nothing : public rondo::Update<double, double, double> {
 public:
  double update(double&, const double&, const Call&) override { return 0.0; }
};

}  // namespace

int main(int argc, char** argv) {
  return rondo::run<Nothing>(argc, argv,
                             [](rondo::Master<Nothing>&) { std::printf("{\"name\":\"empty-rondo\"}\n"); });
}
