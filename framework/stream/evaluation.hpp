// The evaluation of one stream: what a thread can do with it, without blocking and without a clock.
//
// Driven by a Crew of threads, or by hand in tests. A driver takes the baton, steps the stream to the next
// work unit, puts the baton back, runs the unit, and so on:
//
//   not holding it: take or try_take
//   step(unit)       gives unit: put_back(), then run(unit); waiting: it is not held any more; over: leave
//   run(unit)        gives true: this thread holds the baton now, because the stream waited for this unit
//
// Never more extant work units than threads, since a thread has to run one before it can take another.
//
// Of several failures, the one that comes first in the order in which units were handed out is kept; all before it have
// been run by then. No unit is handed out after a failure. A unit that is run ahead of need counts too, also where the
// stream would have ended or failed before it came to its result: how far ahead units are run depends on the threads.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <variant>

#include <rondo/stream/stream.hpp>

#include "stream/baton.hpp"

namespace rondo::streaming {

// The outermost stream yields nothing: it passes values to the sink by itself.
using Root = Stream<std::monostate>;

struct Unit {
  UnitReference core;
  std::uint64_t order = 0;
};

class Evaluation {
 public:
  enum class Turn : std::uint8_t { unit, waiting, over };

  Evaluation(Root root, Handover handover);
  ~Evaluation();
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  [[nodiscard]] Baton& baton() { return *baton_; }
  [[nodiscard]] Turn step(Unit& unit);
  [[nodiscard]] bool run(Unit unit);
  void stop() { baton_->close(); }

  [[nodiscard]] bool over() const { return baton_->closed().load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t units() const { return units_; }
  // When no thread is left: destroys what remains of the stream, and throws what ended it, if that was not
  // its end.
  void conclude();

 private:
  void fail(std::uint64_t order, std::exception_ptr error);
  void halt();
  void tear_down() noexcept;

  std::shared_ptr<Baton> baton_;
  Root root_;
  Stepper stepper_;          // of the baton's holder
  std::uint64_t units_ = 0;  // of the baton's holder
  bool ended_ = false;
  std::mutex failure_mutex_;
  std::exception_ptr failure_;
  std::uint64_t failure_order_ = 0;
};

}  // namespace rondo::streaming
