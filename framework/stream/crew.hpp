// The threads that evaluate a stream: the caller's, and others that join and leave as the measured times
// tell.
//
// While more are at work than the target, a thread that has nothing to do rests, without a core, until it is invited again: also the
// caller's thread, for another one may be inside a long unit. Before the first work unit has been timed, the target is one
// more than there are units under way. Later one of those that rest watches whether all others are inside of long units (see
// watch.hpp), so that the target follows units while they run; therefore there is one thread more than the target.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include <rondo/stream/options.hpp>
#include <rondo/stream/thread.hpp>

#include "stream/core_share.hpp"
#include "stream/evaluation.hpp"
#include "stream/meter.hpp"
#include "stream/watch.hpp"

namespace rondo::streaming {

class __attribute__((visibility("hidden"))) Crew {
 public:
  Crew(Evaluation& evaluation, const StreamOptions& options);

  // Returns when the evaluation is over and no other thread is left.
  void work();
  [[nodiscard]] StreamReport report() const;
  // Threads that are not resting, the caller's included; any thread may ask.
  [[nodiscard]] unsigned at_work() const { return roster_.at_work; }

 private:
  struct Round;  // one thread's clockwork

  // What a thread has: the baton, a part of the pipeline that it has taken over, or nothing.
  struct Hand {
    bool holding = false;
    Stepper* part = nullptr;
    [[nodiscard]] bool empty() const { return !holding && part == nullptr; }
  };

  void run_thread(bool at_work) noexcept;
  void serve(Hand hand);
  [[nodiscard]] Baton::Taken take(Hand& hand);
  void hold(Hand& hand, Stepper* part);
  void dismiss();
  [[nodiscard]] bool join(Hand& hand);
  [[nodiscard]] bool enter();
  [[nodiscard]] bool stand_in(Hand& hand);
  [[nodiscard]] bool look(Watch& watch, Hand& hand);
  void note_at_work(unsigned at_work);
  void begin_round(Round& round);
  void decide();
  void follow(const Meter& meter);
  [[nodiscard]] unsigned useful(const Meter& meter) const;
  void want(unsigned threads);
  void allot(unsigned threads);
  void recruit();
  void recruit_stand_in();
  [[nodiscard]] bool start_thread();
  [[nodiscard]] Meter::Duration now() const;

  Evaluation& evaluation_;
  const StreamOptions options_;
  CoreBudget* budget_;
  const unsigned threads_max_;

  std::mutex target_mutex_;
  std::atomic<unsigned> wanted_{1};  // by the rule; written under the mutex
  std::atomic<unsigned> needed_{1};  // threads, those too that only rest
  unsigned allotted_;                // by the budget
  Roster roster_;
  std::atomic<unsigned> without_core_{0};  // threads at work for which the budget had none
  std::atomic<unsigned> at_work_max_{1};
  std::atomic<std::uint64_t> joined_{0};

  // Only the holder of the baton uses these.
  Meter meter_;
  Meter::Duration decided_{};
  std::uint64_t samples_ = 0;
  Meter::Duration crit_{};  // of the last unit that was handed out in a timed round

  std::atomic<bool> watched_{false};  // a thread that rests watches

  std::mutex threads_mutex_;
  std::vector<OwnThread> threads_;
  std::atomic<unsigned> recruited_{1};  // threads, the caller's included
  std::atomic<unsigned> refused_{0};    // how often in a row the system had none
  std::atomic<int> until_retry_{0};     // calls of recruit()
  std::unique_ptr<CoreShare> share_;
};

}  // namespace rondo::streaming
