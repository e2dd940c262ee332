#include "engine/options.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <limits>
#include <regex>
#include <set>
#include <sstream>
#include <vector>

#include <boost/program_options.hpp>

#include <rondo/error.hpp>

#include "engine/marker.hpp"

namespace rondo::engine {

namespace po = boost::program_options;

namespace {

constexpr std::string_view kPrefix = "--rondo-";

po::typed_value<std::string>* value(const char* what) { return po::value<std::string>()->value_name(what); }

po::options_description describe_options() {
  po::options_description all(
      "Options of Rondo, each written --rondo-NAME=VALUE, or as an environment variable: RONDO_BATCH=5 for "
      "--rondo-batch=5");
  auto add = all.add_options();
  add("rondo-help", "print this list and leave");
  add("rondo-workers", value("N"),
      "worker threads of a run without a launcher; default: one per core. Under a launcher its ranks are the "
      "workers");
  add("rondo-alone", value("on|off")->implicit_value("on"),
      "this process is a run of its own, on threads, though a launcher has started others beside it");
  add("rondo-stack", value("SIZE"),
      "SIZE of the stack of each thread that runs the program's functions, those of streams included; "
      "default: that of the main thread (ulimit -s), or 64M where that has no limit");
  add("rondo-master-works", value("on|off")->implicit_value("on"),
      "rank 0 has a worker too, for small machines");
  add("rondo-batch", value("auto|off|N"),
      "auto (by predicted time), N states per assignment, or off (states stay where they were placed)");
  add("rondo-seed", value("N"), "seed of Call::random(); default 0");
  add("rondo-memory", value("SIZE"),
      "SIZE of states (say 4G) that placement and stealing may bring to one worker; default: no limit");
  add("rondo-rollback", value("on|off")->implicit_value("on"),
      "keep a copy of the state being updated, and put it back if the update throws");
  add("rondo-check", value("on|off")->implicit_value("on"),
      "look for faults of the program, to be used once per program: states move from worker to worker, every "
      "update is done twice, and the run ends at the first byte that differs; it takes more than twice the "
      "time and three times the memory");
  add("rondo-stall", value("SECONDS"),
      "SECONDS without any progress after which rank 0 tells who waits for whom; 0: never; default 300");
  add("rondo-stall-abort", value("SECONDS"),
      "SECONDS without any progress after which the job ends, with status 75 if it has --rondo-checkpoint; "
      "default: never");
  add("rondo-rounds-ahead", value("N"),
      "rounds of evolve() that are open at a time, so many outputs wait on rank 0; default 16");
  add("rondo-fanout", value("N"),
      "ranks that a rank sends a context or a big common input on to; default 16");
  add("rondo-relay", value("auto|off|N"),
      "auto (from the number of workers and the time of a message), off, or N: workers in a group, whose "
      "leader gathers what they and rank 0 say to each other");
  add("rondo-input-memory", value("SIZE"),
      "SIZE of the inputs that wait at one worker, where each state has its own; default 64M");
  add("rondo-checkpoint", value("DIR"),
      "DIR for checkpoints at the program's safe points, and to resume from, of one run alone; to start "
      "over, "
      "take another or remove it, and what was copied from it. A relative one is in the folder in which rank "
      "0 "
      "calls run(). From the environment: of the first run of a process; the second one's is DIR/2");
  add("rondo-checkpoint-every", value("TIME|ROUNDSr"),
      "20m, 90s, 2h, or 100r for rounds; default: the optimum for what a checkpoint costs (Young and Daly)");
  add("rondo-keep", value("N"), "checkpoints to keep; default 2");
  add("rondo-checkpoint-copy", value("DIR"),
      "DIR that every checkpoint goes to as well, say another file system: it is complete if one of the two "
      "has all of it; other runs may use it too, in folders of their own");
  add("rondo-checkpoint-memory", value("SIZE"),
      "SIZE of the copies that may wait for the disk on one worker, while it goes on, or one state that is "
      "bigger; the memory is kept for the next checkpoint; default 1G");
  add("rondo-checkpoint-arguments", value("warn|refuse|ignore"),
      "warn, refuse or ignore a checkpoint of a run that had other arguments than this one; default warn");
  add("rondo-walltime", value("TIME"),
      "TIME (say 2h) after which the run must have left, with status 75, or 74 if no checkpoint came about "
      "in it; default: the end of the SLURM job");
  add("rondo-grace", value("SECONDS"),
      "SECONDS after TERM or INT in which a round may end before the run leaves without it; default 0.8, as "
      "mpirun kills after 1");
  add("rondo-round-grace", value("TIME"),
      "TIME (say 20m) after USR2 in which a round may end before the run leaves without it, where no "
      "walltime is known (with one, until shortly before that); 0: as long as it takes; default 10m, longer "
      "than most "
      "rounds, and as long as one may wait for a node");
  add("rondo-node-failure", value("TIME"),
      "TIME (say 40000h) between failures of one node, for the optimum; default 5 years");
  add("rondo-recover", value("on|off")->implicit_value("on"),
      "go on when workers are lost: each state has two copies in the memory of two workers, and what was "
      "done since is done again for the lost ones. Needs a launcher that lets survivors live: "
      "slurm/rondo-run");
  add("rondo-recover-every", value("N"),
      "N rounds between two refreshes of the copies; more: cheaper, but more to do again after a loss (at "
      "most N rounds of the lost states) and more inputs to keep on rank 0; default 10");
  add("rondo-recover-deadline", value("SECONDS"),
      "SECONDS of silence after which a worker is lost; it answers in the middle of a long update too. A "
      "short one takes a machine that is busy with other things for a dead one; default 10");
  add("rondo-orphan", value("SECONDS"),
      "SECONDS of silence of rank 0 after which a worker takes it for gone and the run ends, with status 75 "
      "if it has --rondo-checkpoint; 0: never; longer than the program ever computes between two calls; "
      "default 21600");
  add("rondo-marker", value("NAME"),
      "NAME of a symbolic link to the status, which rank 0 makes as it leaves, for whatever waits for the "
      "end "
      "of the run: slurm/rondo-run. Nothing else is replaced");
  return all;
}

// `name` in these functions is the option as it was given: --rondo-batch, or RONDO_BATCH.

std::uint64_t number(const std::string& name, const std::string& text, std::uint64_t least,
                     std::uint64_t most) {
  std::uint64_t result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc() || end != text.data() + text.size() || result < least || result > most)
    throw OptionError(name + ": need a whole number from " + std::to_string(least) + " to " +
                      std::to_string(most) + ", got '" + text + "'");
  return result;
}

// Times that are shorter than a message takes would only be mistakes.
double seconds(const std::string& name, const std::string& text, bool may_be_zero = true) {
  constexpr double kLeast = 1e-3, kMost = 1e9;
  double result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  if (is_number && ((result >= kLeast && result <= kMost) || (result == 0 && may_be_zero))) return result;
  throw OptionError(name + ": need " + (may_be_zero ? "0 or " : "") +
                    "a number of seconds from 0.001 to 1000000000, got '" + text + "'");
}

// 300000, 300k, 64M, 4G, 1T: powers of 1024.
std::uint64_t size(const std::string& name, std::string text) {
  constexpr std::string_view kUnits = "KMGT";
  const std::string given = text;
  int shift = 0;
  if (!text.empty()) {
    const auto unit = kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text.back()))));
    if (unit != std::string_view::npos) {
      shift = 10 * static_cast<int>(unit + 1);
      text.pop_back();
    }
  }
  try {
    return number(name, text, 1, std::numeric_limits<std::uint64_t>::max() >> shift) << shift;
  } catch (const OptionError&) {
    throw OptionError(name + ": need a size of at least 1, such as 300k, 64M or 4G, got '" + given + "'");
  }
}

double duration(const std::string& name, const std::string& text) {
  try {
    const checkpoint::Cadence time = checkpoint::parse_cadence(name, text);
    if (const auto* seconds = std::get_if<std::chrono::seconds>(&time))
      return static_cast<double>(seconds->count());
  } catch (const OptionError&) {
    // says that rounds would do as well
  }
  throw OptionError(name + ": need a time such as 90s, 20m or 2h, got '" + text + "'");
}

bool flag(const std::string& name, const std::string& text) {
  if (text == "1" || text == "on" || text == "true") return true;
  if (text == "0" || text == "off" || text == "false") return false;
  throw OptionError(name + ": need on or off, got '" + text + "'");
}

// However it is written, as far as that can be seen.
std::filesystem::path place(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path canonical =
      std::filesystem::weakly_canonical(std::filesystem::absolute(folder, error), error);
  return (error ? std::filesystem::path(folder).lexically_normal() : canonical) / "";
}

Options read(const po::variables_map& given, std::set<std::string> from_environment) {
  Options options;
  options.from_environment = std::move(from_environment);
  const auto set = [&](const char* name, const auto& use) {
    if (given.count(name) > 0) use(options.written(name), given[name].as<std::string>());
  };
  using Name = const std::string&;
  set("rondo-workers",
      [&](Name n, Name v) { options.workers = static_cast<std::uint32_t>(number(n, v, 1, 4096)); });
  set("rondo-alone", [&](Name n, Name v) { options.alone = flag(n, v); });
  set("rondo-stack", [&](Name n, Name v) { options.stack = size(n, v); });
  set("rondo-master-works", [&](Name n, Name v) { options.master_works = flag(n, v); });
  set("rondo-batch", [&](Name n, Name v) {
    options.rebalance = v != "off";
    if (v == "off" || v == "auto") return;
    try {
      options.batch = number(n, v, 1, 1'000'000'000);
    } catch (const OptionError&) {
      throw OptionError(n + ": need auto, off or a whole number of at least 1, got '" + v + "'");
    }
  });
  set("rondo-seed",
      [&](Name n, Name v) { options.seed = number(n, v, 0, std::numeric_limits<std::uint64_t>::max()); });
  set("rondo-memory", [&](Name n, Name v) { options.memory = static_cast<double>(size(n, v)); });
  set("rondo-rollback", [&](Name n, Name v) { options.rollback = flag(n, v); });
  set("rondo-check", [&](Name n, Name v) { options.check = flag(n, v); });
  set("rondo-stall", [&](Name n, Name v) { options.stall = seconds(n, v); });
  set("rondo-stall-abort", [&](Name n, Name v) { options.stall_abort = seconds(n, v); });
  set("rondo-rounds-ahead", [&](Name n, Name v) { options.rounds_ahead = number(n, v, 1, 1'000'000); });
  set("rondo-fanout",
      [&](Name n, Name v) { options.tree_fanout = static_cast<std::uint32_t>(number(n, v, 1, 65536)); });
  set("rondo-relay", [&](Name n, Name v) {
    if (v == "auto" || v == "off") {
      options.relay = v == "off" ? 0 : Options::kRelayAuto;
      return;
    }
    try {
      options.relay = static_cast<std::uint32_t>(number(n, v, 2, 65536));
    } catch (const OptionError&) {
      throw OptionError(n + ": need auto, off or a whole number from 2 to 65536, got '" + v + "'");
    }
  });
  set("rondo-input-memory", [&](Name n, Name v) { options.input_bytes = size(n, v); });
  set("rondo-checkpoint", [&](Name, Name v) { options.checkpoint = v; });
  set("rondo-checkpoint-copy", [&](Name, Name v) { options.checkpoint_copy = v; });
  set("rondo-checkpoint-every", [&](Name n, Name v) {
    std::visit([&](const auto& every) { options.checkpoint_every = every; }, checkpoint::parse_cadence(n, v));
  });
  set("rondo-keep", [&](Name n, Name v) { options.checkpoint_keep = number(n, v, 1, 1'000'000); });
  set("rondo-checkpoint-memory", [&](Name n, Name v) { options.checkpoint_bytes = size(n, v); });
  set("rondo-checkpoint-arguments", [&](Name n, Name v) {
    using Other = Options::OtherArguments;
    if (v != "warn" && v != "refuse" && v != "ignore")
      throw OptionError(n + ": need warn, refuse or ignore, got '" + v + "'");
    options.other_arguments = v == "warn" ? Other::warn : v == "refuse" ? Other::refuse : Other::ignore;
  });
  set("rondo-node-failure", [&](Name n, Name v) { options.node_failure = duration(n, v); });
  set("rondo-walltime", [&](Name n, Name v) { options.walltime = duration(n, v); });
  set("rondo-grace", [&](Name n, Name v) { options.grace = seconds(n, v); });
  set("rondo-round-grace", [&](Name n, Name v) { options.round_grace = v == "0" ? 0 : duration(n, v); });
  set("rondo-recover", [&](Name n, Name v) { options.recover = flag(n, v); });
  set("rondo-recover-every", [&](Name n, Name v) { options.recover_every = number(n, v, 1, 1'000'000); });
  set("rondo-recover-deadline", [&](Name n, Name v) { options.recover_deadline = seconds(n, v, false); });
  set("rondo-marker", [&](Name, Name v) { options.marker = v; });
  set("rondo-orphan", [&](Name n, Name v) { options.orphan = seconds(n, v); });
  if (!options.checkpoint_copy.empty() && options.checkpoint.empty())
    throw OptionError(options.written("rondo-checkpoint-copy") +
                      ": need --rondo-checkpoint=DIR too: it is what goes there that is copied");
  if (!options.checkpoint_copy.empty() && place(options.checkpoint_copy) == place(options.checkpoint))
    throw OptionError(options.written("rondo-checkpoint-copy") +
                      ": need another DIR than --rondo-checkpoint, got '" + options.checkpoint_copy +
                      "' twice");
  if (given.count("rondo-checkpoint-every") > 0 && options.checkpoint.empty())
    throw OptionError(options.written("rondo-checkpoint-every") +
                      ": need --rondo-checkpoint=DIR too: where they go");
  if (options.walltime > 0 && options.checkpoint.empty())
    throw OptionError(options.written("rondo-walltime") +
                      ": need --rondo-checkpoint=DIR too: a run that leaves without a checkpoint cannot go "
                      "on");
  if (options.recover && options.relay != 0 && options.relay != Options::kRelayAuto)
    throw OptionError(
        options.written("rondo-relay") +
        ": need auto or off together with --rondo-recover: who is behind a lost leader would be "
        "lost");
  return options;
}

std::string variable_of(const std::string& option) {
  std::string name = option;
  for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

// Adds the options that the environment gives and the command line does not, and returns their names.
std::set<std::string> take_environment(const po::options_description& all, po::variables_map& given) {
  const auto option_of = [&](const std::string& variable) -> std::string {
    if (!variable.starts_with("RONDO_")) return "";
    std::string name = variable;
    for (char& c : name) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    // others may have variables of this prefix for purposes of their own
    return all.find_nothrow(name, false) != nullptr ? name : "";
  };
  std::set<std::string> names;
  const auto parsed = po::parse_environment(all, option_of);
  for (const auto& option : parsed.options)
    if (given.count(option.string_key) == 0) names.insert(option.string_key);
  try {
    po::store(parsed, given);
  } catch (const po::error_with_option_name& error) {
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    throw OptionError(variable_of(name) + ": " + error.what());
  }
  return names;
}

}  // namespace

std::string Options::written(const std::string& option) const {
  return from_environment.contains(option) ? variable_of(option) : "--" + option;
}

std::optional<Options> take_options(int& argc, char** argv, std::ostream& help) {
  std::vector<std::string> ours;
  int kept = 0;
  bool rest = false;  // after "--" everything is the program's
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument = argv[i];
    rest = rest || argument == "--";
    if (i > 0 && !rest && argument.starts_with(kPrefix)) {
      ours.emplace_back(argument);
    } else {
      argv[kept++] = argv[i];
    }
  }
  if (kept < argc) argv[kept] = nullptr;
  argc = kept;

  const po::options_description all = describe_options();
  po::variables_map given;
  for (const std::string& each : ours) {
    const auto* option = all.find_nothrow(each.substr(2), false);
    if (option != nullptr && option->semantic()->min_tokens() > 0)
      throw OptionError(each + ": need a value, written " + each + "=" + option->format_parameter());
  }
  try {
    using Style = po::command_line_style::style_t;
    constexpr int kStyle = Style::allow_long | Style::long_allow_adjacent;
    po::store(po::command_line_parser(ours).options(all).style(kStyle).run(), given);
  } catch (const po::unknown_option& error) {
    throw OptionError(error.get_option_name() + ": there is no such option; --rondo-help lists them");
  } catch (const po::error& error) {
    throw OptionError(std::string(error.what()) +
                      "; it is written --rondo-NAME=VALUE, and --rondo-help lists them");
  }
  const std::set<std::string> from_environment = take_environment(all, given);
  if (given.count("rondo-help") > 0) {
    // each as it is written
    std::ostringstream text;
    text << all;
    help << std::regex_replace(text.str(), std::regex("(\n  --rondo-[a-z-]+) (?=[A-Za-z])"), "$1=")
         << std::flush;
    return std::nullopt;
  }
  Options options = read(given, from_environment);
  for (int i = 1; i < argc; ++i) options.arguments.append(argv[i]) += '\0';
  const bool is_ours = std::any_of(ours.begin(), ours.end(), [](const std::string& each) {
    return each.starts_with("--rondo-checkpoint=");
  });
  static int runs = 0;  // of this process with the folder that the environment names
  if (!options.checkpoint.empty() && !is_ours && ++runs > 1)
    options.checkpoint = (std::filesystem::path(options.checkpoint) / std::to_string(runs)).string();
  return options;
}

void resolve_paths(Options& options) {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  options.started_in = here.string();
  const auto resolve = [&](const char* name, std::string& path) {
    if (path.empty() || std::filesystem::path(path).is_absolute()) return;
    if (error)
      throw OptionError(options.written("rondo-" + std::string(name)) + ": need an absolute path, got '" + path +
                        "', and there is no working directory: " + error.message());
    path = (here / path).string();
  };
  resolve("checkpoint", options.checkpoint);
  resolve("checkpoint-copy", options.checkpoint_copy);
  resolve("marker", options.marker);
  if (!options.marker.empty()) check_marker(options.marker);
}

}  // namespace rondo::engine
