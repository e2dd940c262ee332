#include "workload/costs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numbers>
#include <numeric>
#include <queue>

namespace reference {
namespace {

// Which of the workload's random draws this is; part of the key, so that no draw depends on another.
enum class Draw : std::uint64_t { base = 1, jitter, walk, swap };

std::uint64_t mixed(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

std::uint64_t bits(std::uint64_t seed, Draw draw, std::uint64_t round, std::uint64_t state) {
  return mixed(mixed(mixed(mixed(seed) ^ static_cast<std::uint64_t>(draw)) ^ round) ^ state);
}

// The standard library leaves the algorithm of its distributions open, and the costs must not.
double normal(std::uint64_t seed, Draw draw, std::uint64_t round, std::uint64_t state) {
  const std::uint64_t first = bits(seed, draw, round, state);
  const std::uint64_t second = mixed(first);
  const double u = (static_cast<double>(first >> 11) + 0.5) * 0x1p-53;
  const double v = (static_cast<double>(second >> 11) + 0.5) * 0x1p-53;
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

// Scaled to the mean exactly: 400 draws miss it by 6 %, and then "mean 1 ms" would mean something else for
// each seed.
std::vector<double> drawn_bases(const Settings& s, std::uint64_t round) {
  std::vector<double> bases(s.states);
  for (std::size_t state = 0; state < s.states; ++state)
    bases[state] = std::exp(s.sigma * normal(s.seed, Draw::base, round, state));
  const double mean = std::accumulate(bases.begin(), bases.end(), 0.0) / static_cast<double>(s.states);
  for (double& base : bases) base *= s.mean_ms / mean;
  return bases;
}

void walk(const Settings& s, std::uint64_t round, std::vector<double>& bases) {
  for (std::size_t state = 0; state < bases.size(); ++state)
    bases[state] *= std::exp(s.drift * normal(s.seed, Draw::walk, round, state) - s.drift * s.drift / 2);
}

void swap_a_tenth(const Settings& s, std::uint64_t round, std::vector<double>& bases) {
  std::vector<std::size_t> order(bases.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return bits(s.seed, Draw::swap, round, a) < bits(s.seed, Draw::swap, round, b);
  });
  const std::size_t swapped = std::max<std::size_t>(2, order.size() / 10);
  for (std::size_t i = 0; i + 1 < std::min(swapped, order.size()); i += 2)
    std::swap(bases[order[i]], bases[order[i + 1]]);
}

}  // namespace

Costs::Costs(const Settings& s) : bases_{s.costs_ms.empty() ? drawn_bases(s, 0) : s.costs_ms} {
  constexpr std::size_t rounds_between_spikes = 10;
  constexpr double least_factor = 0.05;
  table_.reserve(s.rounds * s.states);
  std::vector<double> now = bases_;
  for (std::size_t round = 0; round < s.rounds; ++round) {
    if (s.redraw) now = drawn_bases(s, round);
    if (s.drift > 0 && round > 0) walk(s, round, now);
    if (s.spikes && round > 0 && round % rounds_between_spikes == 0) swap_a_tenth(s, round, now);
    for (std::size_t state = 0; state < s.states; ++state)
      table_.push_back(now[state] *
                       std::max(least_factor, 1.0 + s.jitter * normal(s.seed, Draw::jitter, round, state)));
  }
}

double Costs::bound_ms(std::size_t round, std::size_t workers) const {
  const auto begin = table_.begin() + static_cast<std::ptrdiff_t>(round * states());
  const auto end = begin + static_cast<std::ptrdiff_t>(states());
  return std::max(std::accumulate(begin, end, 0.0) / static_cast<double>(workers),
                  *std::max_element(begin, end));
}

double Costs::chain_bound_ms(std::size_t workers) const {
  double longest = 0.0;
  for (std::size_t state = 0; state < states(); ++state) {
    double chain = 0.0;
    for (std::size_t round = 0; round < rounds(); ++round) chain += ms(round, state);
    longest = std::max(longest, chain);
  }
  return std::max(std::accumulate(table_.begin(), table_.end(), 0.0) / static_cast<double>(workers), longest);
}

std::vector<std::size_t> place_longest_first(const std::vector<double>& costs, std::size_t workers) {
  std::vector<std::size_t> order(costs.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return costs[a] > costs[b]; });
  struct Load {
    double cost;
    std::size_t worker;
    auto operator<=>(const Load&) const = default;
  };
  std::priority_queue<Load, std::vector<Load>, std::greater<>> loads;
  for (std::size_t worker = 0; worker < workers; ++worker) loads.push({0.0, worker});
  std::vector<std::size_t> placed(costs.size());
  for (std::size_t state : order) {
    Load least = loads.top();
    loads.pop();
    placed[state] = least.worker;
    least.cost += costs[state];
    loads.push(least);
  }
  return placed;
}

}  // namespace reference
