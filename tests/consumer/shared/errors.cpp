// A program that hides all of its symbols, and catches by type what a shared Rondo throws. Its status tells whether it could.
#include <rondo/ranks.hpp>
#include <rondo/rondo.hpp>

#include <cstdlib>
#include <iostream>
#include <stop_token>
#include <string>
#include <vector>

namespace {

int missed = 0;

template <class Error, class Function>
void expect(const char* name, const Function& function) {
  try {
    function();
  } catch (const Error&) {
    return;
  } catch (const std::exception& error) {
    std::cout << name << ": caught as something else: " << error.what() << "\n";
  } catch (...) {
    std::cout << name << ": caught as something that is no std::exception\n";
  }
  ++missed;
}

}  // namespace

struct Own : std::exception {};

class Halve : public rondo::Update<std::vector<int>, int, int> {
 public:
  int update(std::vector<int>& state, const int& input, const Call&) override {
    if (input % 2 != 0) throw Own();
    state.push_back(input);
    return input / 2;
  }
};

rondo::Stream<int> numbers() {
  for (int i = 0; i < 1000; ++i) co_yield i;
}

int main(int argc, char** argv) {
  return rondo::run<Halve>(argc, argv, [](rondo::Master<Halve>& master) {
    master.reset(std::vector<std::vector<int>>(5));
    expect<rondo::InputError>("InputError", [&] { (void)master.update(std::vector<int>(3)); });
    expect<rondo::UpdateError>("UpdateError", [&] { (void)master.update(1); });
    expect<rondo::CheckpointError>("CheckpointError", [&] { master.checkpoint("/proc/no/place"); });
    expect<rondo::SerializationError>("SerializationError", [] {
      const std::byte few[2]{};
      std::string text;
      rondo::unpack(few, text);
    });
    std::stop_source source;
    source.request_stop();
    const rondo::StreamOptions stopped{.threads_max = 2, .stop = source.get_token()};
    expect<rondo::Stopped>(
        "Stopped", [&] { (void)rondo::evaluate(numbers() | rondo::map([](int i) { return i; }), stopped); });
    expect<Own>("an exception of its own", [] {
      (void)rondo::evaluate(numbers() | rondo::map([](int i) { return i == 500 ? throw Own() : i; }));
    });
    expect<rondo::Error>("a base class", [&] { (void)master.update(1); });
    if (master.update(4) != std::vector<int>(5, 2)) ++missed;
    return missed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
  });
}
