#include "engine/beginning.hpp"

#include <sstream>
#include <utility>

#include "engine/descriptors.hpp"
#include "threads/stack.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

Beginning::Beginning(int& argc, char** argv, Watchdog::Prepare prepare, const rondo::Options& preset)
    : launch_(read_launch()) {
  open_standard_descriptors();
  std::ostringstream help;
  try {
    options_ = take_options(argc, argv, help, preset);
  } catch (const OptionError& error) {
    error_ = error;
  }
  help_ = help.str();
  if (!options_) return;
  threads::stack_wanted = options_->stack.value_or(0);
  // slurm/rondo-run takes the status from the marker
  const bool is_marked = options_->recover && !options_->marker.empty();
  const bool is_launched = !options_->alone && launch_.connects;
  using Parent = SignalWatch::Parent;
  if (!options_->checkpoint.empty())
    signals_.emplace(is_launched && !is_marked ? Parent::launcher : Parent::other);
  watchdog_.emplace(Vigil::limits_of_master(*options_), prepare);
  const Walltime walltime = read_walltime(*options_, transport::steady_now().count());
  watchdog_->leave_by(walltime.last_moment(), kNothingSavedStatus, walltime.source);
}

void Beginning::resolve_paths() {
  if (!options_) return;
  try {
    engine::resolve_paths(*options_);
  } catch (const OptionError& error) {
    error_ = error;
  }
}

}  // namespace rondo::engine
