// Coroutines that are lambdas, and where the values live that they use.
#include <rondo/stream.hpp>

#include <iostream>
#include <utility>

// A source. The lambda has no captures: what it needs are its parameters, which live in the coroutine.
rondo::Stream<int> multiples(int of, int last) {
  return [](int step, int end) -> rondo::Stream<int> {
    for (int n = step; n <= end; n += step) co_yield n;
  }(of, last);
}

int main() {
  const int limit = 20, power = 3;
  // Stages. The pipeline owns each lambda with its captures, as long as its stream lives.
  auto pipeline = multiples(3, 30) | [limit](rondo::Stream<int> in) -> rondo::Stream<int> {
    while (int* n = co_await in.next())
      if (*n <= limit) co_yield *n;
  } | [power](rondo::Stream<int> in) -> rondo::Stream<long> {
    while (int* n = co_await in.next()) {
      // A unit of work runs outside of the stream, so it has values of its own. It has a name, too.
      auto unit = rondo::work([base = *n, times = power] {
        long result = 1;
        for (int i = 0; i < times; ++i) result *= base;
        return result;
      });
      rondo::Slot<long> slot = co_yield unit;
      const long result = co_await slot;
      co_yield result;
    }
  };
  for (const long cube : rondo::evaluate(std::move(pipeline))) std::cout << cube << "\n";
}
