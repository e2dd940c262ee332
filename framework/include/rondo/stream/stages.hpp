// The stages that cut a stream into chunks, work on items in parallel, and bring the results back into order.
//
//   items(feed) | rondo::chunks(100) | rondo::map(parse) | rondo::filter(in_stock) | rondo::sequentialize(16)
//
// All of them keep the order of the stream. Functions given to map and filter run inside work units: on
// several threads at once, on one shared copy, and therefore as const.
#pragma once

#include <algorithm>
#include <limits>
#include <optional>
#include <ranges>

#include <rondo/stream/pipeline.hpp>

namespace rondo {

template <class F, class T>
concept MapFunction = std::invocable<const F&, T> && !std::is_void_v<std::invoke_result_t<const F&, T>> &&
                      std::move_constructible<std::remove_cvref_t<std::invoke_result_t<const F&, T>>>;
template <class F, class T>
concept Condition = std::predicate<const F&, const T&>;

namespace streaming {

struct ChunksStage : Stage {
  std::size_t items;
  explicit ChunksStage(std::size_t n) : items(n) {}
  template <class P>
  auto apply(P&& in) && {
    static_assert(is_stream<std::remove_cvref_t<P>>,
                  "rondo::chunks: this pipeline has chunks already; to cut it again, put "
                  "sequentialize(slots) before");
    return as_chunks(std::move(in), items);
  }
};

template <class F>
struct MapStage : Stage {
  F function;
  explicit MapStage(F f) : function(std::move(f)) {}
  template <class T>
  auto apply(Stream<T>&& in) && {
    return std::move(*this).apply(as_chunks(std::move(in), 1));
  }
  template <class T, class S, class Before>
  auto apply(Chunked<T, S, Before>&& in) && {
    static_assert(MapFunction<F, T>,
                  "rondo::map: the function has to take an item of this pipeline, as a const function "
                  "object, and return the "
                  "new item, which has to be movable");
    if constexpr (MapFunction<F, T>) {
      using U = std::remove_cvref_t<std::invoke_result_t<const F&, T>>;
      using Fused = Mapped<Before, F>;
      return Chunked<U, S, Fused>(in.take_chunks(), Fused{in.take_fused(), std::move(function)});
    } else {
      return std::move(in);  // the compiler has said enough
    }
  }
};

template <class F>
struct FilterStage : Stage {
  F condition;
  explicit FilterStage(F f) : condition(std::move(f)) {}
  template <class T>
  auto apply(Stream<T>&& in) && {
    return std::move(*this).apply(as_chunks(std::move(in), 1));
  }
  template <class T, class S, class Before>
  auto apply(Chunked<T, S, Before>&& in) && {
    static_assert(Condition<F, T>,
                  "rondo::filter: the function has to take a const item of this pipeline and return a bool");
    if constexpr (Condition<F, T>) {
      using Fused = Filtered<Before, F>;
      return Chunked<T, S, Fused>(in.take_chunks(), Fused{in.take_fused(), std::move(condition)});
    } else {
      return std::move(in);
    }
  }
};

struct SequentializeStage : Stage {
  std::size_t slots;
  explicit SequentializeStage(std::size_t n) : slots(n) {}
  template <class T>
  Stream<T> apply(Stream<T>&& in) && {
    return std::move(in);
  }
  template <class T, class S, class Before>
  Ordered<T> apply(Chunked<T, S, Before>&& in) && {
    return {std::move(in).run(slots),
            slots == std::numeric_limits<std::size_t>::max() ? "collect" : "sequentialize"};
  }
};

template <class T>
Stream<T> first_of(Stream<T> in, std::size_t count) {
  for (; count > 0; --count) {
    T* item = co_await in.next();
    if (item == nullptr) break;
    co_yield std::move(*item);
  }
}

struct TakeStage : Stage {
  std::size_t count;
  explicit TakeStage(std::size_t n) : count(n) {}
  template <class T>
  Stream<T> apply(Stream<T>&& in) && {
    return first_of(std::move(in), count).named("take");
  }
  template <class T, class S, class Before>
  Stream<T> apply(Chunked<T, S, Before>&& in) && {
    return std::move(*this).apply(for_stage(SequentializeStage(default_slots).apply(std::move(in))));
  }
};

[[nodiscard]] inline std::size_t at_least_one(const char* what, std::size_t n) {
  if (n == 0) throw OptionError(std::string(what) + ": needs at least 1, got 0");
  return n;
}

template <class Range>
inline constexpr bool is_owned = false;
template <class Container>
inline constexpr bool is_owned<std::ranges::owning_view<Container>> = true;

// An item of the range on its way out of it.
template <class Range, class Reference>
[[nodiscard]] decltype(auto) taken(Reference&& item) {
  if constexpr (is_owned<Range>) {
    return std::move(item);
  } else {
    return std::forward<Reference>(item);
  }
}

template <std::ranges::input_range Range>
Stream<std::ranges::range_value_t<Range>> elements(Range range) {
  for (auto&& item : range) {
    std::ranges::range_value_t<Range> value(taken<Range>(std::forward<decltype(item)>(item)));
    co_yield std::move(value);
  }
}

}  // namespace streaming

/// The items of a range: moved out of a container that is moved in; otherwise copied out of a view or container, which
/// must outlive the stream's evaluation. O(1) per item while holding the stream; keeps one item.
template <std::ranges::viewable_range Range>
[[nodiscard]] auto from_range(Range&& range) {
  using View = std::views::all_t<Range>;
  static_assert(
      std::constructible_from<std::ranges::range_value_t<View>,
                              decltype(streaming::taken<View>(
                                  std::declval<std::ranges::range_reference_t<View>>()))>,
      "rondo::from_range: these items cannot be copied; move the container in: from_range(std::move(items))");
  return streaming::elements<View>(std::views::all(std::forward<Range>(range))).named("from_range");
}

/// Cuts the stream into chunks of n items (the last may be shorter), made when they are pulled. Each chunk is
/// one work unit of what follows. O(1) per item while holding the stream; keeps one chunk.
/// An error of the stream comes in the place of the chunk that was being made. No item goes on before its chunk is full, or the
/// stream at its end: where each result is waited for before there is a next item, n has to be 1.
[[nodiscard]] inline auto chunks(std::size_t n) {
  return streaming::ChunksStage(streaming::at_least_one("chunks", n));
}

/// f(item) for every item, in stream order. O(1) calls per item, in work units. On a stream without chunks every item
/// is a work unit of its own. Memory: nothing of its own; the stage that brings the chunks back into order bounds
/// those under way: sequentialize(slots), and where there is none, default_slots of them (evaluate: no bound, as it
/// keeps all items anyway; sequential: 1).
template <class F>
[[nodiscard]] auto map(F f) {
  return streaming::MapStage<F>(std::move(f));
}

/// Only the items for which f(const item&) is true, in stream order. Cost and memory as of map; chunks become shorter, and
/// are not filled up.
template <class F>
[[nodiscard]] auto filter(F f) {
  return streaming::FilterStage<F>(std::move(f));
}

/// Back to a stream of single items, in stream order, with at most `slots` chunks begun and not passed on:
/// when all slots are taken, the first one's items come before new work is begun. O(1) per item while holding the
/// stream. Memory: `slots` chunks or their results. More slots than threads keep all threads busy while one chunk takes
/// longer than the others.
[[nodiscard]] inline auto sequentialize(std::size_t slots = default_slots) {
  return streaming::SequentializeStage(streaming::at_least_one("sequentialize: slots", slots));
}

/// The same without a bound: never waits for a result while there is work to begin. Memory: the results that
/// are ready too early.
[[nodiscard]] inline auto collect() {
  return streaming::SequentializeStage(std::numeric_limits<std::size_t>::max());
}

/// The first n items, in stream order; of a stream of single items the rest is not pulled. Behind chunks or map, the
/// chunks that were begun meanwhile are pulled and worked on too, at most default_slots of them; to bound that, put
/// sequentialize(slots) before. O(1) per item while holding the stream; keeps one item.
[[nodiscard]] inline auto take(std::size_t n) { return streaming::TakeStage(n); }

}  // namespace rondo
