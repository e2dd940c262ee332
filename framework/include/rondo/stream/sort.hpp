// Sorting a stream: blocks are sorted in work units, then cut at common splitters, and the pieces between two
// splitters are merged, each in a work unit of its own.
#pragma once

#include <algorithm>
#include <iterator>

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
  Chunk<T> merged;
  while (ends.size() > 1) {
    merged.clear();
    merged.reserve(items.size());
    std::vector<std::size_t> merged_ends;
    std::size_t begin = 0;
    const auto at = [&](std::size_t index) {
      return std::make_move_iterator(items.begin() + static_cast<std::ptrdiff_t>(index));
    };
    for (std::size_t piece = 0; piece < ends.size(); piece += 2) {
      const std::size_t middle = ends[piece];
      const std::size_t end = piece + 1 < ends.size() ? ends[piece + 1] : middle;
      std::merge(at(begin), at(middle), at(middle), at(end), std::back_inserter(merged),
                 [&](const T& a, const T& b) { return less(a, b); });
      merged_ends.push_back(end);
      begin = end;
    }
    items.swap(merged);
    ends.swap(merged_ends);
  }
}

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
    const auto by_item = [&](const T* a, const T* b) { return less_(*a, *b); };
    std::sort(samples.begin(), samples.end(), by_item);
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
    std::stable_sort(block.begin(), block.end(), less_);
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
      auto less = [key = std::move(key), compare = std::move(compare)](const T& a, const T& b) {
        return static_cast<bool>(std::invoke(compare, std::invoke(key, a), std::invoke(key, b)));
      };
      auto how = std::make_shared<const SortBy<T, decltype(less)>>(std::move(less));
      auto stream = sorted<T>(std::move(in).run(default_slots), std::move(how)).named("sort_by");
      return Chunked<T, T, Unchanged>(std::move(stream), Unchanged{});
    } else {
      return std::move(in);  // the compiler has said enough
    }
  }
};

}  // namespace streaming

// Sorts by key(item), with `compare` on the keys; equal keys keep the order of the stream. O(n log n), nearly
// all of it in work units: at least n / 8192 of them at each of two levels. Needs all items before the first
// one comes out; keeps up to two copies of the items' memory.
//
// What comes out has chunks of about 8192 items; the size given to chunks(n) ends here. Where the next map needs
// small ones, cut anew: sort_by(key) | sequentialize() | chunks(n) | map(f).
template <class Key, class Compare = std::ranges::less>
[[nodiscard]] auto sort_by(Key key, Compare compare = {}) {
  return streaming::SortStage<Key, Compare>(std::move(key), std::move(compare));
}

}  // namespace rondo
