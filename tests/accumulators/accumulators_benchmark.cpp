// What adding a value to an accumulator takes, against a plain loop over doubles.
//
//   cmake -B build -DRONDO_BENCHMARKS=ON && cmake --build build --target accumulators_benchmark &&
//   build/tests/accumulators/accumulators_benchmark
//
// Prints the best of some repetitions, in ns of this thread's processor time per value.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include <rondo/accumulators.hpp>

namespace {

template <class T>
void keep(T& value) {
  asm volatile("" : : "r"(&value) : "memory");
}

double nanoseconds_of_this_thread() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e9 + double(now.tv_nsec);
}

template <class Act>
double best_of(double calls, Act act) {
  double best = INFINITY;
  for (int repetition = 0; repetition < 21; ++repetition) {
    const double start = nanoseconds_of_this_thread();
    act();
    best = std::min(best, nanoseconds_of_this_thread() - start);
  }
  return best / calls;
}

template <class Accumulator>
double per_value(const std::vector<double>& values) {
  return best_of(double(values.size()), [&] {
    Accumulator accumulator{};
    for (const double value : values) accumulator += value;
    keep(accumulator);
  });
}

template <class Accumulator>
double per_merge(const Accumulator& part) {
  constexpr int calls = 100'000;
  Accumulator accumulator{};
  return best_of(calls, [&] {
    for (int i = 0; i < calls; ++i) {
      accumulator += part;
      keep(accumulator);
    }
  });
}

}  // namespace

int main() {
  constexpr int count = 1'000'000;
  std::mt19937_64 random(1);
  const auto unit = [&] { return std::ldexp(double(random() >> 11), -53); };
  struct Kind {
    std::string name;
    std::vector<double> values{};
  };
  std::vector<Kind> kinds{{"positive"}, {"of both signs"}, {"over 200 powers of two"}, {"-1, 1, -1, 1, ..."}};
  for (int i = 0; i < count; ++i) {
    kinds[0].values.push_back(unit());
    kinds[1].values.push_back(2 * unit() - 1);
    kinds[2].values.push_back(std::ldexp(2 * unit() - 1, int(random() % 200) - 100));
    kinds[3].values.push_back(i % 2 == 0 ? -1 : 1);
  }
  std::printf("%-24s %10s %10s %16s %10s   ns per value\n", "", "plain sum", "ExactSum", "MeanAndVariance",
              "Minimum");
  for (const Kind& kind : kinds)
    std::printf("%-24s %10.2f %10.2f %16.2f %10.2f\n", kind.name.c_str(), per_value<double>(kind.values),
                per_value<rondo::ExactSum>(kind.values), per_value<rondo::MeanAndVariance>(kind.values),
                per_value<rondo::Minimum>(kind.values));
  std::printf("merging: ExactSum %.0f ns, MeanAndVariance %.0f ns\n", per_merge(rondo::ExactSum(1.5)),
              per_merge(rondo::MeanAndVariance(1.5)));
}
