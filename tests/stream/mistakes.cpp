// Compiles, unless one of the mistakes is chosen: each has to give an error that says what is wrong.
#include <rondo/stream.hpp>
#include <string>

rondo::Stream<int> plain(rondo::Stream<int> in) {
  while (int* n = co_await in.next()) co_yield *n;
}

rondo::Stream<int> unnamed(std::string text) {
#ifdef MISTAKE_unnamed_work
  rondo::Slot<std::size_t> slot = co_yield rondo::work([text] { return text.size(); });
#else
  auto unit = rondo::work([text] { return text.size(); });
  rondo::Slot<std::size_t> slot = co_yield unit;
#endif
  co_yield static_cast<int>(co_await slot);
}

inline void pipelines() {
  auto source = [] { return rondo::from_range(std::vector<int>{1, 2, 3}); };
  auto good = source() | rondo::chunks(2) | rondo::map([](int n) { return n; }) | rondo::sequentialize(2) | plain;
#ifdef MISTAKE_map_function
  auto bad = source() | rondo::map([](std::string text) { return text; });
#endif
#ifdef MISTAKE_filter_condition
  auto bad = source() | rondo::filter([](int) { return std::string(); });
#endif
#ifdef MISTAKE_map_before_a_plain_stage
  auto bad = source() | rondo::map([](int n) { return n; }) | plain;
#endif
#ifdef MISTAKE_lvalue_pipeline
  auto bad = good | rondo::chunks(2);
#endif
#ifdef MISTAKE_when_sort
  auto bad = source() | rondo::when([](int) { return true; }, rondo::sort_by([](int n) { return n; }));
#endif
#ifdef MISTAKE_chunks_twice
  auto bad = source() | rondo::chunks(2) | rondo::chunks(3);
#endif
}
