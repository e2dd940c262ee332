// The time that a run has: --rondo-walltime, or until the end of the SLURM job.
#pragma once

#include <limits>
#include <string>

#include "engine/options.hpp"

namespace rondo::engine {

struct Walltime {
  // Seconds on the clock that was given; infinite: there is no end.
  double end = std::numeric_limits<double>::infinity();
  double margin = 0;    // seconds before the end that the run needs to leave in order
  std::string source;   // the option or the variable that says so
  std::string refusal;  // why SLURM_JOB_END_TIME is not used, though it is set; empty: it is, or is not set

  // When the run leaves even in the middle of a round.
  [[nodiscard]] double last_moment() const { return end - margin / 2; }
};

// `now` is on the clock of the result, `today` is in seconds since 1970, and `slurm` is SLURM_JOB_END_TIME, or null.
[[nodiscard]] Walltime read_walltime(const Options& options, double now, double today, const char* slurm);
// The same from this process's environment and clock.
[[nodiscard]] Walltime read_walltime(const Options& options, double now);

}  // namespace rondo::engine
