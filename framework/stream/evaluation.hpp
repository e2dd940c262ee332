// The evaluation of one stream: what a thread can do with it, without blocking and without a clock.
//
// Driven by a Crew of threads, or by hand in tests. A driver takes the baton, steps the stream to the next
// work unit, puts the baton back, runs the unit, and so on:
//
//   not holding it: take or try_take, or take_over: this thread steps the part of the pipeline that it gives
//   step(unit)       gives unit: put_back(), then run(unit); unit_apart: the baton is not held, run(unit);
//                    waiting: it is not held any more; over: leave
//   run(unit)        gives true: this thread holds the baton now, because the stream waited for this unit
//
// Never more extant work units than threads, since a thread has to run one before it can take another.
//
// It ends in one way only, by the end of the stream, which may be an exception; or it is stopped. What a unit throws is
// put into its slot, and so is a deadlock into the slot that nobody is left to fill: the stream comes to it at the same
// place whatever ran when, and may catch it there.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include <rondo/stream/stream.hpp>

#include "stream/baton.hpp"
#include "stream/sections.hpp"

namespace rondo::streaming {

// The outermost stream yields nothing: it passes values to the sink by itself.
using Root = Stream<std::monostate>;

class Evaluation {
 public:
  enum class Turn : std::uint8_t { unit, unit_apart, waiting, over };

  Evaluation(Root root, Handover handover);
  ~Evaluation();
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  [[nodiscard]] Baton& baton() { return *baton_; }
  [[nodiscard]] Sections& sections() { return sections_; }
  // `part`: what take_over() gave; null: everything, by the holder of the baton.
  [[nodiscard]] Turn step(UnitReference& unit, Stepper* part = nullptr);
  [[nodiscard]] bool run(UnitReference unit);
  void stop() { baton_->close(); }
  // Ends it with an error that is none of the stream's; the first one counts. Any thread may call it.
  void fail(std::exception_ptr error);

  [[nodiscard]] bool over() const { return baton_->closed().load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t units() const {
    return units_.load(std::memory_order_relaxed) + units_apart_.load(std::memory_order_relaxed);
  }
  // When no thread is left: destroys what remains of the stream, and throws what ended it, if that was not
  // its end.
  void conclude();

 private:
  Turn end(std::exception_ptr error);
  [[nodiscard]] bool park(Stepper& stepper);
  [[nodiscard]] bool rejoin(Stepper& part);
  [[nodiscard]] bool complete(SlotCore& slot);
  [[nodiscard]] bool halt();
  void tear_down() noexcept;

  std::shared_ptr<Baton> baton_;
  Root root_;
  Sections sections_;
  std::atomic<std::uint64_t> units_apart_{0};
  // Only the holder of the baton uses these.
  std::shared_ptr<Ticket> ticket_;  // what it is parked with, if on several slots
  std::vector<SlotCore*> awaited_;
  std::atomic<std::uint64_t> units_{0};  // written by it only
  bool ended_ = false;
  std::exception_ptr error_;

  std::mutex failure_mutex_;
  std::exception_ptr failure_;
};

}  // namespace rondo::streaming
