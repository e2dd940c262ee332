#include <rondo/stream/speedup.hpp>

#include <algorithm>

namespace rondo {

double modeled_speedup(double p, unsigned n) {
  const double together = p * p + (1 - p * p) / n;
  const double in_turn = p + (1 - p) / (2.0 * n);
  return 1 / std::max(together, in_turn);
}

namespace {

// queueing_speedup of one thread after the other.
class Queue {
 public:
  explicit Queue(double p) : p_(p) {}
  double with_one_more() {
    const double response = p_ * (1 + queue_);
    const double throughput = ++threads_ / (1 - p_ + response);
    queue_ = throughput * response;
    return throughput;
  }

 private:
  double p_;
  double queue_ = 0;  // mean number of threads at the stream, as the next thread to arrive finds it
  unsigned threads_ = 0;
};

}  // namespace

double queueing_speedup(double p, unsigned n) {
  Queue queue(p);
  double throughput = 0;
  for (unsigned threads = 1; threads <= n; ++threads) throughput = queue.with_one_more();
  return throughput;
}

unsigned useful_threads(double p, unsigned threads_max, double effectiveness, SpeedupModel model) {
  if (effectiveness <= 0) return std::max(threads_max, 1U);
  Queue queue(p);
  const auto speedup = [&](unsigned n) {
    return model == queueing_speedup ? queue.with_one_more() : model(p, n);
  };
  unsigned threads = 1;
  for (double reached = speedup(1); threads < threads_max; ++threads) {
    const double next = speedup(threads + 1);
    if (!(next - reached >= effectiveness)) break;
    reached = next;
  }
  return threads;
}

}  // namespace rondo
