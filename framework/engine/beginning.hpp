// What a process sets up before anything else of its run: it reads its options, listens to signals, and begins to watch its
// limits. MPI comes later, as its start may hang, and a signal may come in the meantime.
#pragma once

#include <optional>
#include <string>

#include <rondo/error.hpp>

#include "engine/launch.hpp"
#include "engine/options.hpp"
#include "engine/signals.hpp"
#include "engine/watchdog.hpp"

namespace rondo::engine {

class Beginning {
 public:
  // Takes the options out of argv, as take_options() does. Throws nothing: what is wrong is in error().
  Beginning(int& argc, char** argv, Watchdog::Prepare prepare, const rondo::Options& preset);

  // On rank 0, once the process knows that it is that: makes the paths of the options absolute. What is wrong is in error().
  void resolve_paths();

  // How the process was started.
  [[nodiscard]] const Launch& launch() const { return launch_; }
  // Null: there is an error, or --rondo-help was given.
  [[nodiscard]] const Options* options() const { return options_ ? &*options_ : nullptr; }
  [[nodiscard]] const std::optional<OptionError>& error() const { return error_; }
  // What --rondo-help prints; empty: it was not given.
  [[nodiscard]] const std::string& help() const { return help_; }
  // Null if there are no options.
  [[nodiscard]] Watchdog* watchdog() { return watchdog_ ? &*watchdog_ : nullptr; }

 private:
  const Launch launch_;
  std::optional<Options> options_;
  std::optional<OptionError> error_;
  std::string help_;
  std::optional<SignalWatch> signals_;
  std::optional<Watchdog> watchdog_;
};

}  // namespace rondo::engine
