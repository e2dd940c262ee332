// A state that lives in a C library: chains of springs. Rondo moves, copies and saves them like any other state.
#include <rondo/rondo.hpp>

#include <boost/serialization/array_wrapper.hpp>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <vector>

extern "C" {  // the library, which knows nothing of C++
struct chain {
  int n;
  double *x, *v;  // places and speeds
};
chain* chain_new(int n) {
  chain* c = static_cast<chain*>(std::malloc(sizeof(chain)));
  c->n = n;
  c->x = static_cast<double*>(std::calloc(n, sizeof(double)));
  c->v = static_cast<double*>(std::calloc(n, sizeof(double)));
  return c;
}
void chain_free(chain* c) {
  std::free(c->x);
  std::free(c->v);
  std::free(c);
}
void chain_step(chain* c, double push) {
  for (int i = 0; i < c->n; ++i) {
    const double left = i > 0 ? c->x[i - 1] : push, right = i + 1 < c->n ? c->x[i + 1] : 0;
    c->v[i] += 0.1 * (left - 2 * c->x[i] + right);
  }
  for (int i = 0; i < c->n; ++i) c->x[i] += 0.1 * c->v[i];
}
}

// Owns the handle, so it can be moved and not copied.
class Chain {
 public:
  explicit Chain(int n) : handle_(chain_new(n)) {}
  chain* get() { return handle_.get(); }

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    int n = handle_->n;
    archive& n;
    if (Archive::is_loading::value) handle_.reset(chain_new(n));  // what was there has another size
    archive& boost::serialization::make_array(handle_->x, static_cast<std::size_t>(n));
    archive& boost::serialization::make_array(handle_->v, static_cast<std::size_t>(n));
  }

 private:
  struct Free {
    void operator()(chain* c) const { chain_free(c); }
  };
  std::unique_ptr<chain, Free> handle_;
};

class Step : public rondo::Update<Chain, double, double> {
 public:
  // Chain has no default constructor: this is what a packed one is unpacked into.
  static Chain empty_state() { return Chain(0); }

  double update(Chain& state, const double& push, const Call&) override {
    chain_step(state.get(), push);
    return state.get()->x[0];
  }
};

int main(int argc, char** argv) {
  return rondo::run<Step>(argc, argv, [](rondo::Master<Step>& master) {
    std::vector<Chain> chains;
    for (int n = 1; n <= 4; ++n) chains.emplace_back(n);
    master.reset(std::move(chains));
    for (int round = 0; round < 20; ++round) (void)master.update(1.0);
    master.resample(
        std::vector<std::uint32_t>{0, 0, 0, 3});  // copies of the longest one: packed and unpacked
    for (const double x : master.update(0.0)) std::cout << x << "\n";
  });
}
