// Stages that look at items with equal keys together: group_by, deduplicate, aggregate; and when, which lets
// only some items through one of these.
//
// Keys are hashed with std::hash where that exists, and otherwise compared with <, all in one shard (of a std::tuple or
// std::pair, so that folding is not parallel). All NaNs are one key, and so are 0.0 and -0.0, also as parts of a key; see
// order.hpp, also for what throws OrderError. Cost: O(1) hashing per item, and O(m log m) for the m items that remain;
// with <, O(log m) comparisons per item. Memory: the remaining items, one key each, two batches of chunks, and
// the chunks under way (default_slots of them). Output: after the last item has come in, by place; the place of a
// combined item is that of its earliest part.
//
// A key is kept while its item moves about: of a reference the value is kept, of a std::string_view a std::string,
// also inside of a std::tuple or std::pair; other views do not compile. A pointer is compared as a pointer.
//
// What comes out has chunks of about 8192 items; the size given to chunks(n) ends here. Where the next map needs small
// ones, cut again: group_by(key, combine) | sequentialize() | chunks(n) | map(f).
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include <rondo/stream/aggregation.hpp>
#include <rondo/stream/pipeline.hpp>
#include <rondo/stream/rules.hpp>
#include <rondo/stream/stages.hpp>

namespace rondo {

namespace streaming {

struct Always {
  template <class T>
  bool operator()(const T&) const {
    return true;
  }
};

template <class KeyFn, class Rule, class When = Always>
struct AggregationStage : Stage {
  KeyFn key;
  Rule rule;
  When when;
  const char* name;
  AggregationStage(KeyFn k, Rule r, When w, const char* n)
      : key(std::move(k)), rule(std::move(r)), when(std::move(w)), name(n) {}

  template <class T>
  auto apply(Stream<T>&& in) && {
    return std::move(*this).apply(as_chunks(std::move(in), default_chunk));
  }
  template <class T, class S, class Before>
  auto apply(Chunked<T, S, Before>&& in) && {
    static_assert(std::movable<T>,
                  "rondo: the items of group_by, deduplicate or aggregate have to be movable and assignable");
    static_assert(KeyFunction<KeyFn, T>,
                  "rondo: the key of an aggregation has to take a const item of this pipeline");
    static_assert(
        KeyThatCanBeKept<KeyFn, T>,
        "rondo: the key of group_by, deduplicate or aggregate has to be a value that can be copied");
    static_assert(!std::movable<T> || Rule::template fits<T>(),
                  "rondo: the function of an aggregation does not fit the items; group_by: T(T, T) or "
                  "void(T&, T); aggregate: "
                  "Combined<T>(T, T); keep_lowest and keep_highest: a key of the item that can be compared");
    static_assert(Condition<When, T>,
                  "rondo::when: the condition has to take a const item and return a bool");
    if constexpr (std::movable<T> && KeyFunction<KeyFn, T> && KeyThatCanBeKept<KeyFn, T> &&
                  Condition<When, T>) {
      if constexpr (Rule::template fits<T>()) {
        using How = Aggregation<T, S, Before, KeyFn, Rule, When>;
        auto how = std::make_shared<How>(in.take_fused(), std::move(key), std::move(rule), std::move(when));
        return Chunked<T, T, Unchanged>(aggregated<T, S>(in.take_chunks(), std::move(how)).named(name),
                                        Unchanged{});
      } else {
        return std::move(in);  // the compiler has said enough
      }
    } else {
      return std::move(in);
    }
  }
};

template <class R>
inline constexpr bool is_keep = false;
template <>
inline constexpr bool is_keep<KeepNoneRule> = true;
template <class Rank, class Better>
inline constexpr bool is_keep<KeepBestRule<Rank, Better>> = true;

template <class S>
inline constexpr bool is_aggregation = false;
template <class K, class R>
inline constexpr bool is_aggregation<AggregationStage<K, R, Always>> = true;

}  // namespace streaming

/// One item per key, made by `combine` from all that have it, in stream order: T combine(T earlier, T later)
/// or void combine(T& earlier, T later). It has to keep the key, and to be associative; the grouping of its
/// calls depends on the chunk size only, so even sums of doubles are the same for any number of threads.
/// Cost, memory, order, and the chunks that come out: as above.
template <class Key, class Combine>
[[nodiscard]] auto group_by(Key key, Combine combine) {
  using Rule = streaming::GroupRule<Combine>;
  return streaming::AggregationStage<Key, Rule>(std::move(key), Rule{std::move(combine)}, {}, "group_by");
}

/// What deduplicate does with items whose keys are equal.
inline constexpr streaming::KeepNoneRule keep_none{};
/// The one with the lowest rank(item), the earliest of equals. A NaN ranks above all numbers; see order.hpp.
template <class Rank, class Compare = std::ranges::less>
[[nodiscard]] auto keep_lowest(Rank rank, Compare less = {}) {
  return streaming::KeepBestRule<Rank, Compare>{std::move(rank), std::move(less)};
}
/// The one with the highest rank(item), the earliest of equals.
template <class Rank, class Compare = std::ranges::less>
[[nodiscard]] auto keep_highest(Rank rank, Compare less = {}) {
  using Greater = streaming::Reversed<Compare>;
  return streaming::KeepBestRule<Rank, Greater>{std::move(rank), Greater{std::move(less)}};
}

/// Items whose key occurs once, and of the others what `keep` says: keep_none, keep_lowest(rank),
/// keep_highest(rank). What remains keeps its place. Cost, memory, and the chunks that come out: as above.
template <class Key, class Keep>
[[nodiscard]] auto deduplicate(Key key, Keep keep) {
  static_assert(streaming::is_keep<Keep>,
                "rondo::deduplicate: after the key comes keep_none, keep_lowest(rank) or keep_highest(rank)");
  if constexpr (streaming::is_keep<Keep>) {
    return streaming::AggregationStage<Key, Keep>(std::move(key), std::move(keep), {}, "deduplicate");
  } else {
    return deduplicate(std::move(key), keep_none);  // the compiler has said enough
  }
}

/// The general case: for each key a table holds an item; when a later one comes, Combined<T> combine(T held, T
/// later) gives none: both are gone, and the key is free; one: it is held; two: the first is done and goes to
/// the output, the second is held. Called in stream order, never on intermediate results, so it need not be
/// associative. The keys of what it gives do not matter. Cost, memory, order, and the chunks that come out: as above.
template <class Key, class Combine>
[[nodiscard]] auto aggregate(Key key, Combine combine) {
  using Rule = streaming::CombineRule<Combine>;
  return streaming::AggregationStage<Key, Rule>(std::move(key), Rule{std::move(combine)}, {}, "aggregate");
}

/// Only items for which condition(const item&) is true go through the aggregation. The others pass by at once,
/// in stream order, and so come before those that the aggregation gives at its end. One call per item, in work
/// units. Memory: what the aggregation keeps of its items; of the others only the chunks under way.
template <class F, class Aggregation>
[[nodiscard]] auto when(F condition, Aggregation aggregation) {
  static_assert(streaming::is_aggregation<Aggregation>,
                "rondo::when takes group_by, deduplicate or aggregate");
  if constexpr (streaming::is_aggregation<Aggregation>) {
    using Stage = streaming::AggregationStage<decltype(aggregation.key), decltype(aggregation.rule), F>;
    return Stage(std::move(aggregation.key), std::move(aggregation.rule), std::move(condition),
                 aggregation.name);
  } else {
    return aggregation;
  }
}

}  // namespace rondo
