// Stages that look at items with equal keys together: group_by, deduplicate, aggregate; and when, which lets
// only some items through one of these.
//
// How: a work unit per chunk computes the keys and deals the items out to shards by hash (and combines them
// inside the chunk, where the rule is associative); a work unit per shard and batch of chunks folds them into
// the shard's table, in stream order; in the end the shards are sorted by place and merged, in work units
// too.
//
// Keys are hashed with std::hash where that exists, and otherwise compared with <, all in one shard (of a std::tuple or
// std::pair, so that folding is not parallel). Cost: O(1) hashing per item, and O(m log m) for the m items that remain;
// with <, O(log m) comparisons per item. Memory: the remaining items, one key each, two batches of chunks, and
// the chunks under way (default_slots of them). Output: after the last item has come in, by place; the place of a
// combined item is that of its earliest part.
//
// A key is kept while its item moves about: of a reference the value is kept, of a std::string_view a std::string,
// also inside of a std::tuple or std::pair; other views do not compile. A pointer is compared as a pointer.
//
// What comes out has chunks of about 8192 items; the size given to chunks(n) ends here. Where the next map needs small
// ones, cut anew: group_by(key, combine) | sequentialize() | chunks(n) | map(f).
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>

#include <rondo/stream/keys.hpp>
#include <rondo/stream/pipeline.hpp>
#include <rondo/stream/sort.hpp>
#include <rondo/stream/stages.hpp>

namespace rondo {

// What combining two items gives: none, one or two items.
template <class T>
class Combined {
 public:
  Combined() = default;
  Combined(T one) : first(std::move(one)) {}
  Combined(T one, T two) : first(std::move(one)), second(std::move(two)) {}

  std::optional<T> first;
  std::optional<T> second;
};

template <class Key, class T>
concept KeyFunction = std::invocable<const Key&, const T&>;
template <class F, class T>
concept CombineFunction = requires(const F& f, T a, T b) {
  { std::invoke(f, std::move(a), std::move(b)) } -> std::convertible_to<T>;
}
|| requires(const F& f, T& a, T b) {
  { std::invoke(f, a, std::move(b)) } -> std::same_as<void>;
};
// What can be called with a temporary in the place of T& cannot be meant to change it.
template <class F, class T>
concept ChangesNothing = requires(const F& f, T a, T b) {
  { std::invoke(f, std::move(a), std::move(b)) } -> std::same_as<void>;
};

namespace streaming {

// An item and its place in the stream.
template <class T>
struct Placed {
  std::uint64_t place;
  T item;
  bool repeated = false;
};

enum class Fate : std::uint8_t { kept, gone, both };

// Rules: what becomes of an earlier and a later item with equal keys. `associative`: chunks may be combined
// before they are folded.
template <class Combine>
struct GroupRule {
  static constexpr bool associative = true;
  Combine combine;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>& later) const {
    if constexpr (requires {
                    { std::invoke(combine, earlier.item, std::move(later.item)) } -> std::same_as<void>;
                  }) {
      std::invoke(combine, earlier.item, std::move(later.item));
    } else {
      earlier.item = std::invoke(combine, std::move(earlier.item), std::move(later.item));
    }
    return Fate::kept;
  }
  template <class T>
  static consteval bool fits() {
    static_assert(
        !ChangesNothing<Combine, T>,
        "rondo::group_by: a function that returns nothing has to take the earlier item as T&, or what it "
        "does is lost");
    return CombineFunction<Combine, T>;
  }
};

struct KeepNoneRule {
  static constexpr bool associative = true;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>&) const {
    earlier.repeated = true;
    return Fate::kept;
  }
  template <class T>
  static consteval bool fits() {
    return true;
  }
};

template <class Rank, class Better>
struct KeepBestRule {
  static constexpr bool associative = true;
  Rank rank;
  Better better;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>& later) const {
    if (std::invoke(better, std::invoke(rank, std::as_const(later.item)),
                    std::invoke(rank, std::as_const(earlier.item)))) {
      earlier = std::move(later);
    }
    return Fate::kept;
  }
  template <class T>
  static consteval bool fits() {
    return SortKey<Rank, Better, T>;
  }
};

template <class Combine>
struct CombineRule {
  static constexpr bool associative = false;
  Combine combine;
  template <class T>
  Fate operator()(Placed<T>& earlier, Placed<T>& later) const {
    Combined<T> result = std::invoke(combine, std::move(earlier.item), std::move(later.item));
    if (!result.first) return Fate::gone;
    earlier.item = std::move(*result.first);
    if (!result.second) return Fate::kept;
    later.item = std::move(*result.second);
    return Fate::both;
  }
  template <class T>
  static consteval bool fits() {
    return requires(const Combine& f, T a, T b) {
      { std::invoke(f, std::move(a), std::move(b)) } -> std::convertible_to<Combined<T>>;
    };
  }
};

struct Always {
  template <class T>
  bool operator()(const T&) const {
    return true;
  }
};

// Chunks worth a batch of folds, and into how many tables. Neither changes the output.
inline constexpr std::size_t kShards = 16;
inline constexpr std::size_t kBatch = 16384;

// Everything that work units need to know of one aggregation.
template <class T, class Before, class KeyFn, class Rule, class When>
struct Aggregation {
  using Given = std::remove_cvref_t<std::invoke_result_t<const KeyFn&, const T&>>;
  using Key = typename Owning<Given>::type;
  static_assert(owns<Key>,
                "rondo: the key of group_by, deduplicate or aggregate has to own what it refers to, because "
                "items move; "
                "return a value, not a view or a std::reference_wrapper");
  static_assert(
      Hashable<Key> || HasLess<Key>,
      "rondo: the key of group_by, deduplicate or aggregate has to have a std::hash and ==, or else <");
  using Held = Placed<T>;
  template <class Value>
  using Table = typename TableOf<Key, Value>::type;

  // What one chunk gives.
  struct Part {
    std::vector<Held> held;  // by shard, then by place
    std::array<std::uint32_t, kShards + 1> begin{};
    Chunk<T> passed;  // did not match the condition
  };
  struct Shard {
    Table<Held> table;
    std::vector<Held> closed;  // out of the table, and part of the output
  };

  Before before;
  KeyFn key;
  Rule rule;
  When when;

  [[nodiscard]] static std::size_t shard_of(const Key& key) {
    if constexpr (Hashable<Key>) {
      // std::hash of a number is the number: the upper bits of a product with the golden ratio spread it
      const std::uint64_t hash = std::hash<Key>{}(key);
      return static_cast<std::size_t>((hash * 0x9E3779B97F4A7C15U) >> 60U) % kShards;
    } else {
      return 0;
    }
  }

  // The unit of a chunk.
  template <class C>
  [[nodiscard]] Part operator()(std::uint64_t number, C&& chunk) const {
    Part part;
    std::vector<Held> found;
    std::vector<std::uint8_t> shards;
    Table<std::size_t> first;
    std::uint64_t place = number << 32U;
    const auto keep = [&](auto&& t) {
      T item = std::forward<decltype(t)>(t);
      if (!std::invoke(when, std::as_const(item))) {
        part.passed.push_back(std::move(item));
        return;
      }
      const Key& its_key = key_of(item);
      if constexpr (Rule::associative) {
        const auto [at, fresh] = first.try_emplace(its_key, found.size());
        if (!fresh) {
          Held later{place++, std::move(item)};
          rule(found[at->second], later);
          return;
        }
      }
      shards.push_back(static_cast<std::uint8_t>(shard_of(its_key)));
      found.push_back(Held{place++, std::move(item)});
    };
    for (auto& item : chunk) before(std::move(item), keep);
    deal(part, found, shards);
    return part;
  }

  // The unit of a shard and a batch.
  void fold(Shard& shard, std::vector<Part>& batch, std::size_t index) const {
    for (Part& part : batch) {
      for (std::uint32_t i = part.begin[index]; i < part.begin[index + 1]; ++i) add(shard, part.held[i]);
    }
  }

  // The shard's share of the output, by place.
  [[nodiscard]] std::vector<Held> finish(Shard& shard) const {
    std::vector<Held> all = std::move(shard.closed);
    all.reserve(all.size() + shard.table.size());
    for (auto& [its_key, held] : shard.table) {
      if (!held.repeated) all.push_back(std::move(held));
    }
    shard.table.clear();
    std::sort(all.begin(), all.end(), [](const Held& a, const Held& b) { return a.place < b.place; });
    return all;
  }

 private:
  // A reference into the item if that is what the key function gives: good as long as the item stays where it is.
  [[nodiscard]] decltype(auto) key_of(const T& item) const {
    if constexpr (std::is_same_v<Given, Key>) {
      return std::invoke(key, item);
    } else {
      return Key(std::invoke(key, item));
    }
  }

  // A counting sort by shard.
  static void deal(Part& part, std::vector<Held>& found, const std::vector<std::uint8_t>& shards) {
    for (const std::uint8_t shard : shards) ++part.begin[shard + 1];
    for (std::size_t shard = 0; shard < kShards; ++shard) part.begin[shard + 1] += part.begin[shard];
    std::array<std::uint32_t, kShards> next{};
    std::copy_n(part.begin.begin(), kShards, next.begin());
    std::vector<std::uint32_t> source(found.size());
    for (std::uint32_t i = 0; i < found.size(); ++i) source[next[shards[i]]++] = i;
    part.held.reserve(found.size());
    for (const std::uint32_t i : source) part.held.push_back(std::move(found[i]));
  }

  void add(Shard& shard, Held& later) const {
    // The key of an item may change when it is combined, and its place in the table must not.
    const Key its_key = key_of(later.item);
    const auto at = shard.table.find(its_key);
    if (at == shard.table.end()) {
      shard.table.emplace(its_key, std::move(later));
      return;
    }
    const bool repeated = later.repeated;
    switch (rule(at->second, later)) {
      case Fate::kept: at->second.repeated |= repeated; break;
      case Fate::gone: shard.table.erase(at); break;
      case Fate::both:
        shard.closed.push_back(std::move(at->second));
        at->second = std::move(later);
        break;
    }
  }
};

template <class T, class S, class Aggregated>
Stream<Chunk<T>> aggregated(Stream<Chunk<S>> in, std::shared_ptr<const Aggregated> how) {
  using Part = typename Aggregated::Part;
  using Shard = typename Aggregated::Shard;
  using Held = typename Aggregated::Held;
  Stream<Part> parts = ordered<Part>(std::move(in), how, default_slots).named("the chunks' keys in order");
  std::vector<std::shared_ptr<Shard>> shards(kShards);
  for (auto& shard : shards) shard = std::make_shared<Shard>();
  std::vector<Slot<void>> folds(kShards);  // the last one of each shard
  std::vector<Part> batch;
  std::size_t items = 0;
  std::exception_ptr error;  // of the input: those of the folds before it come first
  for (bool more = true; more;) {
    Part* part = co_await parts.next(error);
    more = part != nullptr;
    if (more) {
      if (!part->passed.empty()) co_yield std::move(part->passed);
      items += part->held.size();
      if (!part->held.empty()) batch.push_back(std::move(*part));
    }
    if (items == 0 || (more && items < kBatch)) continue;
    auto shared = std::make_shared<std::vector<Part>>(std::exchange(batch, {}));
    items = 0;
    for (std::size_t index = 0; index < kShards; ++index) {
      if (folds[index].valid()) co_await folds[index];
      auto unit = work([how, shard = shards[index], shared, index] { how->fold(*shard, *shared, index); });
      Slot<void> slot = co_yield unit;
      folds[index] = std::move(slot);
    }
  }
  for (auto& fold : folds) {
    if (fold.valid()) co_await fold;
  }
  if (error) std::rethrow_exception(error);
  std::vector<Slot<std::vector<Held>>> ends;
  for (std::size_t index = 0; index < kShards; ++index) {
    auto unit = work([how, shard = std::move(shards[index])] { return how->finish(*shard); });
    Slot<std::vector<Held>> slot = co_yield unit;
    ends.push_back(std::move(slot));
  }
  std::vector<std::vector<Held>> runs;
  for (auto& slot : ends) {
    std::vector<Held> run = co_await slot;
    if (!run.empty()) runs.push_back(std::move(run));
  }
  if (runs.empty()) co_return;
  const auto by_place = [](const Held& a, const Held& b) { return a.place < b.place; };
  const auto unpack = [](Chunk<T>& out, Held&& held) { out.push_back(std::move(held.item)); };
  co_yield elements_of(merged<T, Held>(std::move(runs), by_place, unpack).named("merge by place"));
}

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
    static_assert(KeyFunction<KeyFn, T>,
                  "rondo: the key of an aggregation has to take a const item of this pipeline");
    static_assert(Rule::template fits<T>(),
                  "rondo: the function of an aggregation does not fit the items; group_by: T(T, T) or "
                  "void(T&, T); aggregate: "
                  "Combined<T>(T, T); keep_lowest and keep_highest: a key of the item that can be compared");
    static_assert(Condition<When, T>,
                  "rondo::when: the condition has to take a const item and return a bool");
    using How = Aggregation<T, Before, KeyFn, Rule, When>;
    auto how =
        std::make_shared<const How>(How{in.take_fused(), std::move(key), std::move(rule), std::move(when)});
    return Chunked<T, T, Unchanged>(aggregated<T, S>(in.take_chunks(), std::move(how)).named(name),
                                    Unchanged{});
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

// One item per key, made by `combine` from all that have it, in stream order: T combine(T earlier, T later)
// or void combine(T& earlier, T later). It has to keep the key, and to be associative; the grouping of its
// calls depends on the chunk size only, so even sums of doubles are the same for any number of threads.
// Cost, memory, order, and the chunks that come out: as above.
template <class Key, class Combine>
[[nodiscard]] auto group_by(Key key, Combine combine) {
  using Rule = streaming::GroupRule<Combine>;
  return streaming::AggregationStage<Key, Rule>(std::move(key), Rule{std::move(combine)}, {}, "group_by");
}

// What deduplicate does with items whose keys are equal.
inline constexpr streaming::KeepNoneRule keep_none{};
// The one with the lowest (highest) rank(item), the earliest of equals.
template <class Rank, class Compare = std::ranges::less>
[[nodiscard]] auto keep_lowest(Rank rank, Compare less = {}) {
  return streaming::KeepBestRule<Rank, Compare>{std::move(rank), std::move(less)};
}
template <class Rank, class Compare = std::ranges::less>
[[nodiscard]] auto keep_highest(Rank rank, Compare less = {}) {
  auto greater = [less = std::move(less)](const auto& a, const auto& b) {
    return static_cast<bool>(std::invoke(less, b, a));
  };
  return streaming::KeepBestRule<Rank, decltype(greater)>{std::move(rank), std::move(greater)};
}

// Items whose key occurs once, and of the others what `keep` says: keep_none, keep_lowest(rank),
// keep_highest(rank). What remains keeps its place. Cost, memory, and the chunks that come out: as above.
template <class Key, class Keep>
[[nodiscard]] auto deduplicate(Key key, Keep keep) {
  static_assert(streaming::is_keep<Keep>,
                "rondo::deduplicate: after the key comes keep_none, keep_lowest(rank) or keep_highest(rank)");
  return streaming::AggregationStage<Key, Keep>(std::move(key), std::move(keep), {}, "deduplicate");
}

// The general case: for each key a table holds an item; when a later one comes, Combined<T> combine(T held, T
// later) gives none: both are gone, and the key is free; one: it is held; two: the first is done and goes to
// the output, the second is held. Called in stream order, never on intermediate results, so it need not be
// associative. The keys of what it gives do not matter. Cost, memory, order, and the chunks that come out: as above.
template <class Key, class Combine>
[[nodiscard]] auto aggregate(Key key, Combine combine) {
  using Rule = streaming::CombineRule<Combine>;
  return streaming::AggregationStage<Key, Rule>(std::move(key), Rule{std::move(combine)}, {}, "aggregate");
}

// Only items for which condition(const item&) is true go through the aggregation. The others pass by at once,
// in stream order, and so come before those that the aggregation gives at its end. One call per item, in work
// units. Memory: what the aggregation keeps of its items; of the others only the chunks under way.
template <class F, class Aggregation>
[[nodiscard]] auto when(F condition, Aggregation aggregation) {
  static_assert(streaming::is_aggregation<Aggregation>,
                "rondo::when takes group_by, deduplicate or aggregate");
  using Stage = streaming::AggregationStage<decltype(aggregation.key), decltype(aggregation.rule), F>;
  return Stage(std::move(aggregation.key), std::move(aggregation.rule), std::move(condition),
               aggregation.name);
}

}  // namespace rondo
