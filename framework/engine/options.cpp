#include "engine/options.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <regex>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>

#include <rondo/error.hpp>

#include "engine/marker.hpp"
#include "engine/option_table.hpp"

namespace rondo::engine {

namespace po = boost::program_options;

namespace {

constexpr std::string_view kPrefix = "--rondo-";

po::options_description describe_options() {
  po::options_description all(
      "Options of Rondo, each written --rondo-NAME=VALUE, or as an environment variable: RONDO_BATCH=5 for "
      "--rondo-batch=5");
  auto add = all.add_options();
  add("rondo-help", "print this list and leave");
  for (const OptionRow& row : option_table()) {
    auto* const value = po::value<std::string>()->value_name(row.values);
    if (row.is_switch()) value->implicit_value("on");
    std::string help = row.help + "; default: " + row.preset;
    std::erase(help, '`');
    add(row.option().c_str(), value, help.c_str());
  }
  return all;
}

void print_help(const po::options_description& all, std::ostream& help) {
  std::ostringstream text;
  text << all;
  // each as it is written
  help << std::regex_replace(text.str(), std::regex("(\n  --rondo-[a-z-]+) (?=[A-Za-z])"), "$1=")
       << std::flush;
}

// The path in one form, as far as the file system tells.
std::filesystem::path canonical(const std::string& folder) {
  std::error_code error;
  const std::filesystem::path result =
      std::filesystem::weakly_canonical(std::filesystem::absolute(folder, error), error);
  return (error ? std::filesystem::path(folder).lexically_normal() : result) / "";
}

// Throws OptionError for options that contradict each other.
void check_together(const Options& options) {
  const auto refuse_without_checkpoint = [&](bool given, const char* name, const char* why) {
    if (given && options.checkpoint.empty())
      throw OptionError(options.written(name) + ": need --rondo-checkpoint=DIR too: " + why);
  };
  refuse_without_checkpoint(!options.checkpoint_copy.empty(), "checkpoint-copy",
                            "it is what goes there that is copied");
  refuse_without_checkpoint(options.checkpoint_every.has_value(), "checkpoint-every", "where they go");
  refuse_without_checkpoint(options.walltime.has_value(), "walltime",
                            "a run that leaves without a checkpoint cannot go on");
  if (!options.checkpoint_copy.empty() && canonical(options.checkpoint_copy) == canonical(options.checkpoint))
    throw OptionError(options.written("checkpoint-copy") +
                      ": need another DIR than --rondo-checkpoint, got '" + options.checkpoint_copy +
                      "' twice");
  if (options.recover && options.relay.value_or(0) != 0)
    throw OptionError(
        options.written("relay") +
        ": need auto or off together with --rondo-recover: the ranks behind a lost leader would be lost");
}

// The options that the environment gives, in `given`. Throws OptionError.
void take_environment(const po::options_description& all, po::variables_map& given) {
  const auto option_of = [&](const std::string& variable) -> std::string {
    if (!variable.starts_with("RONDO_")) return "";
    std::string name = variable;
    for (char& c : name) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    // others may have variables of this prefix for purposes of their own
    return all.find_nothrow(name, false) != nullptr ? name : "";
  };
  try {
    po::store(po::parse_environment(all, option_of), given);
  } catch (const po::error_with_option_name& error) {
    std::string name = error.get_option_name();
    name.erase(0, name.find_first_not_of('-'));
    const OptionRow* const row = find_option(name);
    throw OptionError((row != nullptr ? row->variable() : name) + ": " + error.what());
  }
}

// The arguments of Rondo, in `given`. Throws OptionError.
void take_arguments(const po::options_description& all, const std::vector<std::string>& ours,
                    po::variables_map& given) {
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
}

void read_given(const po::variables_map& given, Origin origin, Options& options) {
  for (const OptionRow& row : option_table()) {
    if (given.count(row.option()) == 0) continue;
    options.origins[row.name] = origin;
    row.read(options, options.written(row.name), given[row.option()].as<std::string>());
  }
}

// What the program has set goes through the same reading, which checks it.
void read_program(const rondo::Options& preset, Options& options) {
  static const rondo::Options untouched;
  for (const OptionRow& row : option_table()) {
    const std::string text = row.write(preset);
    if (text == row.write(untouched)) continue;
    options.origins[row.name] = Origin::kProgram;
    row.read(options, row.member(), text);
  }
}

// Moves the arguments of Rondo out of argv.
std::vector<std::string> extract_arguments(int& argc, char** argv) {
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
  return ours;
}

}  // namespace

std::string Options::written(const std::string& name) const {
  const OptionRow* const row = find_option("rondo-" + name);
  const auto origin = origins.find(name);
  if (row != nullptr && origin != origins.end()) {
    if (origin->second == Origin::kEnvironment) return row->variable();
    if (origin->second == Origin::kProgram) return row->member();
  }
  return "--rondo-" + name;
}

std::optional<Options> take_options(int& argc, char** argv, std::ostream& help,
                                    const rondo::Options& preset) {
  const std::vector<std::string> ours = extract_arguments(argc, argv);
  const po::options_description all = describe_options();
  po::variables_map from_environment, from_arguments;
  take_arguments(all, ours, from_arguments);
  take_environment(all, from_environment);
  if (from_arguments.count("rondo-help") > 0 || from_environment.count("rondo-help") > 0) {
    print_help(all, help);
    return std::nullopt;
  }
  for (const auto& [option, value] : from_arguments) from_environment.erase(option);  // is not looked at
  Options options;
  read_program(preset, options);
  read_given(from_environment, Origin::kEnvironment, options);
  read_given(from_arguments, Origin::kCommandLine, options);
  check_together(options);
  for (int i = 1; i < argc; ++i) options.arguments.append(argv[i]) += '\0';
  // The command line is gone after the first run of a process; what others get from the environment or the program may be the
  // same directory again.
  static std::map<std::string, int> runs;
  if (!options.checkpoint.empty() && options.origins["checkpoint"] != Origin::kCommandLine) {
    const int run = ++runs[options.checkpoint];
    if (run > 1)
      options.checkpoint = (std::filesystem::path(options.checkpoint) / std::to_string(run)).string();
  }
  return options;
}

void resolve_paths(Options& options) {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  options.started_in = here.string();
  const auto resolve = [&](const char* name, std::string& path) {
    if (path.empty() || std::filesystem::path(path).is_absolute()) return;
    if (error)
      throw OptionError(options.written(name) + ": need an absolute path, got '" + path +
                        "', and there is no working directory: " + error.message());
    path = (here / path).string();
  };
  resolve("checkpoint", options.checkpoint);
  resolve("checkpoint-copy", options.checkpoint_copy);
  resolve("marker", options.marker);
  if (!options.marker.empty()) check_marker(options.marker);
}

}  // namespace rondo::engine
