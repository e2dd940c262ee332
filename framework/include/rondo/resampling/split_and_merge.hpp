// Weighted ensembles: states that carry weights are split and merged, so that every region keeps as many of them as wanted.
//
//   const rondo::WalkerPlan plan = rondo::split_and_merge(weights, bins, targets, random);
//   master.resample(plan.offspring);  // the new states have the weights plan.walkers[i].weight, in the order of ids()
//
// Source: G. A. Huber, S. Kim: Weighted-ensemble Brownian dynamics simulations for protein association reactions.
// Biophys. J. 70 (1996), 97-110. That any such scheme is unbiased: B. W. Zhang, D. Jasnow, D. M. Zuckerman, J. Chem.
// Phys. 132 (2010), 054107.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <rondo/accumulators/exact_sum.hpp>
#include <rondo/error.hpp>
#include <rondo/resampling/uniform.hpp>
#include <rondo/resampling/weights.hpp>

namespace rondo {

/// A state to be, and the state of which it is a copy.
struct PlannedWalker {
  std::uint32_t parent;  ///< a position in the weights, that is, in ids()
  /// Its new weight.
  double weight;
};

/// What split_and_merge() decided.
struct WalkerPlan {
  std::vector<std::uint32_t> offspring;  ///< per old state: what Master::resample takes
  std::vector<PlannedWalker>
      walkers;  ///< by ascending parent: in the order of the ids that Master::resample returns
};

namespace detail {

/// The walkers of one bin, by weight; of equal weights the one that was put in first is the lighter one.
class WalkerBin {
 public:
  void insert(std::uint32_t parent, double weight) { walkers_.insert({weight, inserted_++, parent}); }

  /// Makes it `target` walkers, which is at least 1.
  template <BitEngine Engine>
  void fit(std::uint32_t target, Engine& random) {
    ExactSum total;
    for (const Entry& walker : walkers_) total += walker.weight;
    const double ideal = total.value() / target;
    // the smallest denormal number has no half
    while (heaviest() > 2 * ideal && heaviest() / 2 > 0) split_heaviest();
    // This may make one walker heavier than 2 * ideal. Then the two lightest, and so all, were heavier than 1.5 * ideal but
    // for one: there are too few, and the heaviest is split below.
    while (walkers_.size() > 1 && walkers_.begin()->weight < ideal / 2) merge_lightest(random);
    // if there are too few, the heaviest is above ideal; if too many, the two lightest together are below 2 * ideal
    while (walkers_.size() < target) split_heaviest();
    while (walkers_.size() > target) merge_lightest(random);
  }

  void append_to(std::vector<PlannedWalker>& walkers) const {
    for (const Entry& walker : walkers_) walkers.push_back({walker.parent, walker.weight});
  }

 private:
  struct Entry {
    double weight;
    std::uint64_t number;
    std::uint32_t parent;
    bool operator<(const Entry& other) const {
      return std::tie(weight, number) < std::tie(other.weight, other.number);
    }
  };

  [[nodiscard]] double heaviest() const { return std::prev(walkers_.end())->weight; }

  Entry take(std::set<Entry>::const_iterator position) { return walkers_.extract(position).value(); }

  // The pieces add up exactly: halving is exact, and of a denormal number one piece gets the odd bit.
  void split_heaviest() {
    const Entry whole = take(std::prev(walkers_.end()));
    insert(whole.parent, whole.weight / 2);
    insert(whole.parent, whole.weight - whole.weight / 2);
  }

  template <BitEngine Engine>
  void merge_lightest(Engine& random) {
    const Entry first = take(walkers_.begin());
    const Entry second = take(walkers_.begin());
    const double weight = first.weight + second.weight;
    const bool keep_first = uniform(random) < first.weight / weight;
    insert(keep_first ? first.parent : second.parent, weight);
  }

  std::set<Entry> walkers_;
  std::uint64_t inserted_ = 0;
};

/// Adds what merging lost by rounding, so that the exact sum of the weights rounds to `total` again. Heavy walkers come
/// first, no weight changes by more than 2^-46 of itself, and a weight of 0 stays 0.
inline void settle(std::vector<PlannedWalker>& walkers, double total) {
  ExactSum sum, missing(total);
  for (const PlannedWalker& walker : walkers) {
    sum += walker.weight;
    missing += -walker.weight;
  }
  const auto is_exact = [&] { return sum.value() <= total && sum.value() >= total; };
  if (is_exact()) return;
  std::vector<PlannedWalker*> by_weight;
  for (PlannedWalker& walker : walkers) by_weight.push_back(&walker);
  std::ranges::stable_sort(by_weight, std::ranges::greater{},
                           [](const PlannedWalker* walker) { return walker->weight; });
  for (PlannedWalker* walker : by_weight) {
    const double limit = std::max(walker->weight * 0x1p-46, std::numeric_limits<double>::denorm_min());
    const double before = walker->weight;
    if (!(before > 0)) return;
    walker->weight += std::clamp(missing.value(), -limit, limit);
    sum += walker->weight - before;  // exact, as the two are so close
    missing += before - walker->weight;
    if (is_exact()) return;
  }
}

}  // namespace detail

/// Splits heavy walkers and merges light ones, in each bin apart, until each bin that has walkers has as many as its target.
///
/// `weights[i]` and `bins[i]` are of state i, in the order of ids(); `targets[bins[i]]` is how many walkers its bin is to
/// have. A bin without walkers stays empty.
/// - In a bin of total weight W and target t, all weights are in [W / (2 t), 2 W / t] afterwards.
/// - A split divides a walker into two halves, as often as it takes. A merge replaces the two lightest walkers by one
///   of both weights, which continues one of them with a probability in proportion to the weights. So the mean weight of
///   the copies of a state is its weight before.
/// - The total weight is kept to the last bit: the sum of all weights, taken exactly and rounded once (ExactSum), is the
///   same double before and after, however often this is repeated. Splits are exact. What merges lose by rounding is
///   given back to the heaviest walkers. The total of one bin changes by no more than 2^-46 of it.
/// (Bounds hold but for rounding, and as far as weights below 1e-308 can be divided.)
///
/// O((N + sum of targets) log(N)); one random number per merge. InputError: a weight is negative, infinite or NaN; the total is
/// above 2^1023; the numbers of weights and bins differ; a walker is in a bin without a target, or with target 0; the
/// targets are more than 2^32 - 1 walkers. ZeroWeightError: no weight is above 0.
template <BitEngine Engine>
[[nodiscard]] WalkerPlan split_and_merge(std::span<const double> weights, std::span<const std::uint32_t> bins,
                                         std::span<const std::uint32_t> targets, Engine& random) {
  constexpr std::size_t limit = std::numeric_limits<std::uint32_t>::max();
  if (weights.size() != bins.size())
    throw InputError(std::to_string(weights.size()) + " weights and " + std::to_string(bins.size()) +
                         " bins: need one of each per state",
                     {});
  if (weights.size() > limit)
    throw InputError(std::to_string(weights.size()) + " walkers: there can be up to 4294967295", {});
  detail::largest_weight(weights);

  ExactSum total;
  std::vector<detail::WalkerBin> walkers(targets.size());
  std::vector<bool> occupied(targets.size());
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::size_t bin = bins[i];
    if (bin >= targets.size() || targets[bin] == 0)
      throw InputError(
          "walker " + std::to_string(i) + " is in bin " + std::to_string(bin) +
              (bin < targets.size() ? ", whose target is 0: a bin with walkers keeps at least 1"
                                    : ": there are targets for " + std::to_string(targets.size()) + " bins"),
          {});
    if (!occupied[bin]) wanted += targets[bin];
    occupied[bin] = true;
    walkers[bin].insert(static_cast<std::uint32_t>(i), weights[i]);
    total += weights[i];
  }
  if (wanted > limit)
    throw InputError("the targets of all bins with walkers are " + std::to_string(wanted) +
                         " together: there can be up to 4294967295 walkers",
                     {});
  if (total.value() > 0x1p1023)  // so that no rounded sum overflows on the way
    throw InputError("the total weight is above 2^1023: scale the weights", {});

  WalkerPlan plan{std::vector<std::uint32_t>(weights.size()), {}};
  plan.walkers.reserve(wanted);
  for (std::size_t bin = 0; bin < walkers.size(); ++bin) {
    if (!occupied[bin]) continue;
    walkers[bin].fit(targets[bin], random);
    walkers[bin].append_to(plan.walkers);
  }
  detail::settle(plan.walkers, total.value());
  std::ranges::stable_sort(plan.walkers, {}, &PlannedWalker::parent);
  for (const PlannedWalker& walker : plan.walkers) ++plan.offspring[walker.parent];
  return plan;
}

/// The same with one bin for all walkers.
template <BitEngine Engine>
[[nodiscard]] WalkerPlan split_and_merge(std::span<const double> weights, std::uint32_t target,
                                         Engine& random) {
  const std::vector<std::uint32_t> bins(weights.size(), 0);
  return split_and_merge(weights, bins, std::span(&target, 1), random);
}

}  // namespace rondo
