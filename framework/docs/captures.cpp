// Coroutines that need a value from outside: four ways that are right.
#include <rondo/stream.hpp>

#include <iostream>
#include <memory>
#include <numeric>
#include <vector>

using rondo::Stream;

// A parameter that is taken by value is copied into the coroutine, and lives as long as that.
Stream<int> multiples(int of, int count) {
  for (int i = 1; i <= count; ++i) co_yield int(i * of);
}

// A lambda without captures is as good as a function. What it needs comes in as parameters.
Stream<int> squares(int count) {
  return [](int end) -> Stream<int> {
    for (int i = 1; i <= end; ++i) co_yield int(i * i);
  }(count);
}

// Behind `|`, the pipeline keeps the lambda and its captures: it may leave this function.
Stream<int> shifted(Stream<int> numbers, int by) {
  return std::move(numbers) | [by](Stream<int> in) -> Stream<int> {
    while (int* n = co_await in.next()) co_yield *n + by;
  };
}

int main() {
  const auto print_sum = [](const char* name, Stream<int> numbers) {
    const std::vector<int> all = rondo::evaluate(std::move(numbers));
    std::cout << name << " " << std::accumulate(all.begin(), all.end(), 0) << "\n";
  };
  print_sum("multiples", multiples(3, 10));
  print_sum("squares", squares(10));
  print_sum("shifted", shifted(squares(10), 100));

  // A lambda that has a name and outlives its streams may capture whatever lives as long.
  const std::vector<int> table{2, 3, 5, 7};
  const auto primes = [&table](int times) -> Stream<int> {
    for (int i = 0; i < times; ++i)
      for (const int prime : table) co_yield int(prime);
  };
  print_sum("primes", primes(2));
}
