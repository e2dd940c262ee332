#include <rondo/stream/speedup.hpp>

#include <algorithm>

namespace rondo {

double modeled_speedup(double p, unsigned n) {
  const double together = p * p + (1 - p * p) / n;
  const double in_turn = p + (1 - p) / (2.0 * n);
  return 1 / std::max(together, in_turn);
}

double queueing_speedup(double p, unsigned n) {
  double queue = 0;  // mean number of threads at the stream, as the next thread to arrive finds it
  double throughput = 0;
  for (unsigned threads = 1; threads <= n; ++threads) {
    const double response = p * (1 + queue);
    throughput = threads / (1 - p + response);
    queue = throughput * response;
  }
  return throughput;
}

unsigned useful_threads(double p, unsigned threads_max, double effectiveness, SpeedupModel model) {
  if (effectiveness <= 0) return std::max(threads_max, 1U);
  unsigned threads = 1;
  for (double reached = model(p, 1); threads < threads_max; ++threads) {
    const double next = model(p, threads + 1);
    if (next - reached < effectiveness) break;
    reached = next;
  }
  return threads;
}

}  // namespace rondo
