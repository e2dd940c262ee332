// Sorting and the stages that look at equal keys, each against a plain algorithm over random inputs, chunk
// sizes and threads.
#include <map>
#include <optional>

#include "inputs.hpp"

namespace {

auto chunked(const Case& one) { return rondo::from_range(std::vector(one.items)) | rondo::chunks(one.chunk); }

// The plain left fold: a table, and whoever leaves it, by place. `combine` returns what replaces the two.
template <class Combine>
std::vector<Item> folded(const std::vector<Item>& items, Combine combine) {
  std::map<std::size_t, Item> output;
  std::map<int, std::size_t> place_of;
  for (std::size_t place = 0; place < items.size(); ++place) {
    const auto at = place_of.find(items[place].key);
    if (at == place_of.end()) {
      place_of[items[place].key] = place;
      output[place] = items[place];
      continue;
    }
    rondo::Combined<Item> result = combine(output[at->second], items[place]);
    if (result.second) {
      output[at->second] = *result.first;
      output[place] = *result.second;
      at->second = place;
    } else if (result.first) {
      output[at->second] = *result.first;
    } else {
      output.erase(at->second);
      place_of.erase(at);
    }
  }
  std::vector<Item> model;
  for (auto& [place, item] : output) model.push_back(item);
  return model;
}

TEST(Sort, IsAStableSort) {
  check_against([](Case& one) { return chunked(one) | rondo::sort_by(&Item::key); },
                [](Case& one) {
                  auto model = one.items;
                  std::ranges::stable_sort(model, {}, &Item::key);
                  return model;
                });
}

TEST(Sort, OfManyBlocksWithFewAndManyKeys) {
  for (const int keys : {1, 7, 1'000'000}) {
    std::mt19937_64 random(static_cast<std::uint64_t>(keys));
    std::vector<Item> items;
    for (int i = 0; i < 70'000; ++i)
      items.push_back({static_cast<int>(random() % static_cast<unsigned>(keys)), i, {}});
    auto model = items;
    std::ranges::stable_sort(model, std::ranges::greater{}, &Item::key);
    auto pipeline = [&] {
      return rondo::from_range(items) | rondo::chunks(500) |
             rondo::sort_by(&Item::key, std::ranges::greater{});
    };
    rondo::StreamReport report;
    EXPECT_EQ(rondo::evaluate(pipeline(), {.threads_max = 4, .effectiveness = 0, .report = &report}), model);
    EXPECT_EQ(by_hand::evaluate(pipeline(), 5, 11), model);
    if (keys > 7) {
      EXPECT_GE(report.units, 9U + 9U + 9U) << "blocks, cuts and merges are work units";
    }
  }
}

TEST(GroupBy, OneItemPerKeyInTheOrderOfTheFirst) {
  const auto join = [](Item a, const Item& b) {
    a.value += b.value;
    a.text += "," + b.text;
    return a;
  };
  check_against([&](Case& one) { return chunked(one) | rondo::group_by(&Item::key, join); },
                [&](Case& one) { return folded(one.items, join); });
}

TEST(GroupBy, CombinesInPlaceAndAfterMapAndFilter) {
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::map([](Item item) {
                 return Item{item.key / 2, 1, {}};
               }) |
               rondo::filter([](const Item& item) { return item.key != 1; }) |
               rondo::group_by(&Item::key, [](Item& a, Item b) { a.value += b.value; }) |
               rondo::sort_by(&Item::key) | rondo::map(&Item::value);
      },
      [](Case& one) {
        std::map<int, int> counts;
        for (const Item& item : one.items) ++counts[item.key / 2];
        counts.erase(1);
        std::vector<int> model;
        for (const auto& [key, count] : counts) model.push_back(count);
        return model;
      });
}

TEST(GroupBy, SumsOfDoublesDoNotDependOnTheThreads) {
  std::mt19937_64 random(5);
  std::vector<double> numbers(50'000);
  for (double& number : numbers) number = std::generate_canonical<double, 53>(random) * 1e6;
  const auto run = [&](unsigned threads) {
    return rondo::evaluate(
        rondo::from_range(numbers) | rondo::chunks(64) |
            rondo::group_by([](double x) { return static_cast<int>(x) % 3; }, std::plus<>{}),
        {.threads_max = threads, .effectiveness = 0});
  };
  const auto alone = run(1);
  EXPECT_EQ(run(2), alone);
  EXPECT_EQ(run(5), alone);
}

TEST(GroupBy, KeysWithoutAHash) {
  using Key = std::pair<int, std::string>;  // std::hash has no such thing
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::group_by([](const Item& item) { return Key(item.key, "x"); },
                                              [](Item a, Item) { return a; });
      },
      [](Case& one) { return folded(one.items, [](const Item& a, const Item&) { return a; }); });
}

// Long enough not to lie inside the std::string, and changed by no rule but moved by all.
std::string long_name(const Item& item) {
  return "a name of more than sixteen letters " + std::to_string(item.key);
}

TEST(GroupBy, KeysThatReferToTheItemAreKeptAsValues) {
  const auto add = [](Item& a, Item b) { a.value += b.value; };
  const auto name = rondo::map([](Item item) {
    item.text = long_name(item);
    return item;
  });
  const auto with = [&](auto key) {
    check_against([&](Case& one) { return chunked(one) | name | rondo::group_by(key, add); },
                  [&](Case& one) {
                    for (Item& item : one.items) item.text = long_name(item);
                    return folded(one.items, [&](Item a, const Item& b) {
                      add(a, b);
                      return a;
                    });
                  },
                  40);
  };
  with(&Item::text);
  with([](const Item& item) -> const std::string& { return item.text; });
  with([](const Item& item) -> std::string_view { return item.text; });
  with([](const Item& item) { return std::tie(item.key, item.text); });
  with([](const Item& item) { return std::pair<std::string_view, const int&>(item.text, item.key); });
}

TEST(Aggregate, KeysThatReferToTheItemAreKeptAsValues) {
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::map([](Item item) {
                 return Item{item.key, item.value, long_name(item)};
               }) |
               rondo::aggregate([](const Item& item) -> std::string_view { return item.text; },
                                [](Item a, Item b) -> rondo::Combined<Item> {
                                  a.value = std::max(a.value, b.value);
                                  a.text.clear();
                                  return a;
                                }) |
               rondo::map(&Item::value);
      },
      [](Case& one) {
        std::vector<int> values;
        for (const Item& item : folded(one.items, [](Item a, Item b) -> rondo::Combined<Item> {
               a.value = std::max(a.value, b.value);
               return a;
             }))
          values.push_back(item.value);
        return values;
      },
      40);
}

TEST(Deduplicate, KeepNone) {
  check_against([](Case& one) { return chunked(one) | rondo::deduplicate(&Item::key, rondo::keep_none); },
                [](Case& one) {
                  std::map<int, int> counts;
                  for (const Item& item : one.items) ++counts[item.key];
                  auto model = one.items;
                  std::erase_if(model, [&](const Item& item) { return counts[item.key] > 1; });
                  return model;
                });
}

template <class Better>
std::vector<Item> best(const std::vector<Item>& items, Better better) {
  std::map<int, std::size_t> chosen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const auto [at, fresh] = chosen.emplace(items[i].key, i);
    if (!fresh && better(items[i].value, items[at->second].value)) at->second = i;
  }
  std::vector<std::size_t> places;
  for (const auto& [key, place] : chosen) places.push_back(place);
  std::ranges::sort(places);
  std::vector<Item> model;
  for (const std::size_t place : places) model.push_back(items[place]);
  return model;
}

TEST(Deduplicate, KeepLowestAndHighestTheEarliestOfEquals) {
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::deduplicate(&Item::key, rondo::keep_lowest(&Item::value));
      },
      [](Case& one) { return best(one.items, std::less{}); });
  check_against(
      [](Case& one) {
        return chunked(one) | rondo::deduplicate(&Item::key, rondo::keep_highest(&Item::value));
      },
      [](Case& one) { return best(one.items, std::greater{}); });
}

// Neither associative nor commutative, and gives 0, 1 or 2 items.
rondo::Combined<Item> react(Item earlier, Item later) {
  switch ((earlier.value * 3 + later.value) % 4) {
    case 0: return {};
    case 1: return {Item{earlier.key, earlier.value + 1, later.text}};
    case 2: return {Item{earlier.key, earlier.value + 2, earlier.text + "+"}};
    default: return {std::move(earlier), std::move(later)};
  }
}

TEST(Aggregate, IsTheLeftFoldOfEachKeyWhateverTheRule) {
  check_against([](Case& one) { return chunked(one) | rondo::aggregate(&Item::key, react); },
                [](Case& one) { return folded(one.items, react); });
}

TEST(Aggregate, OfManyBatches) {
  std::mt19937_64 random(3);
  std::vector<Item> items;
  for (int i = 0; i < 60'000; ++i)
    items.push_back({static_cast<int>(random() % 5000), static_cast<int>(random() % 10), {}});
  const auto model = folded(items, react);
  auto pipeline = [&] {
    return rondo::from_range(items) | rondo::chunks(100) | rondo::aggregate(&Item::key, react);
  };
  EXPECT_EQ(rondo::evaluate(pipeline(), {.threads_max = 4, .effectiveness = 0}), model);
  EXPECT_EQ(by_hand::evaluate(pipeline(), 6, 2), model);
}

TEST(When, OnlyMatchingItemsGoThroughTheOthersPassByFirst) {
  const auto expensive = [](const Item& item) { return item.value > 4; };
  const auto model_of = [&](Case& one, auto aggregation) {
    std::vector<Item> passed, matching;
    for (const Item& item : one.items) (expensive(item) ? matching : passed).push_back(item);
    for (Item& item : aggregation(matching)) passed.push_back(std::move(item));
    return passed;
  };
  check_against(
      [&](Case& one) {
        return chunked(one) |
               rondo::when(expensive, rondo::deduplicate(&Item::key, rondo::keep_lowest(&Item::value)));
      },
      [&](Case& one) { return model_of(one, [](const auto& items) { return best(items, std::less{}); }); });
  check_against(
      [&](Case& one) { return chunked(one) | rondo::when(expensive, rondo::aggregate(&Item::key, react)); },
      [&](Case& one) { return model_of(one, [](const auto& items) { return folded(items, react); }); });
}

}  // namespace
