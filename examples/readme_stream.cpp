// How many of the numbers to 100000 take how many steps of "halve, or triple and add one" to come to 1: the most frequent.
#include <rondo/stream.hpp>

#include <iostream>

struct Length {
  int steps = 0;
  int numbers = 1;
};

rondo::Stream<long> numbers(long last) {
  for (long n = 1; n <= last; ++n) co_yield n;
}

Length length(long n) {
  Length result;
  for (; n != 1; n = n % 2 == 0 ? n / 2 : 3 * n + 1) ++result.steps;
  return result;
}

int main() {
  auto pipeline = numbers(100'000) | rondo::chunks(1000) | rondo::map(length) |
                  rondo::group_by(&Length::steps, [](Length& a, Length b) { a.numbers += b.numbers; }) |
                  rondo::sort_by(&Length::numbers, std::ranges::greater{}) | rondo::take(3);
  for (const Length& l : rondo::evaluate(std::move(pipeline), {.threads_max = 8}))
    std::cout << l.numbers << " numbers take " << l.steps << " steps\n";
}
