// Swaps between neighbours of a ladder: replica exchange, parallel tempering.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <rondo/error.hpp>
#include <rondo/resampling/uniform.hpp>

namespace rondo {

/// Which neighbours may swap: even ones are the rungs (0, 1), (2, 3), ..., odd ones are (1, 2), (3, 4), ...
enum class LadderPairs { even, odd };

/// Tries to swap each even, or each odd, pair of neighbours on a ladder, by Metropolis' criterion, independently.
///
/// `log_acceptance(i, j)` is asked once for each pair, with j = i + 1: the log of the ratio of the probabilities after and
/// before the swap of what is at rungs i and j. The swap is accepted with the probability min(1, exp of it). For
/// temperatures it is (beta[i] - beta[j]) * (energy[i] - energy[j]), where energy[i] is that of the state at rung i.
/// -infinity rejects and +infinity accepts.
///
/// Returns a permutation: result[i] is the rung, before, of what is at rung i afterwards. A pair (i, i + 1) was swapped if
/// result[i] == i + 1. With state_at[i] the position in ids() of the state at rung i, the new state_at[i] is the old
/// state_at[result[i]], and no state has to move.
///
/// Each call alone keeps the joint distribution and is reversible. Alternate even and odd from round to round: that mixes
/// faster than choosing at random.
/// Sources: R. H. Swendsen, J.-S. Wang, Phys. Rev. Lett. 57 (1986), 2607-2609; K. Hukushima, K. Nemoto, J. Phys. Soc. Jpn. 65
/// (1996), 1604-1608; alternation: S. Syed, A. Bouchard-Cote, G. Deligiannidis, A. Doucet, J. R. Stat. Soc. B 84 (2022), 321-350.
///
/// O(rungs), one random number per pair, accepted or not. InputError names the first pair whose log_acceptance is NaN; or
/// there are more than 2^32 - 1 rungs. The exp() is that of the C library.
template <std::invocable<std::size_t, std::size_t> LogAcceptance, BitEngine Engine>
[[nodiscard]] std::vector<std::uint32_t> neighbour_swaps(std::size_t rungs, LadderPairs pairs,
                                                         LogAcceptance log_acceptance, Engine& random) {
  if (rungs > std::numeric_limits<std::uint32_t>::max())
    throw InputError(std::to_string(rungs) + " rungs: there can be up to 4294967295", {});
  std::vector<std::uint32_t> result(rungs);
  std::iota(result.begin(), result.end(), std::uint32_t{0});
  for (std::size_t i = pairs == LadderPairs::even ? 0 : 1; i + 1 < rungs; i += 2) {
    const double log_ratio = log_acceptance(i, i + 1);
    if (std::isnan(log_ratio))
      throw InputError("the log of the acceptance of rungs " + std::to_string(i) + " and " +
                           std::to_string(i + 1) + " is not a number",
                       {});
    if (detail::uniform(random) < std::exp(log_ratio)) std::swap(result[i], result[i + 1]);
  }
  return result;
}

}  // namespace rondo
