// The time between two checkpoints: the user's choice, or the optimum for a cost and a failure rate. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <variant>

#include <rondo/options.hpp>

namespace rondo::checkpoint {

using Seconds = std::chrono::duration<double>;

using Cadence = std::variant<std::chrono::seconds, Rounds>;

// A whole number above zero and a unit: "90s", "20m", "2h", or "100r" for rounds. Throws OptionError, which
// names `option`, for anything else and for more than 100 years.
[[nodiscard]] Cadence parse_cadence(std::string_view option, std::string_view text);

// The compute time between two checkpoints that makes the expected run time shortest, when a checkpoint costs
// the run `cost` and failures come at random, `between_failures` apart on average.
//
// J. T. Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", Future
// Generation Computer Systems 22 (2006) 303-312. Its leading term, sqrt(2 cost
// between_failures), is J. W. Young, "A first order approximation to the optimum checkpoint interval",
// Communications of the ACM 17 (1974) 530-531.
//
// The result is 0 if a checkpoint costs nothing, so the caller sets a lower limit. Throws OptionError if `between_failures` is
// not a positive time.
[[nodiscard]] Seconds optimum_interval(Seconds cost, Seconds between_failures);

// The mean time between failures of a run on `nodes` nodes, each of which fails independently.
[[nodiscard]] Seconds between_failures(Seconds of_one_node, std::uint64_t nodes);

}  // namespace rondo::checkpoint
