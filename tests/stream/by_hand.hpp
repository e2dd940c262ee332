// Evaluates a pipeline with virtual threads on one real one. A seed decides which of them makes its next
// move: takes the stream, steps it, puts it back, or runs its work unit. So every order of completion can
// happen, without a clock and without waiting.
#pragma once

#include <algorithm>
#include <random>
#include <rondo/stream.hpp>
#include <string>
#include <utility>
#include <vector>

#include "stream/evaluation.hpp"

namespace by_hand {

using rondo::streaming::Evaluation;

class Hands {
 public:
  enum class Doing { nothing, holding, inside, holding_unit, unit };

  Hands(rondo::streaming::Root root, unsigned threads, std::uint64_t seed)
      : evaluation_(std::move(root), rondo::Handover::unfair), threads_(threads), random_(seed) {
    // Some threads are much slower than others.
    for (Thread& thread : threads_) thread.pace = 1 + random_() % 8;
  }

  Evaluation& evaluation() { return evaluation_; }
  std::size_t extant_max() const { return extant_max_; }
  Doing doing(std::size_t thread) const { return threads_[thread].doing; }

  // One move of one thread. False: it can do nothing now.
  bool move(std::size_t index) {
    Thread& thread = threads_[index];
    switch (thread.doing) {
      case Doing::nothing:
        if (evaluation_.over()) return false;
        thread.part = nullptr;
        if (!evaluation_.baton().try_take()) {
          thread.part = evaluation_.sections().take_over();
          if (thread.part == nullptr) return false;
          ++taken_over_;
        }
        thread.doing = Doing::holding;
        return true;
      case Doing::holding: {
        thread.doing = Doing::inside;
        const auto turn = evaluation_.step(thread.unit, std::exchange(thread.part, nullptr));
        thread.doing = turn == Evaluation::Turn::unit         ? Doing::holding_unit
                       : turn == Evaluation::Turn::unit_apart ? Doing::unit
                                                              : Doing::nothing;
        if (thread.doing != Doing::nothing) extant_max_ = std::max(extant_max_, ++extant_);
        return true;
      }
      case Doing::inside: return false;
      case Doing::holding_unit:
        evaluation_.baton().put_back();
        thread.doing = Doing::unit;
        return true;
      case Doing::unit:
        thread.doing = Doing::inside;
        thread.doing = evaluation_.run(std::move(thread.unit)) ? Doing::holding : Doing::nothing;
        --extant_;
        return true;
    }
    return false;
  }

  // To be called inside of a move: a few moves of threads that are not in the middle of one themselves.
  void let_others_move() {
    for (std::uint64_t moves = random_() % 6; moves > 0; --moves)
      static_cast<void>(move(random_() % threads_.size()));
  }
  // How often a thread has taken over a part of the pipeline.
  std::size_t taken_over() const { return taken_over_; }

  // Moves threads until none can move. True: the evaluation is over.
  bool go() {
    for (;;) {
      std::size_t index = random_() % threads_.size();
      if (random_() % threads_[index].pace != 0) continue;
      if (move(index)) continue;
      bool moved = false;
      for (std::size_t i = 0; i < threads_.size() && !moved; ++i) moved = move(i);
      if (!moved) return evaluation_.over();
    }
  }

 private:
  struct Thread {
    Doing doing = Doing::nothing;
    rondo::streaming::UnitReference unit;
    rondo::streaming::Stepper* part = nullptr;
    std::uint64_t pace = 1;
  };
  Evaluation evaluation_;
  std::vector<Thread> threads_;
  std::mt19937_64 random_;
  std::size_t extant_ = 0;
  std::size_t extant_max_ = 0;
  std::size_t taken_over_ = 0;
};

inline void go(rondo::streaming::Root root, unsigned threads, std::uint64_t seed) {
  Hands hands(std::move(root), threads, seed);
  if (!hands.go()) throw std::logic_error("no virtual thread can move, and the evaluation is not over");
  if (hands.extant_max() > threads) throw std::logic_error("more extant work units than threads");
  hands.evaluation().conclude();
}

// Like rondo::evaluate.
template <class P>
std::vector<typename P::value_type> evaluate(P pipeline, unsigned threads, std::uint64_t seed) {
  using T = typename P::value_type;
  std::vector<T> result;
  rondo::streaming::Append<T> one{&result};
  rondo::streaming::AppendChunk<T> sink{&result};
  if constexpr (rondo::streaming::is_stream<P>) {
    go(rondo::streaming::drained(std::move(pipeline), &one), threads, seed);
  } else {
    go(rondo::streaming::drained(std::move(pipeline).run(static_cast<std::size_t>(-1)), &sink), threads,
       seed);
  }
  return result;
}

}  // namespace by_hand
