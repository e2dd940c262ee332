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

// Sorted runs on their way to one sorted sequence of pieces. Work units read all of it at once while cutting,
// and move items out of disjoint parts of it while merging.
template <class T, class Less, class Finish>
struct Merge {
  std::vector<Chunk<T>> runs;
  std::vector<const T*> splitters;             // into runs; not used once merging has begun
  std::vector<std::vector<std::size_t>> cuts;  // of each run, one per splitter
  Less less;
  Finish finish;  // void(Chunk<Out>&, T&&)

  // Regular sampling: no piece has more than about twice the mean, as long as keys differ.
  void choose_splitters() {
    constexpr std::size_t samples_per_piece = 8;
    std::size_t total = 0;
    for (const auto& run : runs) total += run.size();
    const std::size_t pieces = (total + kBlock - 1) / kBlock;
    if (pieces < 2) return;
    const std::size_t stride = std::max<std::size_t>(1, total / (pieces * samples_per_piece));
    std::vector<const T*> samples;
    for (const auto& run : runs) {
      for (std::size_t i = stride / 2; i < run.size(); i += stride) samples.push_back(&run[i]);
    }
    const auto by_item = [&](const T* a, const T* b) { return less(*a, *b); };
    std::sort(samples.begin(), samples.end(), by_item);
    for (std::size_t piece = 1; piece < pieces; ++piece)
      splitters.push_back(samples[piece * samples.size() / pieces]);
  }

  void cut(std::size_t run) {
    const auto& items = runs[run];
    auto from = items.begin();
    for (const T* splitter : splitters) {
      from = std::lower_bound(from, items.end(), *splitter, less);
      cuts[run].push_back(static_cast<std::size_t>(from - items.begin()));
    }
  }

  template <class Out>
  [[nodiscard]] Chunk<Out> merge_piece(std::size_t piece) {
    Chunk<T> items;
    std::vector<std::size_t> ends;
    for (std::size_t run = 0; run < runs.size(); ++run) {
      const std::size_t begin = piece == 0 ? 0 : cuts[run][piece - 1];
      const std::size_t end = piece < cuts[run].size() ? cuts[run][piece] : runs[run].size();
      const auto from = runs[run].begin();
      if (begin == end) continue;
      items.insert(items.end(), std::make_move_iterator(from + static_cast<std::ptrdiff_t>(begin)),
                   std::make_move_iterator(from + static_cast<std::ptrdiff_t>(end)));
      ends.push_back(items.size());
    }
    merge_pieces<T>(items, std::move(ends), less);
    Chunk<Out> out;
    out.reserve(items.size());
    for (T& item : items) finish(out, std::move(item));
    return out;
  }
};

// Sorted runs (earlier runs hold what comes first among equals) to sorted pieces.
template <class Out, class T, class Less, class Finish>
Stream<Chunk<Out>> merged(std::vector<Chunk<T>> runs, Less less, Finish finish) {
  using State = Merge<T, Less, Finish>;
  auto state = std::make_shared<State>(State{std::move(runs), {}, {}, std::move(less), std::move(finish)});
  state->cuts.resize(state->runs.size());
  state->choose_splitters();
  if (!state->splitters.empty()) {
    std::vector<Slot<void>> cuts;
    for (std::size_t run = 0; run < state->runs.size(); ++run) {
      auto unit = work([state, run] { state->cut(run); });
      Slot<void> slot = co_yield unit;
      cuts.push_back(std::move(slot));
    }
    for (Slot<void>& slot : cuts) co_await slot;
  }
  std::deque<Slot<Chunk<Out>>> window;
  const std::size_t pieces = state->splitters.size() + 1;
  for (std::size_t piece = 0; piece < pieces || !window.empty();) {
    if (piece < pieces && window.size() < default_slots) {
      auto unit = work([state, piece] { return state->template merge_piece<Out>(piece); });
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

template <class T, class Less>
struct SortBlock {
  std::vector<Chunk<T>> chunks;
  Less less;
  Chunk<T> operator()() {
    Chunk<T> block;
    std::size_t items = 0;
    for (const auto& chunk : chunks) items += chunk.size();
    block.reserve(items);
    for (auto& chunk : chunks) {
      block.insert(block.end(), std::make_move_iterator(chunk.begin()), std::make_move_iterator(chunk.end()));
    }
    chunks.clear();
    std::stable_sort(block.begin(), block.end(), less);
    return block;
  }
};

template <class T, class Less>
Stream<Chunk<T>> sorted(Stream<Chunk<T>> in, Less less) {
  using Block = SortBlock<T, Less>;
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
      auto unit = work(Block{std::exchange(chunks, {}), less});
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
  const auto keep = [](Chunk<T>& out, T&& item) { out.push_back(std::move(item)); };
  co_yield elements_of(merged<T, T>(std::move(runs), std::move(less), keep).named("merge"));
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
    static_assert(
        SortKey<Key, Compare, T>,
        "rondo::sort_by: the key has to take a const item, and the comparison two keys and return a bool");
    auto less = [key = std::move(key), compare = std::move(compare)](const T& a, const T& b) {
      return static_cast<bool>(std::invoke(compare, std::invoke(key, a), std::invoke(key, b)));
    };
    auto stream = sorted<T>(std::move(in).run(default_slots), std::move(less)).named("sort_by");
    return Chunked<T, T, Unchanged>(std::move(stream), Unchanged{});
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
