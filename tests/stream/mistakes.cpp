// Mistakes of users, each with what the compiler has to say: it may say more, but nothing of this is to be left out, and
// nothing is to be wrong outside of the mistakes. mistakes.cmake compiles this once and looks.
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <rondo/ranks.hpp>
#include <rondo/stream.hpp>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

rondo::Stream<int> plain(rondo::Stream<int> in) {
  while (int* n = co_await in.next()) co_yield *n;
}

rondo::Stream<int> work_with_a_name(std::string text) {
  auto unit = rondo::work([text] { return text.size(); });
  rondo::Slot<std::size_t> slot = co_yield unit;
  co_yield static_cast<int>(co_await slot);
}

// MISTAKE unnamed_work: rondo::work: name the unit first
rondo::Stream<int> work_without_a_name(std::string text) {
  rondo::Slot<std::size_t> slot = co_yield rondo::work([text] { return text.size(); });
  co_yield static_cast<int>(co_await slot);
}
// END

// MISTAKE yield_of_another_type: a Stream<T> can co_yield a T
rondo::Stream<int> yields_text() { co_yield std::string("text"); }
// MISTAKE yield_of_what_cannot_be_copied: a Stream<T> can co_yield a T
rondo::Stream<std::unique_ptr<int>> yields_without_a_move(std::unique_ptr<int> owner) { co_yield owner; }
// MISTAKE elements_of_another_type: a Stream<T> can co_yield a T
rondo::Stream<std::string> nests_numbers() { co_yield rondo::elements_of(plain({})); }
// MISTAKE yield_of_a_plain_function: a Stream<T> can co_yield a T
rondo::Stream<int> yields_a_function() {
  co_yield [] { return 1; };
}
struct alignas(64) Wide {
  double x[8];
};
// MISTAKE yield_of_the_overaligned: rondo::Stream<T>: g++ 12 misplaces a T
rondo::Stream<Wide> yields_wide() { co_yield Wide{}; }
// MISTAKE await_of_a_stream: a Stream can co_await stream.next() or a Slot
rondo::Stream<int> awaits_a_stream(rondo::Stream<int> in) { co_await in; }
// END

struct Item {
  std::string name;
  int count = 0;
};
struct Opaque {};
// Can be copied, but not assigned.
struct Fixed {
  explicit Fixed(int n) : value(n) {}
  const int value;
};
// Can be looked at where it is, and no more.
struct Pinned {
  explicit Pinned(int n) : value(n) {}
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  int value;
};
rondo::Stream<Fixed> all_fixed() { co_yield Fixed(1); }
rondo::Stream<Pinned> all_pinned() { co_yield Pinned(1); }

inline void aggregations() {
  auto items = [] { return rondo::from_range(std::vector<Item>(3)); };
  auto good = items() | rondo::group_by(&Item::name, [](Item& a, const Item& b) { a.count += b.count; });
  auto good_parts =
      items() | rondo::deduplicate(
                    [](const Item& i) {
                      return std::tuple(std::optional(i.name), std::variant<int, std::string>(1),
                                        std::vector{i.name}, std::array{std::pair(1, i.name)});
                    },
                    rondo::keep_none);
  auto good_path = items() | rondo::deduplicate([](const Item& i) { return std::filesystem::path(i.name); },
                                                rondo::keep_none);

  auto good_functions =
      items() | rondo::map([own = std::unique_ptr<int>()](const Item& i) { return i; }) |
      rondo::filter([own = std::unique_ptr<int>()](const Item& i) { return i.count > 0; }) |
      rondo::deduplicate([own = std::unique_ptr<int>()](const Item& i) { return i.count; },
                         rondo::keep_highest(&Item::count, [](int a, int b) { return a < b; }));
  auto good_fixed = all_fixed() | rondo::filter([](const Fixed& f) { return f.value > 0; }) | rondo::take(1);
  rondo::for_each(all_pinned() | rondo::take(1), [](const Pinned&) {});

  // MISTAKE key_that_cannot_be_copied: has to be a value that can be copied
  items() |
      rondo::deduplicate([](const Item& i) { return std::make_unique<int>(i.count); }, rondo::keep_none);
  // MISTAKE key_of_something_else: the key of an aggregation has to take a const item
  items() | rondo::group_by(&Fixed::value, [](Item& a, const Item&) { a.count++; });
  // MISTAKE key_that_changes: the key of an aggregation has to take a const item
  items() | rondo::deduplicate([n = 0](const Item&) mutable { return n++; }, rondo::keep_none);
  // MISTAKE combine_of_nothing: the function of an aggregation does not fit the items
  items() | rondo::aggregate(&Item::name, [](Item, Item) { return 3; });
  // MISTAKE lowest_of_what_cannot_be_compared: the function of an aggregation does not fit the items
  items() | rondo::deduplicate(&Item::name, rondo::keep_lowest([](const Item&) { return Opaque(); }));
  // MISTAKE highest_of_what_cannot_be_compared: the function of an aggregation does not fit the items
  items() | rondo::deduplicate(&Item::name, rondo::keep_highest([](const Item&) { return Opaque(); }));
  // MISTAKE highest_by_a_wrong_comparison: the function of an aggregation does not fit the items
  items() | rondo::deduplicate(&Item::name, rondo::keep_highest(&Item::count, [](int n) { return n > 0; }));
  // MISTAKE group_what_cannot_be_assigned: have to be movable and assignable
  all_fixed() | rondo::group_by(&Fixed::value, [](Fixed a, const Fixed&) { return a; });
  // MISTAKE deduplicate_what_cannot_be_assigned: have to be movable and assignable
  all_fixed() | rondo::deduplicate(&Fixed::value, rondo::keep_none);
  // MISTAKE when_without_a_condition: rondo::when: the condition has to take a const item
  items() | rondo::when([](const Fixed&) { return true; }, rondo::deduplicate(&Item::name, rondo::keep_none));
  // MISTAKE key_of_a_view: the key of group_by, deduplicate or aggregate has to own
  items() | rondo::deduplicate([](const Item& i) { return std::span(i.name); }, rondo::keep_none);
  // MISTAKE key_of_references: the key of group_by, deduplicate or aggregate has to own
  items() | rondo::deduplicate([](const Item& i) { return std::tuple(std::cref(i)); }, rondo::keep_none);
  // MISTAKE key_of_an_optional_view: the key of group_by, deduplicate or aggregate has to own
  items() | rondo::deduplicate([](const Item& i) { return std::optional<std::string_view>(i.name); },
                               rondo::keep_none);
  // MISTAKE key_of_a_choice_of_views: the key of group_by, deduplicate or aggregate has to own
  items() | rondo::deduplicate([](const Item& i) { return std::variant<int, std::string_view>(i.name); },
                               rondo::keep_none);
  // MISTAKE key_of_an_array_of_views: the key of group_by, deduplicate or aggregate has to own
  items() | rondo::deduplicate([](const Item& i) { return std::array<std::string_view, 1>{i.name}; },
                               rondo::keep_none);
  // MISTAKE key_of_a_vector_of_views: the key of group_by, deduplicate or aggregate has to own
  items() | rondo::deduplicate([](const Item& i) { return std::vector<std::string_view>{i.name}; },
                               rondo::keep_none);
  // MISTAKE key_of_nested_views: the key of group_by, deduplicate or aggregate has to own
  items() | rondo::deduplicate(
                [](const Item& i) {
                  return std::tuple(1, std::optional(std::vector{std::pair(2, std::span(i.name))}));
                },
                rondo::keep_none);
  // MISTAKE key_without_order: the key of group_by, deduplicate or aggregate has to have a std::hash
  items() | rondo::deduplicate([](const Item&) { return Opaque(); }, rondo::keep_none);
  // MISTAKE combine_of_a_copy: rondo::group_by: a function that returns nothing has to take
  items() | rondo::group_by(&Item::name, [](Item a, Item b) { a.count += b.count; });
  // MISTAKE keep_what: rondo::deduplicate: after the key comes
  items() | rondo::deduplicate(&Item::name, &Item::count);
  // MISTAKE keep_by_a_function: rondo::deduplicate: after the key comes
  items() | rondo::deduplicate(&Item::name, [](const Item& a, const Item&) { return a; });
  // END
}

inline void pipelines() {
  auto source = [] { return rondo::from_range(std::vector<int>{1, 2, 3}); };
  auto good =
      source() | rondo::chunks(2) | rondo::map([](int n) { return n; }) | rondo::sequentialize(2) | plain;
  std::vector<std::unique_ptr<int>> owners;

  // MISTAKE map_function: rondo::map: the function has to take an item
  source() | rondo::map([](std::string text) { return text; });
  // MISTAKE map_to_nothing: rondo::map: the function has to take an item
  source() | rondo::map([](int) {});
  // MISTAKE map_to_what_cannot_be_moved: rondo::map: the function has to take an item
  source() | rondo::map([](int n) { return Pinned(n); });
  // MISTAKE chunks_of_what_cannot_be_moved: items have to be movable to go into chunks
  all_pinned() | rondo::chunks(2);
  // MISTAKE evaluate_what_cannot_be_moved: rondo::evaluate: items have to be movable to be kept
  auto kept = rondo::evaluate(all_pinned());
  // MISTAKE evaluate_a_range: rondo::evaluate takes a pipeline
  rondo::evaluate(std::vector<int>{1});
  // MISTAKE for_each_of_a_range: rondo::for_each takes a pipeline
  rondo::for_each(std::vector<int>{1}, [](int) {});
  // MISTAKE sequential_of_a_range: rondo::sequential takes a pipeline
  rondo::sequential(std::vector<int>{1});
  // MISTAKE sort_what_cannot_be_assigned: rondo::sort_by: items have to be movable and assignable
  all_fixed() | rondo::sort_by(&Fixed::value);
  // MISTAKE sort_by_something_else: rondo::sort_by: the key has to take a const item
  source() | rondo::sort_by(&Item::count);
  // MISTAKE sort_by_what_cannot_be_copied: rondo::sort_by: the key and the comparison have to be
  source() | rondo::sort_by([own = std::unique_ptr<int>()](int n) { return n; });
  // MISTAKE work_of_what_cannot_be_moved: rondo::work: what the function returns has to be movable
  auto stays = rondo::work([] { return Pinned(1); });
  // MISTAKE filter_condition: rondo::filter: the function has to take a const item
  source() | rondo::filter([](int) { return std::string(); });
  // MISTAKE map_before_a_plain_stage: put sequentialize(slots) or collect() before it
  source() | rondo::map([](int n) { return n; }) | plain;
  // MISTAKE lvalue_pipeline: a stream can be used once
  good | rondo::chunks(2);
  // MISTAKE when_sort: rondo::when takes group_by, deduplicate or aggregate
  source() | rondo::when([](int) { return true; }, rondo::sort_by([](int n) { return n; }));
  // MISTAKE stages_of_a_range: a range is not a stream; write rondo::from_range(range) |
  std::vector<int>{1, 2, 3} | rondo::chunks(2);
  // MISTAKE evaluate_lvalue: rondo::evaluate: a stream can be used once
  auto all = rondo::evaluate(good);
  // MISTAKE for_each_lvalue: rondo::for_each: a stream can be used once
  rondo::for_each(good, [](int) {});
  // MISTAKE for_each_sink: rondo::for_each: the sink has to take an item
  rondo::for_each(source(), [](std::string) {});
  // MISTAKE sequential_lvalue: rondo::sequential: a stream can be used once
  auto range = rondo::sequential(good);
  // MISTAKE work_of_a_reference: rondo::work: the function has to return a value
  auto unit = rondo::work([&good]() -> auto& { return good; });
  // MISTAKE from_range_of_what_cannot_be_copied: rondo::from_range: these items cannot be copied
  rondo::from_range(owners);
  // MISTAKE chunks_twice: this pipeline has chunks already
  source() | rondo::chunks(2) | rondo::chunks(3);
  // END
}

struct Twice : rondo::Update<rondo::Nothing, int, int> {};
inline void on_ranks(rondo::Master<Twice>& master) {
  auto good = rondo::from_range(std::vector<int>{1, 2, 3}) | rondo::on_ranks(master);

  // MISTAKE evaluate_on_lvalue: rondo::evaluate_on: a stream can be used once
  auto all = rondo::evaluate_on(master, good);
  // MISTAKE for_each_on_lvalue: rondo::for_each_on: a stream can be used once
  rondo::for_each_on(master, good, [](int) {});
  // MISTAKE for_each_on_sink: rondo::for_each_on: the sink has to take an item
  rondo::for_each_on(master, std::move(good), [](std::string) {});
  // END
}
