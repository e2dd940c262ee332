// A stall: which rank waits for what, and since when.
//
// Rank 0 asks every worker what it does. Each answers from its communicating thread, so that a long update is told from a
// worker that is gone, and both from a message that is lost.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "engine/log.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"

namespace rondo::engine {

class StallWatch {
 public:
  /// What rank 0 is doing, as it can say itself.
  class Subject {
   public:
    /// States whose outputs rank 0 waits for, of one worker.
    struct Awaited {
      std::size_t states = 0;
      StateId first{};
    };
    virtual ~Subject() = default;
    /// Whether nothing is asked of any worker, as the program has not asked for anything.
    [[nodiscard]] virtual bool is_idle() const = 0;
    /// What rank 0 waits for: "round 3".
    [[nodiscard]] virtual std::string activity() const = 0;
    /// By worker.
    [[nodiscard]] virtual std::vector<Awaited> awaited() const = 0;
  };

  /// The arguments outlive the watch.
  StallWatch(Peers& peers, Loop& loop, const Subject& subject, Log& log, const Options& options);

  /// Rank 0 begins to wait.
  void begin_wait(double now) { last_progress_ = watched_at_ = now; }
  void progressed(double now) { last_progress_ = now; }
  void heard(scheduler::Worker worker, double now) { seen_[index(worker)].heard = now; }
  void take(Rank from, const messages::Status& status);
  /// To be called between waits, `now` in seconds. Returns how long the next one may be. Ends the run after --rondo-stall-abort.
  [[nodiscard]] double watch(double now);

 private:
  struct Seen {
    double heard = 0;
    std::optional<messages::Condition> answer;  // to the last question
  };

  [[nodiscard]] double patience(double now);
  [[nodiscard]] bool all_have_answered() const;
  void tell(double now) const;

  Peers& peers_;
  Loop& loop_;
  const Subject& subject_;
  Log& log_;
  const Options& options_;
  std::vector<Seen> seen_;  // by worker
  double last_progress_;
  double told_;                  // when the last stall was told
  std::optional<double> asked_;  // when the workers were asked what they do; nothing: they have answered
  double watched_at_ = 0;        // when all this was last looked at
};

}  // namespace rondo::engine
