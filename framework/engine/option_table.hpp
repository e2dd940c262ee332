// The table of options. One row is all there is to say of an option: its name, its values, what it does, and the member of
// rondo::Options that it sets. The command line, the environment, --rondo-help and the table in README.md come from it.
#pragma once

#include <functional>
#include <span>
#include <string>

#include <rondo/options.hpp>

namespace rondo::engine {

struct OptionRow {
  std::string name;    // "master-works" for --rondo-master-works
  std::string values;  // "SIZE"; "on|off" for a switch, which may stand without a value
  std::string help;    // a sentence without a capital letter or a full stop
  std::string preset;  // what holds if it is not given, in words
  // Reads `text` into the options. `written` is the option as it was given, for the OptionError.
  std::function<void(rondo::Options&, const std::string& written, const std::string& text)> read;
  // The value as it is written on the command line; empty: there is none, and the preset holds.
  std::function<std::string(const rondo::Options&)> write;

  [[nodiscard]] bool is_switch() const { return values == "on|off"; }
  // "rondo-master-works", "RONDO_MASTER_WORKS", "Options::master_works".
  [[nodiscard]] std::string option() const { return "rondo-" + name; }
  [[nodiscard]] std::string variable() const;
  [[nodiscard]] std::string member() const;
};

// In the order in which they are listed.
[[nodiscard]] std::span<const OptionRow> option_table();

// The row of "rondo-batch"; null: there is none.
[[nodiscard]] const OptionRow* find_option(const std::string& option);

// The table of README.md.
[[nodiscard]] std::string options_as_markdown();

}  // namespace rondo::engine
