// The one way in which rank 0 waits, as the parts of the master see it.
#pragma once

#include <functional>

namespace rondo::engine {

class Loop {
 public:
  virtual ~Loop() = default;
  /// Takes in messages, with all that they bring about, until `done` is true; asked whenever everything that has come is taken
  /// in. Throws WorkerLost when states are gone.
  virtual void run_until(const std::function<bool()>& done) = 0;
  /// Ends the run on all ranks now, with this status.
  [[noreturn]] virtual void leave_at_once(int status) = 0;
};

}  // namespace rondo::engine
