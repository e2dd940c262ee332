// Squares of the numbers to 1000, in order, on four threads. The status tells whether their sum is right.
#include <rondo/stream.hpp>

#include <cstdlib>
#include <iostream>
#include <numeric>
#include <vector>

rondo::Stream<long> numbers(long last) {
  for (long i = 1; i <= last; ++i) co_yield i;
}

int main() {
  const std::vector<long> squares = rondo::evaluate(
      numbers(1000) | rondo::chunks(10) | rondo::map([](long i) { return i * i; }), {.threads_max = 4});
  const long sum = std::accumulate(squares.begin(), squares.end(), 0L);
  std::cout << "sum " << sum << ", the last is " << squares.back() << "\n";
  return sum == 1000L * 1001 * 2001 / 6 && squares.back() == 1'000'000 ? EXIT_SUCCESS : EXIT_FAILURE;
}
