// What runs work beside the thread that communicates: a thread of its own, or in a simulation the events of a virtual machine.
#pragma once

namespace rondo::engine {

/// Runs one piece of work after the other. An executor is used by the thread that owns it.
class Executor {
 public:
  /// What an executor runs. next() and run() are called by turns and never at the same time.
  class Work {
   public:
    virtual ~Work() = default;
    /// Finishes what run() has done and takes up the next piece. Returns whether there is one. Does not wait.
    virtual bool next() = 0;
    /// Does the piece that next() has taken up. Must not throw.
    virtual void run() = 0;
  };

  virtual ~Executor() = default;
  /// The executor looks for pieces from now on. `work` outlives the executor or stop(). Throws Error if the system has no thread left.
  virtual void start(Work& work) = 0;
  /// There may be a next piece. Every change after which next() can return true is followed by this call.
  virtual void notify() = 0;
  /// Returns when no piece runs and next() has returned false once more. Does nothing if start() was not called or has thrown.
  virtual void stop() = 0;
};

}  // namespace rondo::engine
