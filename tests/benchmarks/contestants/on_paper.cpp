// What schedules reach on paper, where nothing but the costs takes time: median efficiency against the bound.
//
// Prints one line of JSON. Says how much of a contestant's distance to the bound is its schedule and not its
// overhead.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <queue>

#include "workload/costs.hpp"

namespace {

using Order = std::vector<std::size_t>;

double list_schedule(const reference::Costs& costs, std::size_t round, const Order& order,
                     std::size_t workers) {
  std::priority_queue<double, std::vector<double>, std::greater<>> ends;
  for (std::size_t worker = 0; worker < workers; ++worker) ends.push(0.0);
  double last = 0.0;
  for (std::size_t state : order) {
    const double end = ends.top() + costs.ms(round, state);
    ends.pop();
    ends.push(end);
    last = std::max(last, end);
  }
  return last;
}

double placed_schedule(const reference::Costs& costs, std::size_t round, const Order& placed,
                       std::size_t workers) {
  std::vector<double> loads(workers);
  for (std::size_t state = 0; state < placed.size(); ++state) loads[placed[state]] += costs.ms(round, state);
  return *std::max_element(loads.begin(), loads.end());
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  reference::Settings settings = reference::settings_from(argc, argv);
  const reference::Costs costs{settings};
  const std::size_t workers = settings.workers;
  Order in_order(settings.states);
  std::iota(in_order.begin(), in_order.end(), 0);
  Order blocks(settings.states);
  for (std::size_t state = 0; state < blocks.size(); ++state) blocks[state] = state * workers / blocks.size();
  std::vector<double> bases(settings.states);
  for (std::size_t state = 0; state < bases.size(); ++state) bases[state] = costs.base_ms(state);
  const Order placed = reference::place_longest_first(bases, workers);

  std::vector<double> by_blocks, by_order, by_base, by_last, bounds;
  for (std::size_t round = 1; round < settings.rounds; ++round) {
    const double bound = costs.bound_ms(round, workers);
    Order last = in_order;
    std::sort(last.begin(), last.end(),
              [&](std::size_t a, std::size_t b) { return costs.ms(round - 1, a) > costs.ms(round - 1, b); });
    bounds.push_back(bound);
    by_blocks.push_back(bound / placed_schedule(costs, round, blocks, workers));
    by_order.push_back(bound / list_schedule(costs, round, in_order, workers));
    by_base.push_back(bound / placed_schedule(costs, round, placed, workers));
    by_last.push_back(bound / list_schedule(costs, round, last, workers));
  }
  const nlohmann::ordered_json line{{"workers", workers},
                                    {"bound_ms", median(bounds)},
                                    {"blocks", median(by_blocks)},
                                    {"dynamic_in_order", median(by_order)},
                                    {"placed_by_base_cost", median(by_base)},
                                    {"dynamic_by_last_cost", median(by_last)}};
  std::printf("%s\n", line.dump().c_str());
}
