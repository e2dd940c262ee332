// Sorting a stream: blocks are sorted in work units, then cut at common splitters, and the pieces between two
// splitters are merged, each in a work unit of its own.
#pragma once

#include <algorithm>
#include <iterator>

#include <rondo/stream/order.hpp>
#include <rondo/stream/pipeline.hpp>
#include <rondo/stream/stages.hpp>

namespace rondo {

template <class Key, class Compare, class T>
concept SortKey = std::invocable<const Key&, const T&> &&
    std::strict_weak_order<const Compare&, std::invoke_result_t<const Key&, const T&>,
                           std::invoke_result_t<const Key&, const T&>>;

namespace streaming {

// Items of the smallest block, and of a merged piece. Blocks grow with their number, so that blocks times
// pieces, the number of binary searches, stays small against the number of items.
inline constexpr std::size_t kBlock = 8192;

[[nodiscard]] constexpr std::size_t block_size(std::size_t blocks_before) {
  return kBlock + kBlock * (blocks_before / 64);
}

// Merges the sorted pieces that lie one behind the other in `items`, cut at `ends`; equal items keep their
// order.
template <class T, class Less>
void merge_pieces(Chunk<T>& items, std::vector<std::size_t> ends, const Less& less) {
  const auto by_item = [&](const T& a, const T& b) { return less(a, b); };
  Chunk<T> merged;
  merged.reserve(items.size());
  while (ends.size() > 1) {
    std::vector<std::size_t> merged_ends;
    std::size_t begin = 0;
    const auto at = [&](std::size_t index) {
      return std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(index));
    };
    const bool first = merged.empty();  // later there are items to be assigned to, which is quicker
    for (std::size_t piece = 0; piece < ends.size(); piece += 2) {
      const std::size_t middle = ends[piece];
      const std::size_t end = piece + 1 < ends.size() ? ends[piece + 1] : middle;
      if (first) {
        std::merge(at(begin), at(middle), at(middle), at(end), std::back_inserter(merged), by_item);
      } else {
        std::merge(at(begin), at(middle), at(middle), at(end),
                   merged.begin() + static_cast<std::ptrdiff_t>(begin), by_item);
      }
      merged_ends.push_back(end);
      begin = end;
    }
    items.swap(merged);
    ends.swap(merged_ends);
  }
}

// A stable sort that is safe with any comparison: one that is no strict weak order, or that does not even answer twice the
// same, leaves the items in some order, and memory outside of them is never touched. std::sort and std::stable_sort do not
// promise that, as they look for the place of an item without looking where the range begins.
template <class T, class Less>
void sort_safely(Chunk<T>& items, const Less& less) {
  constexpr std::size_t run = 16;  // sorted by insertion
  std::vector<std::size_t> ends;
  for (std::size_t begin = 0; begin < items.size(); begin = ends.back()) {
    ends.push_back(std::min(begin + run, items.size()));
    for (std::size_t next = begin + 1; next < ends.back(); ++next) {
      if (!less(items[next], items[next - 1])) continue;
      T item = std::move(items[next]);
      std::size_t at = next;
      do {
        items[at] = std::move(items[at - 1]);
        --at;
      } while (at > begin && less(std::as_const(item), std::as_const(items[at - 1])));
      items[at] = std::move(item);
    }
  }
  merge_pieces<T>(items, std::move(ends), less);
}

// Looks at a few items of a sorted range, with about (log2 n)^2 comparisons, for what no strict weak order does. The
// distances between them grow by a factor of two, so that neighbours are among them as well as items far from each other.
template <class Items, class Less>
void check_order(const char* stage, const Items& sorted, const Less& less) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at + 1 < sorted.size(); at = 2 * at + 1) places.push_back(at);
  if (!sorted.empty()) places.push_back(sorted.size() - 1);
  for (std::size_t j = 0; j < places.size(); ++j) {
    const auto& b = sorted[places[j]];
    if (less(b, b)) throw_order_error(stage, OrderFault::before_itself);
    bool differ = false;  // the item at i and the one at j, as far as the items in between say
    for (std::size_t i = j; i-- > 0;) {
      const auto& a = sorted[places[i]];
      const bool before = less(a, b);
      if (less(b, a))
        throw_order_error(stage, before ? OrderFault::each_before_the_other : OrderFault::not_transitive);
      differ = differ || less(a, sorted[places[i + 1]]);
      if (before != differ) throw_order_error(stage, OrderFault::not_transitive);
    }
  }
}

// The order of items by their keys, as sort_by was given it.
template <class Key, class Compare>
struct ByKey {
  Key key;
  Compare compare;

  template <class T>
  [[nodiscard]] bool operator()(const T& a, const T& b) const {
    return goes_before(compare, std::invoke(key, a), std::invoke(key, b));
  }

  // Throws OrderError where it finds that this is no order of these sorted items.
  template <class T>
  void check(const Chunk<T>& sorted) const {
    using K = std::remove_cvref_t<std::invoke_result_t<const Key&, const T&>>;
    if constexpr (asks<Compare, K> != Asks::something_else) {
      if constexpr (!KeyPart<K>::plain)
        for (const T& item : sorted) check_sound("sort_by", K(std::invoke(key, item)));
    } else if constexpr (!KeyPart<K>::plain && std::equality_comparable<K>) {
      check_nans<K, T>(sorted);
    }
    check_order("sort_by", sorted, *this);
  }

 private:
  // A comparison of the user's has to have a place for keys with a NaN, of which there may be few: such a key cannot equal
  // two others that differ.
  template <class K, class T>
  void check_nans(const Chunk<T>& sorted) const {
    std::vector<const T*> nans;
    const T* low = nullptr;
    const T* high = nullptr;
    for (const T& item : sorted) {
      const K its_key(std::invoke(key, item));
      if (!(its_key == its_key)) {
        nans.push_back(&item);
      } else if (low == nullptr) {
        low = &item;
      } else if (high == nullptr && (*this)(*low, item)) {
        high = &item;
      } else if (high == nullptr && (*this)(item, *low)) {
        high = std::exchange(low, &item);
      }
    }
    if (high == nullptr) return;
    for (const T* nan : nans)
      if (!(*this)(*low, *nan) && !(*this)(*nan, *high)) throw_order_error("sort_by", OrderFault::nan);
  }
};

// Sorted runs on their way to one sorted sequence of pieces: each run is cut, if there is more than one piece, then each
// piece is merged. Work units read all of it at once while cutting, and move items out of disjoint parts of it while
// merging.
template <class Out>
class Merge {
 public:
  virtual ~Merge() = default;
  [[nodiscard]] virtual std::size_t run_count() const = 0;
  [[nodiscard]] virtual std::size_t piece_count() const = 0;
  virtual void cut(std::size_t run) = 0;
  [[nodiscard]] virtual Chunk<Out> merge_piece(std::size_t piece) = 0;
};

// Earlier runs hold what comes first among equals. `finish` is a void(Chunk<Out>&, T&&).
template <class Out, class T, class Less, class Finish>
class MergeOf final : public Merge<Out> {
 public:
  MergeOf(std::vector<Chunk<T>> sorted_runs, Less l, Finish f)
      : runs_(std::move(sorted_runs)), cuts_(runs_.size()), less_(std::move(l)), finish_(std::move(f)) {
    choose_splitters();
  }
  [[nodiscard]] std::size_t run_count() const override { return runs_.size(); }
  [[nodiscard]] std::size_t piece_count() const override { return splitters_.size() + 1; }

  void cut(std::size_t run) override {
    const auto& items = runs_[run];
    auto from = items.begin();
    for (const T* splitter : splitters_) {
      from = std::lower_bound(from, items.end(), *splitter, less_);
      cuts_[run].push_back(static_cast<std::size_t>(from - items.begin()));
    }
  }

  [[nodiscard]] Chunk<Out> merge_piece(std::size_t piece) override {
    Chunk<T> items;
    std::vector<std::size_t> ends;
    for (std::size_t run = 0; run < runs_.size(); ++run) {
      const std::size_t begin = piece == 0 ? 0 : cuts_[run][piece - 1];
      const std::size_t end = piece < cuts_[run].size() ? cuts_[run][piece] : runs_[run].size();
      const auto from = runs_[run].begin();
      if (begin == end) continue;
      items.insert(items.end(), std::make_move_iterator(from + static_cast<std::ptrdiff_t>(begin)),
                   std::make_move_iterator(from + static_cast<std::ptrdiff_t>(end)));
      ends.push_back(items.size());
    }
    merge_pieces<T>(items, std::move(ends), less_);
    if constexpr (requires { less_.template check<T>(items); }) less_.template check<T>(items);
    Chunk<Out> out;
    out.reserve(items.size());
    for (T& item : items) finish_(out, std::move(item));
    return out;
  }

 private:
  // Regular sampling: no piece has more than about twice the mean, as long as keys differ.
  void choose_splitters() {
    constexpr std::size_t samples_per_piece = 8;
    std::size_t total = 0;
    for (const auto& run : runs_) total += run.size();
    const std::size_t pieces = (total + kBlock - 1) / kBlock;
    if (pieces < 2) return;
    const std::size_t stride = std::max<std::size_t>(1, total / (pieces * samples_per_piece));
    std::vector<const T*> samples;
    for (const auto& run : runs_) {
      for (std::size_t i = stride / 2; i < run.size(); i += stride) samples.push_back(&run[i]);
    }
    sort_safely<const T*>(samples, [&](const T* a, const T* b) { return less_(*a, *b); });
    for (std::size_t piece = 1; piece < pieces; ++piece)
      splitters_.push_back(samples[piece * samples.size() / pieces]);
  }

  std::vector<Chunk<T>> runs_;
  std::vector<const T*> splitters_;             // into runs; not used once merging has begun
  std::vector<std::vector<std::size_t>> cuts_;  // of each run, one per splitter
  Less less_;
  Finish finish_;
};

template <class Out>
Stream<Chunk<Out>> merged(std::shared_ptr<Merge<Out>> merge) {
  const std::size_t pieces = merge->piece_count();
  if (pieces > 1) {
    std::vector<Slot<void>> cuts;
    for (std::size_t run = 0; run < merge->run_count(); ++run) {
      auto unit = work([merge, run] { merge->cut(run); });
      Slot<void> slot = co_yield unit;
      cuts.push_back(std::move(slot));
    }
    for (Slot<void>& slot : cuts) co_await slot;
  }
  std::deque<Slot<Chunk<Out>>> window;
  for (std::size_t piece = 0; piece < pieces || !window.empty();) {
    if (piece < pieces && window.size() < default_slots) {
      auto unit = work([merge, piece] { return merge->merge_piece(piece); });
      Slot<Chunk<Out>> slot = co_yield unit;
      window.push_back(std::move(slot));
      ++piece;
      if (piece < pieces && !window.front().ready()) continue;
    }
    Chunk<Out> done = co_await window.front();
    window.pop_front();
    if (!done.empty()) co_yield std::move(done);
  }
}

template <class T>
class Sort {
 public:
  virtual ~Sort() = default;
  [[nodiscard]] virtual Chunk<T> sort(std::vector<Chunk<T>> chunks) const = 0;
  [[nodiscard]] virtual std::shared_ptr<Merge<T>> merge(std::vector<Chunk<T>> runs) const = 0;
};

template <class T, class Less>
class SortBy final : public Sort<T> {
 public:
  explicit SortBy(Less less) : less_(std::move(less)) {}
  [[nodiscard]] Chunk<T> sort(std::vector<Chunk<T>> chunks) const override {
    Chunk<T> block;
    std::size_t items = 0;
    for (const auto& chunk : chunks) items += chunk.size();
    block.reserve(items);
    for (auto& chunk : chunks) {
      block.insert(block.end(), std::make_move_iterator(chunk.begin()), std::make_move_iterator(chunk.end()));
    }
    sort_safely<T>(block, less_);
    less_.template check<T>(block);
    return block;
  }
  [[nodiscard]] std::shared_ptr<Merge<T>> merge(std::vector<Chunk<T>> runs) const override {
    const auto keep = [](Chunk<T>& out, T&& item) { out.push_back(std::move(item)); };
    return std::make_shared<MergeOf<T, T, Less, decltype(keep)>>(std::move(runs), less_, keep);
  }

 private:
  Less less_;
};

template <class T>
Stream<Chunk<T>> sorted(Stream<Chunk<T>> in, std::shared_ptr<const Sort<T>> how) {
  std::deque<Slot<Chunk<T>>> blocks;
  std::vector<Chunk<T>> runs;
  std::vector<Chunk<T>> chunks;
  std::size_t items = 0;
  std::exception_ptr error;  // of the input: those of the blocks before it come first
  for (bool more = true; more;) {
    Chunk<T>* chunk = co_await in.next(error);
    more = chunk != nullptr;
    if (more) {
      items += chunk->size();
      chunks.push_back(std::move(*chunk));
    }
    if (items >= block_size(runs.size() + blocks.size()) || (!more && !error && items > 0)) {
      auto unit =
          work([how, block = std::exchange(chunks, {})]() mutable { return how->sort(std::move(block)); });
      Slot<Chunk<T>> slot = co_yield unit;
      blocks.push_back(std::move(slot));
      items = 0;
    }
    while (!blocks.empty() && (!more || blocks.front().ready())) {
      Chunk<T> run = co_await blocks.front();
      blocks.pop_front();
      runs.push_back(std::move(run));
    }
  }
  if (error) std::rethrow_exception(error);
  if (runs.empty()) co_return;
  co_yield elements_of(merged<T>(how->merge(std::move(runs))).named("merge"));
}

template <class Key, class Compare>
struct SortStage : Stage {
  Key key;
  Compare compare;
  SortStage(Key k, Compare c) : key(std::move(k)), compare(std::move(c)) {}

  template <class T>
  auto apply(Stream<T>&& in) && {
    return std::move(*this).apply(as_chunks(std::move(in), default_chunk));
  }
  template <class T, class S, class Before>
  auto apply(Chunked<T, S, Before>&& in) && {
    static_assert(std::movable<T>, "rondo::sort_by: items have to be movable and assignable");
    static_assert(
        SortKey<Key, Compare, T>,
        "rondo::sort_by: the key has to take a const item, and the comparison two keys and return a bool");
    constexpr bool copyable = std::copy_constructible<Key> && std::copy_constructible<Compare>;
    static_assert(
        copyable,
        "rondo::sort_by: the key and the comparison have to be function objects that can be copied");
    if constexpr (std::movable<T> && SortKey<Key, Compare, T> && copyable) {
      ByKey<Key, Compare> less{std::move(key), std::move(compare)};
      auto how = std::make_shared<const SortBy<T, decltype(less)>>(std::move(less));
      auto stream = sorted<T>(std::move(in).run(default_slots), std::move(how)).named("sort_by");
      return Chunked<T, T, Unchanged>(std::move(stream), Unchanged{});
    } else {
      return std::move(in);  // the compiler has said enough
    }
  }
};

}  // namespace streaming

/// Sorts by key(item), with `compare` on the keys; equal keys keep the order of the stream. O(n log n), nearly
/// all of it in work units: at least n / 8192 of them at each of two levels. Needs all items before the first
/// one comes out; keeps up to two copies of the items' memory.
///
/// Without a comparison of your own, or with one of std::less, std::greater and their like, NaNs have a place among the
/// numbers, also inside of a std::tuple and so on: they come after all of them (with `greater`: before); see order.hpp. A
/// comparison that is no strict weak order is safe. It ends the evaluation with OrderError if it is found out: by about
/// 200 comparisons for each 8192 items, and by two for each key with a NaN.
///
// What comes out has chunks of about 8192 items; the size given to chunks(n) ends here. Where the next map needs
// small ones, cut again: sort_by(key) | sequentialize() | chunks(n) | map(f).
template <class Key, class Compare = std::ranges::less>
[[nodiscard]] auto sort_by(Key key, Compare compare = {}) {
  return streaming::SortStage<Key, Compare>(std::move(key), std::move(compare));
}

}  // namespace rondo
