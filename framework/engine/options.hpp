// The options of a run: what the program sets, RONDO_... in the environment, --rondo-... on the command line.
#pragma once

#include <cstdint>
#include <iostream>
#include <map>
#include <optional>
#include <string>

#include <rondo/options.hpp>

namespace rondo::engine {

// Where the value of an option comes from; a later one overrides those before it.
enum class Origin : std::uint8_t { kPreset, kProgram, kEnvironment, kCommandLine };

struct Options : rondo::Options {
  std::string arguments;  // the program's own, without its name, each with a zero byte behind it
  std::string
      started_in;  // the working directory of resolve_paths(); empty: it has not been called, or there was none
  // Values that suit all users; only simulations and tests choose others. What is empty is what the engine has for all.
  struct Tuning {
    std::optional<double> low;                   // seconds of work left at which a worker asks for more
    std::optional<double> report_interval;       // seconds
    std::optional<std::uint64_t> message_bytes;  // a message of many states is cut here
    std::optional<std::uint64_t> unsent_bytes;   // copies that wait to leave
    std::optional<double> tolerance;             // of a refinement
  } tuning;

  std::map<std::string, Origin> origins;  // by name ("batch"); kPreset where there is none

  // An option as the user has written it: "--rondo-batch", "RONDO_BATCH" or "Options::batch", by where its value comes from.
  [[nodiscard]] std::string written(const std::string& name) const;
};

// Seconds, or `otherwise` where the option is empty.
template <class Duration>
[[nodiscard]] double seconds_or(const std::optional<Duration>& option, double otherwise) {
  return option ? rondo::Options::Seconds(*option).count() : otherwise;
}

// Takes everything that begins with --rondo- out of argv and keeps the rest in order. `preset` is what the program has set.
// Returns nothing if --rondo-help was given; the list is then written to `help`. Throws OptionError, which names the option,
// the variable or the member.
[[nodiscard]] std::optional<Options> take_options(int& argc, char** argv, std::ostream& help = std::cout,
                                                  const rondo::Options& preset = {});

// For rank 0, as its run begins: makes the paths absolute, as the program or an update may change the working directory, and
// ranks may have different ones. Throws OptionError if there is no working directory, or if the marker would replace something.
void resolve_paths(Options& options);

}  // namespace rondo::engine
