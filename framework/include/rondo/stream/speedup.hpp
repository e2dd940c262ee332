// How much faster n threads are than one, when a part p of the work is critical: done by one thread at a
// time.
//
// Pure functions. p = crit / (crit + par) is the fraction of a thread's busy time that it holds the stream; a
// speed-up of 1 is what one thread does.
#pragma once

#include <cstddef>

#pragma GCC visibility push(default)

namespace rondo {

/// Eyerman and Eeckhout, "Modeling critical sections in Amdahl's law and its implications for multicore
/// design" (ISCA 2010): 1 / max(p^2 + (1 - p^2) / n, p + (1 - p) / (2 n)). Quick, and 4 to 19 % low at p =
/// 0.15 for 5 to 12 threads.
[[nodiscard]] double modeled_speedup(double p, unsigned n);

/// Exact mean-value analysis of the closed queue behind it: n customers (threads), one server (the stream)
/// with mean service time p, and a think time of mean 1 - p (the work units). O(n).
[[nodiscard]] double queueing_speedup(double p, unsigned n);

/// How much faster n threads are than one, if each holds the stream for the share p of its time.
using SpeedupModel = double (*)(double p, unsigned n);

/// The most threads of which the last still brings at least `effectiveness` of a thread: speedup(n) -
/// speedup(n - 1). At least 1, at most threads_max; effectiveness 0 gives threads_max, and what is not a number 1.
/// O(threads_max), with a model of your own as many calls of it.
[[nodiscard]] unsigned useful_threads(double p, unsigned threads_max, double effectiveness = 0.7,
                                      SpeedupModel model = queueing_speedup);

}  // namespace rondo

#pragma GCC visibility pop
