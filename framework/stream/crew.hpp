// The threads that evaluate a stream: the caller's, and others that join and leave as the measured times
// tell.
//
// Thread 0 is the caller's and stays. A thread with index i works while i < target; otherwise it rests,
// without a core, until it is invited again. Before the first work unit has been timed, the target is one
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
  [[nodiscard]] unsigned at_work() const { return at_work_; }

 private:
  struct Round;  // one thread's clockwork

  void serve(unsigned index);
  [[nodiscard]] bool join(unsigned index);
  void leave(unsigned index);
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
  std::atomic<unsigned> target_{1};
  std::atomic<unsigned> invitations_{0};
  std::atomic<unsigned> at_work_{1};
  std::atomic<unsigned> at_work_max_{1};
  std::atomic<std::uint64_t> joined_{0};

  // Of the baton's holder.
  Meter meter_;
  Meter::Duration decided_{};
  std::uint64_t samples_ = 0;
  unsigned demanded_ = 0;

  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
  std::atomic<unsigned> recruited_{1};  // index of the next thread to start
  std::unique_ptr<CoreShare> share_;
};

}  // namespace rondo::streaming
