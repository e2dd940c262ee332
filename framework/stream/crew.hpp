// The threads that evaluate a stream: the caller's, and others that join and leave as the measured times
// tell.
//
// While more are at work than the target, whoever has nothing to do rests, without a core, until it is invited again: also the
// caller's thread, for another one may be inside a long unit. Before the first work unit has been timed, the target is one
// more than there are units under way.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <rondo/stream/options.hpp>

#include "stream/core_share.hpp"
#include "stream/evaluation.hpp"
#include "stream/meter.hpp"

namespace rondo::streaming {

class Crew {
 public:
  Crew(Evaluation& evaluation, const StreamOptions& options);

  // Returns when the evaluation is over and no other thread is left.
  void work();
  [[nodiscard]] StreamReport report() const;
  // Threads that are not resting, the caller's included; any thread may ask.
  [[nodiscard]] unsigned at_work() const { return roster_.at_work; }

 private:
  struct Round;  // one thread's clockwork

  void serve();
  [[nodiscard]] bool join();
  void decide();
  void want(unsigned threads);
  void allot(unsigned threads);
  void invite();
  void recruit();
  [[nodiscard]] Meter::Duration now() const;

  Evaluation& evaluation_;
  const StreamOptions options_;
  const unsigned threads_max_;

  std::mutex target_mutex_;
  std::atomic<unsigned> wanted_{1};  // by the rule; written under the mutex
  unsigned allotted_;                // by the budget
  Roster roster_;
  std::atomic<unsigned> invitations_{0};
  std::atomic<unsigned> at_work_max_{1};
  std::atomic<std::uint64_t> joined_{0};

  // Of the baton's holder.
  Meter meter_;
  Meter::Duration decided_{};
  std::uint64_t samples_ = 0;

  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
  std::atomic<unsigned> recruited_{1};  // threads, the caller's included
  std::unique_ptr<CoreShare> share_;
};

}  // namespace rondo::streaming
