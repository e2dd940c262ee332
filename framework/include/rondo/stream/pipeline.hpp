// What stands on the two sides of `|`: pipelines and stages.
//
// A pipeline is a Stream<T>, or a Chunked: a stream of chunks together with what is to be done with every
// item of a chunk, which is done inside work units. A stage turns one pipeline into another. A function
// `Stream<U> f(Stream<T>)`, mostly a coroutine, is a stage too. Stages compose before they have an input, if one
// of the two is a stage of Rondo: `auto cheap = rondo::filter(f) | rondo::sequentialize(4) | my_coroutine;`.
//
// A function object that is not empty, such as a lambda with captures, is copied or moved into the pipeline and
// lives as long as the stream it gave; what it has captured by reference has to live as long. Results that refer to what
// it has captured must not outlive the stream.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include <rondo/stream/stream.hpp>

namespace rondo {

/// Items per chunk where a stage has to cut chunks and nobody said how large.
inline constexpr std::size_t default_chunk = 100;
/// Chunks under way at a time where a stage has to bound them and nobody said how many.
inline constexpr std::size_t default_slots = 64;

namespace streaming {

// What is done with an item inside a work unit, as one function: takes an S, passes none or one T on to
// `sink`. Chains of map and filter become one loop over the chunk.
struct Unchanged {
  template <class T, class Sink>
  void operator()(T&& item, Sink&& sink) const {
    sink(std::forward<T>(item));
  }
};

template <class Before, class F>
struct Mapped {
  Before before;
  F function;
  template <class S, class Sink>
  void operator()(S&& item, Sink&& sink) const {
    before(std::forward<S>(item),
           [&](auto&& t) { sink(std::invoke(function, std::forward<decltype(t)>(t))); });
  }
};

template <class Before, class F>
struct Filtered {
  Before before;
  F condition;
  template <class S, class Sink>
  void operator()(S&& item, Sink&& sink) const {
    before(std::forward<S>(item), [&](auto&& t) {
      if (std::invoke(condition, std::as_const(t))) sink(std::forward<decltype(t)>(t));
    });
  }
};

// Chunks are vectors, but those of bool: a std::vector<bool> has no items to refer to.
template <class T>
struct ChunkOf {
  using type = std::vector<T>;
};
template <>
struct ChunkOf<bool> {
  struct type : std::deque<bool> {
    using std::deque<bool>::deque;
    void reserve(std::size_t) {}
  };
};
template <class T>
using Chunk = typename ChunkOf<T>::type;

// Base of all stages that are not plain functions.
struct Stage {};

// What is done with each of a stream's chunks, in a work unit. Behind a virtual function, so that `ordered` and whatever
// else is about whole chunks is compiled once for each type of chunk, and not for each function of a user.
template <class R, class C>
class ChunkWork {
 public:
  ChunkWork() = default;
  ChunkWork(const ChunkWork&) = delete;
  ChunkWork& operator=(const ChunkWork&) = delete;
  virtual ~ChunkWork() = default;

  [[nodiscard]] R run(std::uint64_t number, C&& chunk) {
    try {
      return on_chunk(number, std::move(chunk));
    } catch (...) {
      failed_.store(true, std::memory_order_relaxed);
      throw;
    }
  }
  [[nodiscard]] bool failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  // On several threads at once.
  virtual R on_chunk(std::uint64_t number, C&& chunk) const = 0;
  std::atomic<bool> failed_{false};
};

// In stream order: what `how` makes of each chunk (they are numbered from 0), computed in work units of
// which at most `slots` have not been passed on. When all slots are taken, the first is passed on before new
// work is begun; and after a failure nothing new is begun at all.
//
// A unit gives back its share of `how` with its result, and the next unit gets it: were it counted down and up instead, the
// counter and what stands beside it would go from core to core several times for each chunk.
template <class R, class C>
Stream<R> ordered(Stream<C> in, std::shared_ptr<ChunkWork<R, C>> how, std::size_t slots) {
  struct Done {
    std::shared_ptr<ChunkWork<R, C>> how;
    R result;  // destroyed first: it may need what the function has captured
  };
  std::deque<Slot<Done>> window;
  std::shared_ptr<ChunkWork<R, C>> spare;
  std::exception_ptr error;  // of the input: comes after the results of what came before it
  std::uint64_t number = 0;
  for (bool more = true; more || !window.empty();) {
    if (more && (window.empty() || (window.size() < slots && !window.front().ready()))) {
      bool held_up = false;
      auto next = window.empty() ? in.next(error) : in.next(error, held_up, window.front());
      C* chunk = co_await next;
      more = chunk != nullptr || held_up;
      if (chunk == nullptr) continue;
      auto unit = work([its = spare ? std::move(spare) : how, number, chunk = std::move(*chunk)]() mutable {
        R result = its->run(number, std::move(chunk));
        return Done{std::move(its), std::move(result)};
      });
      ++number;
      Slot<Done> slot = co_yield unit;
      window.push_back(std::move(slot));
      more = !how->failed();
      continue;
    }
    Done done = co_await window.front();
    window.pop_front();
    spare = std::move(done.how);
    co_yield std::move(done.result);
    more = more && !how->failed();
  }
  if (error) std::rethrow_exception(error);
}

template <class T, class S, class Fused>
class RunChunk final : public ChunkWork<Chunk<T>, Chunk<S>> {
 public:
  explicit RunChunk(Fused fused) : fused_(std::move(fused)) {}

 private:
  Chunk<T> on_chunk(std::uint64_t, Chunk<S>&& chunk) const override {
    Chunk<T> results;
    results.reserve(chunk.size());
    for (auto& item : chunk)
      fused_(std::move(item), [&](auto&& t) { results.push_back(std::forward<decltype(t)>(t)); });
    return results;
  }
  Fused fused_;
};

template <class T>
Stream<T> flattened(Stream<Chunk<T>> in) {
  while (Chunk<T>* chunk = co_await in.next()) {
    for (T& item : *chunk) co_yield std::move(item);
  }
}

template <class T>
Stream<Chunk<T>> chunked(Stream<T> in, std::size_t items) {
  constexpr std::size_t reserved = std::max<std::size_t>(65536 / sizeof(T), 1);  // more where there are more
  Chunk<T> chunk;
  Room<T> room;
  for (;;) {
    if (chunk.empty()) chunk.reserve(std::min(items, reserved));
    // The last one is handed over, so that the source does not go on before the chunk has been passed on.
    room.open(chunk, items - 1);
    T* item = co_await in.next(room);
    if (item == nullptr) break;
    chunk.push_back(std::move(*item));
    if (chunk.size() < items) continue;
    co_yield std::move(chunk);
    chunk.clear();
  }
  if (!chunk.empty()) co_yield std::move(chunk);
}

}  // namespace streaming

/// Chunks of items on their way into work units. T: what comes out of these; S: what the chunks hold.
/// Move-only.
template <class T, class S, class Fused>
class [[nodiscard]] Chunked {
 public:
  /// The type of the items.
  using value_type = T;

  /// For stages.
  Chunked(Stream<streaming::Chunk<S>> chunks, Fused fused)
      : chunks_(std::move(chunks)), fused_(std::move(fused)) {}

  /// For stages.
  [[nodiscard]] Stream<streaming::Chunk<S>> take_chunks() { return std::move(chunks_); }
  /// For stages.
  [[nodiscard]] Fused take_fused() { return std::move(fused_); }
  /// The results, chunk by chunk, in stream order.
  [[nodiscard]] Stream<streaming::Chunk<T>> run(std::size_t slots) && {
    if constexpr (std::is_same_v<Fused, streaming::Unchanged>) {
      return std::move(chunks_);
    } else {
      using Results = streaming::Chunk<T>;
      auto how = std::make_shared<streaming::RunChunk<T, S, Fused>>(std::move(fused_));
      return streaming::ordered<Results, streaming::Chunk<S>>(std::move(chunks_), std::move(how), slots)
          .named("the chunks' results in order");
    }
  }

 private:
  Stream<streaming::Chunk<S>> chunks_;
  Fused fused_;
};

/// Chunks in stream order that are to be read item by item. Becomes a Stream<T> wherever one is asked for;
/// what only wants to see all items goes through the chunks, which is quicker. Move-only.
template <class T>
class [[nodiscard]] Ordered {
 public:
  /// The type of the items.
  using value_type = T;

  /// For stages. `name` outlives the object.
  Ordered(Stream<streaming::Chunk<T>> chunks, const char* name) : chunks_(std::move(chunks)), name_(name) {}
  /// The items one by one.
  operator Stream<T>() && { return streaming::flattened<T>(std::move(chunks_)).named(name_); }
  /// The chunks in stream order.
  [[nodiscard]] Stream<streaming::Chunk<T>> run(std::size_t) && { return std::move(chunks_); }

 private:
  Stream<streaming::Chunk<T>> chunks_;
  const char* name_;
};

namespace streaming {

template <class P>
inline constexpr bool is_stream = false;
template <class T>
inline constexpr bool is_stream<Stream<T>> = true;
template <class P>
inline constexpr bool is_chunked = false;
template <class T, class S, class F>
inline constexpr bool is_chunked<Chunked<T, S, F>> = true;
template <class P>
inline constexpr bool is_ordered = false;
template <class T>
inline constexpr bool is_ordered<Ordered<T>> = true;

template <class P>
concept Pipeline = is_stream<std::remove_cvref_t<P>> || is_chunked<std::remove_cvref_t<P>> ||
    is_ordered<std::remove_cvref_t<P>>;
template <class P>
concept StageObject = std::derived_from<std::remove_cvref_t<P>, Stage>;

// What a stage gets to see.
template <class P>
[[nodiscard]] P for_stage(P&& in) {
  return std::move(in);
}
template <class T>
[[nodiscard]] Stream<T> for_stage(Ordered<T>&& in) {
  return std::move(in);
}

template <class T>
[[nodiscard]] auto as_chunks(Stream<T>&& in, std::size_t items) {
  static_assert(std::move_constructible<T>, "rondo: items have to be movable to go into chunks");
  if constexpr (std::move_constructible<T>) {
    return Chunked<T, T, Unchanged>(chunked(std::move(in), items).named("chunks"), Unchanged{});
  } else {
    return Chunked<T, T, Unchanged>({}, {});  // the compiler has said enough
  }
}
template <class T, class S, class F>
[[nodiscard]] Chunked<T, S, F> as_chunks(Chunked<T, S, F>&& in, std::size_t) {
  return std::move(in);
}

template <class First, class Second>
struct Composed : Stage {
  First first;
  Second second;
  Composed(First a, Second b) : first(std::move(a)), second(std::move(b)) {}
  template <class P>
  auto apply(P&& in) && {
    return std::move(in) | std::move(first) | std::move(second);
  }
};

// Here, and not in rondo, because here is where a stage is looked for.
template <StageObject A, StageObject B>
auto operator|(A&& first, B&& second) {
  return Composed<std::decay_t<A>, std::decay_t<B>>(std::forward<A>(first), std::forward<B>(second));
}

template <class F>
concept PlainStage =
    !Pipeline<F> && !StageObject<F> && !std::ranges::range<F> &&
    (std::is_class_v<std::remove_cvref_t<F>> || std::is_function_v<std::remove_pointer_t<std::decay_t<F>>>);

template <StageObject A, PlainStage F>
auto operator|(A&& first, F&& second) {
  return Composed<std::decay_t<A>, std::decay_t<F>>(std::forward<A>(first), std::forward<F>(second));
}
template <PlainStage F, StageObject B>
auto operator|(F&& first, B&& second) {
  return Composed<std::decay_t<F>, std::decay_t<B>>(std::forward<F>(first), std::forward<B>(second));
}

template <class>
inline constexpr bool never = false;

template <std::ranges::range Range, StageObject S>
requires(!Pipeline<Range>) void operator|(Range&&, S&&) {
  static_assert(never<Range>, "rondo: a range is not a stream; write rondo::from_range(range) | ...");
}

// The stream of a coroutine, and its function object, captures and all, which has to live as long. In one object, as
// compilers destroy parameters in different orders.
template <class F, class T>
struct Kept {
  std::unique_ptr<F> function;
  Stream<T> stream;
};
template <class F, class T>
Stream<T> kept(Kept<F, T> both) {
  co_yield elements_of(std::move(both.stream));
}

template <class F, class In>
auto invoke_stage(F&& function, In&& in) {
  using Function = std::decay_t<F>;
  if constexpr (std::is_class_v<Function> && !std::is_empty_v<Function>) {
    auto moved = std::make_unique<Function>(std::forward<F>(function));
    auto out = std::invoke(*moved, std::move(in));
    if constexpr (is_stream<decltype(out)>) {
      using T = typename decltype(out)::value_type;
      return kept(Kept<Function, T>{std::move(moved), std::move(out)}).named("a function object");
    } else {
      return out;
    }
  } else {
    return std::invoke(function, std::move(in));
  }
}

}  // namespace streaming

/// elements_of a pipeline that ends with sequentialize() or collect().
template <class T>
[[nodiscard]] ElementsOf<T> elements_of(Ordered<T> ordered) {
  return elements_of(Stream<T>(std::move(ordered)));
}

/// Puts a stage behind a pipeline, which it takes over.
template <streaming::Pipeline P, streaming::StageObject S>
auto operator|(P&& in, S&& stage) {
  static_assert(std::is_rvalue_reference_v<P&&>,
                "rondo: a stream can be used once; write std::move(stream) | ...");
  return std::decay_t<S>(std::forward<S>(stage)).apply(streaming::for_stage(std::move(in)));
}

/// A coroutine (or another function) from Stream<T> to a pipeline, as a stage.
template <streaming::Pipeline P, class F>
requires(!streaming::StageObject<F>) auto operator|(P&& in, F&& stage) {
  using In = decltype(streaming::for_stage(std::move(in)));
  static_assert(std::is_rvalue_reference_v<P&&>,
                "rondo: a stream can be used once; write std::move(stream) | ...");
  static_assert(
      streaming::is_stream<In>,
      "rondo: a function as a stage takes a Stream; put sequentialize(slots) or collect() before it");
  static_assert(
      std::invocable<std::decay_t<F>&, In> || !streaming::is_stream<In>,
      "rondo: what stands after | is neither a stage of rondo nor a function that takes this Stream");
  if constexpr (std::invocable<std::decay_t<F>&, In>) {
    return streaming::invoke_stage(std::forward<F>(stage), streaming::for_stage(std::move(in)));
  } else {
    return streaming::for_stage(std::move(in));  // the compiler has said enough
  }
}

}  // namespace rondo
