// How an aggregation is done, whatever its rule.
//
// A work unit per chunk computes the keys and deals the items out to shards by hash (and combines them
// inside the chunk, where the rule is associative); a work unit per shard and batch of chunks folds them into
// the shard's table, in stream order; in the end the shards are sorted by place and merged, in work units
// too.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <rondo/stream/keys.hpp>
#include <rondo/stream/pipeline.hpp>
#include <rondo/stream/rules.hpp>
#include <rondo/stream/sort.hpp>

namespace rondo::streaming {

/// Chunks worth a batch of folds, and into how many tables. Neither changes the output.
inline constexpr std::size_t kShards = 16;
inline constexpr std::size_t kBatch = 16384;

/// What one chunk gives.
template <class T>
struct Part {
  std::vector<Placed<T>> held;  ///< by shard, then by place
  std::array<std::uint32_t, kShards + 1> begin{};
  Chunk<T> passed;  ///< did not match the condition
};

struct ByPlace {
  template <class T>
  bool operator()(const Placed<T>& a, const Placed<T>& b) const {
    return a.place < b.place;
  }
};
struct WithoutPlace {
  template <class T>
  void operator()(Chunk<T>& out, Placed<T>&& held) const {
    out.push_back(std::move(held.item));
  }
};

/// What the work units of an aggregation do. The first kind, a unit of each chunk, is that of ChunkWork.
template <class T, class S>
class AnyAggregation : public ChunkWork<Part<T>, Chunk<S>> {
 public:
  struct Shard {
    virtual ~Shard() = default;
  };
  [[nodiscard]] virtual std::shared_ptr<Shard> new_shard() const = 0;
  /// The unit of a shard and a batch.
  virtual void fold(Shard& shard, std::vector<Part<T>>& batch, std::size_t index) const = 0;
  /// The shard's share of the output, by place.
  [[nodiscard]] virtual std::vector<Placed<T>> finish(Shard& shard) const = 0;
};

template <class T, class S, class Before, class KeyFn, class Rule, class When>
class Aggregation final : public AnyAggregation<T, S> {
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
  static constexpr const char* kName = "group_by, deduplicate or aggregate";
  template <class Value>
  using Table = typename TableOf<Key, Value>::type;
  using Shard = typename AnyAggregation<T, S>::Shard;
  struct Tables final : Shard {
    Table<Held> table;
    std::vector<Held> closed;  // out of the table, and part of the output
  };

 public:
  Aggregation(Before b, KeyFn k, Rule r, When w)
      : before_(std::move(b)), key_(std::move(k)), rule_(std::move(r)), when_(std::move(w)) {}

  [[nodiscard]] std::shared_ptr<Shard> new_shard() const override { return std::make_shared<Tables>(); }

  void fold(Shard& shard, std::vector<Part<T>>& batch, std::size_t index) const override {
    auto& tables = static_cast<Tables&>(shard);
    for (Part<T>& part : batch) {
      for (std::uint32_t i = part.begin[index]; i < part.begin[index + 1]; ++i) add(tables, part.held[i]);
    }
  }

  [[nodiscard]] std::vector<Held> finish(Shard& shard) const override {
    auto& tables = static_cast<Tables&>(shard);
    std::vector<Held> all = std::move(tables.closed);
    all.reserve(all.size() + tables.table.size());
    for (auto& [its_key, held] : tables.table) {
      if (!held.repeated) all.push_back(std::move(held));
    }
    tables.table.clear();
    std::sort(all.begin(), all.end(), ByPlace{});
    return all;
  }

 private:
  [[nodiscard]] static std::size_t shard_of(const Key& of) {
    if constexpr (Hashable<Key>) {
      // std::hash of a number is the number: the upper bits of a product with the golden ratio spread it
      const std::uint64_t hash = KeyHash{}(of);
      return ((hash * 0x9E3779B97F4A7C15U) >> 60U) % kShards;
    } else {
      return 0;
    }
  }

  Part<T> on_chunk(std::uint64_t number, Chunk<S>&& chunk) const override {
    Part<T> part;
    std::vector<Held> found;
    std::vector<std::uint8_t> shards;
    Table<std::size_t> first;
    std::uint64_t place = number << 32U;
    const auto keep = [&](auto&& t) {
      T item = std::forward<decltype(t)>(t);
      if (!std::invoke(when_, std::as_const(item))) {
        part.passed.push_back(std::move(item));
        return;
      }
      const Key& its_key = key_of(item);
      check_sound(kName, its_key);
      if constexpr (Rule::associative) {
        const auto [at, fresh] = put(first, its_key, found.size());
        if (!fresh) {
          Held later{place++, std::move(item)};
          rule_(found[at->second], later);
          return;
        }
      }
      shards.push_back(static_cast<std::uint8_t>(shard_of(its_key)));
      found.push_back(Held{place++, std::move(item)});
    };
    for (auto& item : chunk) before_(std::move(item), keep);
    deal(part, found, shards);
    return part;
  }

  // A std::map loses items by try_emplace() if its keys have no order, and none by emplace(). But that moves the value also if
  // the key is there already.
  template <class Value>
  static auto put(Table<Value>& table, const Key& its_key, Value value) {
    if constexpr (Hashable<Key>) {
      return table.try_emplace(its_key, std::move(value));
    } else {
      const auto at = table.find(its_key);
      if (at != table.end()) return std::pair(at, false);
      const auto placed = table.emplace(its_key, std::move(value));
      check_place<Key>(kName, table, placed.first);
      return placed;
    }
  }

  // A reference into the item if that is what the key function gives: good as long as the item stays where it is.
  [[nodiscard]] decltype(auto) key_of(const T& item) const {
    if constexpr (std::is_same_v<Given, Key>) {
      return std::invoke(key_, item);
    } else {
      return Key(std::invoke(key_, item));
    }
  }

  // A counting sort by shard.
  static void deal(Part<T>& part, std::vector<Held>& found, const std::vector<std::uint8_t>& shards) {
    for (const std::uint8_t shard : shards) ++part.begin[shard + 1];
    for (std::size_t shard = 0; shard < kShards; ++shard) part.begin[shard + 1] += part.begin[shard];
    std::array<std::uint32_t, kShards> next{};
    std::copy_n(part.begin.begin(), kShards, next.begin());
    std::vector<std::uint32_t> source(found.size());
    for (std::uint32_t i = 0; i < found.size(); ++i) source[next[shards[i]]++] = i;
    part.held.reserve(found.size());
    for (const std::uint32_t i : source) part.held.push_back(std::move(found[i]));
  }

  void add(Tables& shard, Held& later) const {
    // The key of an item may change when it is combined, and its place in the table must not.
    const Key its_key = key_of(later.item);
    check_sound(kName, its_key);
    const auto at = shard.table.find(its_key);
    if (at == shard.table.end()) {
      (void)put(shard.table, its_key, std::move(later));
      return;
    }
    const bool repeated = later.repeated;
    switch (rule_(at->second, later)) {
      case Fate::kept: at->second.repeated |= repeated; break;
      case Fate::gone: shard.table.erase(at); break;
      case Fate::both:
        shard.closed.push_back(std::move(at->second));
        at->second = std::move(later);
        break;
    }
  }

  Before before_;
  KeyFn key_;
  Rule rule_;
  When when_;
};

template <class T, class S>
Stream<Chunk<T>> aggregated(Stream<Chunk<S>> in, std::shared_ptr<AnyAggregation<T, S>> how) {
  using Shard = typename AnyAggregation<T, S>::Shard;
  using Held = Placed<T>;
  Stream<Part<T>> parts =
      ordered<Part<T>, Chunk<S>>(std::move(in), how, default_slots).named("the chunks' keys in order");
  std::vector<std::shared_ptr<Shard>> shards(kShards);
  for (auto& shard : shards) shard = how->new_shard();
  std::vector<Slot<void>> folds(kShards);  // the last one of each shard
  std::vector<Part<T>> batch;
  std::size_t items = 0;
  std::exception_ptr error;  // of the input: those of the folds before it come first
  for (bool more = true; more;) {
    Part<T>* part = co_await parts.next(error);
    more = part != nullptr;
    if (more) {
      if (!part->passed.empty()) co_yield std::move(part->passed);
      items += part->held.size();
      if (!part->held.empty()) batch.push_back(std::move(*part));
    }
    if (items == 0 || (more && items < kBatch)) continue;
    auto shared = std::make_shared<std::vector<Part<T>>>(std::exchange(batch, {}));
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
  auto merge =
      std::make_shared<MergeOf<T, Held, ByPlace, WithoutPlace>>(std::move(runs), ByPlace{}, WithoutPlace{});
  co_yield elements_of(merged<T>(std::move(merge)).named("merge by place"));
}

}  // namespace rondo::streaming
