// Evaluating a pipeline on threads: they take turns at stepping the stream, and run the work units outside
// it.
//
//   std::vector<Item> items = rondo::evaluate(std::move(pipeline), {.threads_max = 8});
//   rondo::for_each(std::move(pipeline), [](Item&& item) { ... });
//   for (Item& item : rondo::sequential(std::move(stream))) ...
//
// The result is the same for any number of threads and any timing, if the user's functions are. The calling
// thread takes part; when the call returns, every thread, coroutine and item that it made is gone. On one thread the
// stream and its work units run in the order of a sequential program.
//
// Results do not wait for the source. While the source, or any stage, is inside of a call that does not return, such as a read
// of a socket, results that are there go on to the sink on another thread. So with more than one thread, what is before a
// stage with work units (map, sort_by, group_by, on_ranks and so on) may run at the same time as what is behind it, the sink
// included: what the two share needs a lock. A source that blocks on one thread blocks all; and items wait for the rest of
// their chunk, so an interactive program has chunks of one item.
//
// A stop request ends an evaluation as soon as all calls that are under way have returned: of the source, of work units, and of
// the sink. Nothing new is begun meanwhile. No thread can be taken out of a call that blocks, so a source that may block for
// long has to watch for the request itself: give it the same std::stop_token, for a std::condition_variable_any, or for a
// std::stop_callback that writes into the pipe that it polls.
//
// An exception in a stage, a work unit or the sink ends the evaluation and is thrown as it was, and this is a result too:
// which one it is, and what the sink has been given before, is the same as on one thread. A unit may be run ahead of
// need, but what it throws counts where the stream comes to its result, and not if it never does (see slot.hpp).
#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <variant>
#include <vector>

#include <rondo/stream/options.hpp>
#include <rondo/stream/pipeline.hpp>

#pragma GCC visibility push(default)

namespace rondo {

namespace streaming {

void evaluate(Stream<std::monostate> root, const StreamOptions& options);
// The end of an evaluation that was asked to stop.
[[noreturn]] void throw_stopped();

template <class T, class Sink>
Stream<std::monostate> drained(Stream<T> in, Sink* sink) {
  while (T* value = co_await in.next()) (*sink)(std::move(*value));
  co_return;
}

// Sinks. Types of their own, and no lambdas in evaluate(), so that `drained` is compiled once for each type of item.
template <class T>
struct Append {
  std::vector<T>* items;
  void operator()(T&& item) const { items->push_back(std::move(item)); }
};
template <class T>
struct AppendChunk {
  std::vector<T>* items;
  void operator()(Chunk<T>&& chunk) const {
    // One by one, as items need not be assignable.
    for (T& item : chunk) items->push_back(std::move(item));
  }
};

}  // namespace streaming

/// All values, in stream order.
template <streaming::Pipeline Given>
[[nodiscard]] auto evaluate(Given&& given, const StreamOptions& options = {}) {
  using P = std::remove_cvref_t<Given>;
  using T = typename P::value_type;
  static_assert(std::is_same_v<P, Given>,
                "rondo::evaluate: a stream can be used once; write evaluate(std::move(stream))");
  static_assert(
      std::move_constructible<T>,
      "rondo::evaluate: items have to be movable to be kept; for_each can look at them where they are");
  P pipeline = std::move(given);
  std::vector<T> result;
  if constexpr (!std::move_constructible<T>) {
    // the compiler has said enough
  } else if constexpr (streaming::is_stream<P>) {
    streaming::Append<T> sink{&result};
    streaming::evaluate(streaming::drained(std::move(pipeline), &sink), options);
  } else {
    streaming::AppendChunk<T> sink{&result};
    streaming::evaluate(streaming::drained(std::move(pipeline).run(static_cast<std::size_t>(-1)), &sink),
                        options);
  }
  return result;
}

/// Not available: what is given is no pipeline.
template <class Given>
requires(!streaming::Pipeline<Given>) void evaluate(Given&&, const StreamOptions& = {}) {
  static_assert(streaming::never<Given>,
                "rondo::evaluate takes a pipeline; of a range: evaluate(rondo::from_range(range) | ...)");
}

/// Calls sink(T&&) with every value in stream order, one call at a time, and each value as soon as it is there, even while the
/// source is inside of a call. Nothing is kept: memory is bounded by the pipeline's slots. After a stop request that the
/// sink made, it is not called again.
template <streaming::Pipeline Given, class Sink>
void for_each(Given&& given, Sink sink, const StreamOptions& options = {}) {
  using P = std::remove_cvref_t<Given>;
  using T = typename P::value_type;
  static_assert(std::is_same_v<P, Given>,
                "rondo::for_each: a stream can be used once; write for_each(std::move(stream), ...)");
  static_assert(std::invocable<Sink&, T&&>,
                "rondo::for_each: the sink has to take an item of this pipeline, as T or T&&");
  P pipeline = std::move(given);
  if constexpr (streaming::is_stream<P>) {
    streaming::evaluate(streaming::drained(std::move(pipeline), &sink), options);
  } else {
    auto each = [&](streaming::Chunk<T>&& chunk) {
      for (T& value : chunk) {
        if (options.stop.stop_requested()) streaming::throw_stopped();
        sink(std::move(value));
      }
    };
    streaming::evaluate(streaming::drained(std::move(pipeline).run(default_slots), &each), options);
  }
}

/// Not available: what is given is no pipeline.
template <class Given, class Sink>
requires(!streaming::Pipeline<Given>) void for_each(Given&&, Sink&&, const StreamOptions& = {}) {
  static_assert(streaming::never<Given>,
                "rondo::for_each takes a pipeline; of a range: for_each(rondo::from_range(range) | ...)");
}

}  // namespace rondo

#pragma GCC visibility pop
