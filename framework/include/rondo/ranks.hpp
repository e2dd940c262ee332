// Streams on ranks: a stage whose work is done by the workers of a Master.
//
//   class Price : public rondo::Update<rondo::Nothing, Item, Item> { ... };
//
//   return rondo::run<Price>(argc, argv, [&](rondo::Master<Price>& master) {
//     auto priced = rondo::evaluate_on(master, items(feed) | rondo::on_ranks(master) | rondo::filter(cheap));
//   });
//
// The source is pulled on rank 0, while the first result is not there and there are slots left: the stream is the queue
// here too. The same pipeline gives the same values on threads and on any number of ranks, also with call.random(): call.id()
// is the item's number in its stage (of the second on_ranks() of an evaluation 2^40 more, and so on).
#pragma once

#include <rondo/detail/compiler.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include <rondo/master.hpp>
#include <rondo/stream.hpp>
#include <rondo/stream/thread.hpp>

namespace rondo {

namespace detail {

// The tasks of a master. Copies are of the same master, which outlives them.
template <class U>
class Tasks {
 public:
  explicit Tasks(Master<U>& master) : master_(&master) {}

  // An update of an empty state on some worker, by Master::serve. From any thread while the main one is in serve().
  void post(std::uint64_t key, const typename U::InputType& input,
            std::function<void(typename U::OutputType)> done,
            std::function<void(std::exception_ptr)> failed) {
    master_->post(key, input, std::move(done), std::move(failed));
  }
  void serve(const std::function<bool()>& ended) { master_->serve(ended); }
  [[nodiscard]] std::uint64_t new_poster() { return master_->new_poster(); }
  void wake() { master_->wake(); }

 private:
  Master<U>* master_;
};

}  // namespace detail

namespace streaming {

template <class U>
Stream<typename U::OutputType> through_ranks(Stream<typename U::InputType> in, detail::Tasks<U> tasks,
                                             std::size_t slots, std::uint64_t first) {
  using Output = typename U::OutputType;
  std::deque<Slot<Output>> open;
  std::uint64_t next = first;
  std::exception_ptr error;  // of the input: comes after the outputs for what came before it
  bool more = true;
  while (more || !open.empty()) {
    while (more && open.size() < slots && (open.empty() || !open.front().ready())) {
      bool held_up = false;
      auto pulled = open.empty() ? in.next(error) : in.next(error, held_up, open.front());
      const typename U::InputType* item = co_await pulled;
      if (item == nullptr) {
        more = held_up;
        break;
      }
      SlotAndFiller<Output> place = make_slot<Output>(FilledBy::outside, "a task on a rank");
      const auto filler = std::make_shared<Filler<Output>>(std::move(place.filler));
      open.push_back(std::move(place.slot));
      tasks.post(
          next++, *item, [filler](Output output) { filler->fill(std::move(output)); },
          [filler](std::exception_ptr thrown) { filler->fail(std::move(thrown)); });
    }
    if (open.empty()) break;
    Output output = co_await open.front();
    open.pop_front();
    co_yield std::move(output);
  }
  if (error) std::rethrow_exception(error);
}

template <class U>
struct OnRanksStage : Stage {
  detail::Tasks<U> tasks;
  std::size_t slots;
  OnRanksStage(Master<U>& master, std::size_t n) : tasks(master), slots(n) {}

  Stream<typename U::OutputType> apply(Stream<typename U::InputType>&& in) && {
    // here and not in the constructor: the operands of | are made in any order, but applied from left to right
    return through_ranks<U>(std::move(in), tasks, slots, tasks.new_poster() << 40).named("on_ranks");
  }
  template <class T, class S, class Before>
  Stream<typename U::OutputType> apply(Chunked<T, S, Before>&& in) && {
    return std::move(*this).apply(for_stage(SequentializeStage(default_slots).apply(std::move(in))));
  }
};

}  // namespace streaming

/// Sends every item to a worker of this master and gives the outputs in the order of the items, with at most `slots` items
/// under way (0: 16 per worker). The master's U needs no state of interest: each item meets an empty one. An update
/// that throws ends the evaluation with UpdateError. To be evaluated by evaluate_on or for_each_on with the same master.
template <class U>
[[nodiscard]] auto on_ranks(Master<U>& master, std::size_t slots = 0) {
  return streaming::OnRanksStage<U>(master,
                                    slots > 0 ? slots : 16 * std::max<std::size_t>(master.workers(), 1));
}

/// for_each() of a pipeline with on_ranks in it. The calling thread, which is the one of the program's main, carries messages
/// between the ranks; the evaluation has threads of its own, and calls the sink on one of them at a time. The sink and the
/// stages cannot use the master.
///
/// When it returns or throws, all threads that it has started are gone, so it waits for the call that the source or the sink is
/// in. It throws what the evaluation throws, WorkerLost when there is no worker left, and ThreadError when the system has
/// no thread for the evaluation.
template <class U, streaming::Pipeline Given, class Sink>
void for_each_on(Master<U>& master, Given&& given, Sink sink, const StreamOptions& options = {}) {
  using P = std::remove_cvref_t<Given>;
  static_assert(
      std::is_same_v<P, Given>,
      "rondo::for_each_on: a stream can be used once; write for_each_on(master, std::move(stream), ...)");
  static_assert(std::invocable<Sink&, typename P::value_type&&>,
                "rondo::for_each_on: the sink has to take an item of this pipeline, as T or T&&");
  P pipeline = std::move(given);
  std::atomic<bool> ended = false;
  std::exception_ptr error;
  std::stop_source stop;  // by the caller's request, or because the master does not serve any more
  const std::stop_callback forward(options.stop, [&] { stop.request_stop(); });
  StreamOptions with_stop = options;
  with_stop.stop = stop.get_token();
  const auto evaluation = [&] {
    try {
      for_each(std::move(pipeline), std::move(sink), with_stop);
    } catch (...) {
      error = std::current_exception();
    }
    ended = true;
    detail::Tasks<U>(master).wake();
  };
  {
    streaming::OwnThread thread;  // joined where serve() throws, too
    const struct AtEnd {
      std::stop_source& stop;
      ~AtEnd() { stop.request_stop(); }
    } at_end{stop};
    // The evaluation starts when the master serves, so that no task comes too early.
    detail::Tasks<U>(master).serve([&] {
      if (!thread.started()) thread = streaming::OwnThread("the evaluation of a stream on ranks", evaluation);
      return ended.load();
    });
    thread.join();
  }
  if (error) std::rethrow_exception(error);
}

/// evaluate() of a pipeline with on_ranks in it: all values, in stream order.
template <class U, streaming::Pipeline Given>
[[nodiscard]] auto evaluate_on(Master<U>& master, Given&& given, const StreamOptions& options = {}) {
  using P = std::remove_cvref_t<Given>;
  using T = typename P::value_type;
  static_assert(
      std::is_same_v<P, Given>,
      "rondo::evaluate_on: a stream can be used once; write evaluate_on(master, std::move(stream))");
  std::vector<T> result;
  P pipeline = std::move(given);
  for_each_on(master, std::move(pipeline), streaming::Append<T>{&result}, options);
  return result;
}

}  // namespace rondo
