#include "engine/walltime.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace rondo::engine {

namespace {

// Between the end of a run and the end of its walltime MPI ends, and a batch script wants its turn. Of a short walltime it is
// a tenth.
constexpr double kMargin = 10;
constexpr double kMarginShare = 0.1;

// Seconds from today until then. Says in `refusal` why it cannot be the end of this job.
double seconds_left(const char* slurm, double today, std::string& refusal) {
  std::uint64_t end = 0;
  const char* const text_end = slurm + std::strlen(slurm);
  const auto [at, error] = std::from_chars(slurm, text_end, end);
  if (error != std::errc() || at != text_end)
    refusal = "need seconds since 1970";
  else if (static_cast<double>(end) <= today)
    refusal = "that is in the past, and this job still runs";
  if (refusal.empty()) return static_cast<double>(end) - today;
  refusal = "SLURM_JOB_END_TIME: " + refusal + ", got '" + slurm +
            "'; it is ignored, and --rondo-walltime tells the time that the run has";
  return 0;
}

}  // namespace

Walltime read_walltime(const Options& options, double now, double today, const char* slurm) {
  Walltime walltime;
  if (options.checkpoint.empty()) return walltime;
  double seconds = seconds_or(options.walltime, 0);
  walltime.source = options.written("walltime");
  if (seconds == 0 && slurm != nullptr) {
    seconds = seconds_left(slurm, today, walltime.refusal);
    walltime.source = "SLURM_JOB_END_TIME";
  }
  if (seconds == 0) return walltime;
  walltime.end = now + seconds;
  walltime.margin = std::min(seconds * kMarginShare, kMargin);
  return walltime;
}

Walltime read_walltime(const Options& options, double now) {
  return read_walltime(options, now, static_cast<double>(std::time(nullptr)),
                       std::getenv("SLURM_JOB_END_TIME"));
}

}  // namespace rondo::engine
