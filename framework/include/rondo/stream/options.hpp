// How an evaluation is run, and what it tells afterwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include <rondo/error.hpp>

#pragma GCC visibility push(default)

namespace rondo {

class CoreBudget;

/// A stop request ended the evaluation before the stream had ended.
class Stopped : public Error {
 public:
  using Error::Error;
};

/// Which thread gets the stream when another one puts it back; see framework/stream/baton.hpp.
enum class Handover : std::uint8_t { unfair, fair };

/// What one evaluation did. The fractions are of the threads' time and add up to 1; they are exponential
/// moving averages, so they tell of the last phase.
struct StreamReport {
  std::uint64_t units = 0;   ///< work units
  unsigned threads_max = 1;  ///< threads at work at the same time, at most
  std::uint64_t joined = 0;  ///< how often a thread joined, or came back from a rest
  double crit = 0;           ///< holding the stream
  double wait = 0;           ///< waiting for it, or for results
  double par = 0;            ///< running work units
  /// The share of a unit's time in which its thread holds the stream: crit / (crit + par), or 0 if nothing was measured.
  [[nodiscard]] double critical_fraction() const { return crit + par > 0 ? crit / (crit + par) : 0; }
};

/// How an evaluation is run.
struct StreamOptions {
  /// At most this many threads, the caller's included. 0: as many as there are cores for this thread; see rondo/cores.hpp.
  unsigned threads_max = 0;
  /// What the last thread has to bring, of a thread; threads join and leave while the job runs. 0: always
  /// threads_max.
  double effectiveness = 0.7;
  /// How long the averages of crit, wait and par remember.
  std::chrono::nanoseconds time_constant = std::chrono::milliseconds(20);
  /// Ends the evaluation with Stopped, when the calls of user code that are under way have returned; see evaluate.hpp.
  std::stop_token stop = {};
  /// Shares cores with other evaluations. Null: takes what the two options above allow, and shares it with the evaluations
  /// that its work units, stages and sink start, so that threads do not multiply. Together they have as many threads at work
  /// as this one may have, or as there are cores, if that is more.
  CoreBudget* budget = nullptr;
  double priority = 1;  ///< positive and finite, or an OptionError
  /// Which thread gets the stream next.
  Handover handover = Handover::unfair;
  /// Filled in at the end, also if that is an exception.
  StreamReport* report = nullptr;
  /// Replaces the clock that crit, wait and par are measured with; for tests.
  std::chrono::nanoseconds (*clock)() = nullptr;
};

}  // namespace rondo

#pragma GCC visibility pop
