// Compiles, unless one of the mistakes is chosen: each has to give an error that says what is wrong.
#include <functional>
#include <memory>
#include <rondo/stream.hpp>
#include <span>
#include <string>
#include <tuple>
#include <vector>

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

struct Item {
  std::string name;
  int count = 0;
};
struct Opaque {};

inline void aggregations() {
  auto items = [] { return rondo::from_range(std::vector<Item>(3)); };
  auto good = items() | rondo::group_by(&Item::name, [](Item& a, const Item& b) { a.count += b.count; });
#ifdef MISTAKE_key_of_a_view
  auto bad = items() | rondo::deduplicate([](const Item& i) { return std::span(i.name); }, rondo::keep_none);
#endif
#ifdef MISTAKE_key_of_references
  auto bad =
      items() | rondo::deduplicate([](const Item& i) { return std::tuple(std::cref(i)); }, rondo::keep_none);
#endif
#ifdef MISTAKE_key_without_order
  auto bad = items() | rondo::deduplicate([](const Item&) { return Opaque(); }, rondo::keep_none);
#endif
#ifdef MISTAKE_combine_of_a_copy
  auto bad = items() | rondo::group_by(&Item::name, [](Item a, Item b) { a.count += b.count; });
#endif
#ifdef MISTAKE_keep_what
  auto bad = items() | rondo::deduplicate(&Item::name, &Item::count);
#endif
#ifdef MISTAKE_keep_by_a_function
  auto bad = items() | rondo::deduplicate(&Item::name, [](const Item& a, const Item&) { return a; });
#endif
}

inline void pipelines() {
  auto source = [] { return rondo::from_range(std::vector<int>{1, 2, 3}); };
  auto good =
      source() | rondo::chunks(2) | rondo::map([](int n) { return n; }) | rondo::sequentialize(2) | plain;
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
#ifdef MISTAKE_stages_of_a_range
  auto bad = std::vector<int>{1, 2, 3} | rondo::chunks(2);
#endif
#ifdef MISTAKE_evaluate_lvalue
  auto bad = rondo::evaluate(good);
#endif
#ifdef MISTAKE_for_each_lvalue
  rondo::for_each(good, [](int) {});
#endif
#ifdef MISTAKE_for_each_sink
  rondo::for_each(source(), [](std::string) {});
#endif
#ifdef MISTAKE_sequential_lvalue
  auto bad = rondo::sequential(good);
#endif
#ifdef MISTAKE_work_of_a_reference
  auto bad = rondo::work([&good]() -> auto& { return good; });
#endif
#ifdef MISTAKE_from_range_of_what_cannot_be_copied
  std::vector<std::unique_ptr<int>> owners;
  auto bad = rondo::from_range(owners);
#endif
#ifdef MISTAKE_chunks_twice
  auto bad = source() | rondo::chunks(2) | rondo::chunks(3);
#endif
}
