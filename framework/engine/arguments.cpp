#include "engine/arguments.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <string_view>

namespace rondo::engine {

namespace {

constexpr std::size_t kTextMax = 1000;

bool is_plain(unsigned char c) {
  constexpr std::string_view kOthers = "-_=+.,:/@%";
  return std::isalnum(c) != 0 || kOthers.find(static_cast<char>(c)) != std::string_view::npos;
}

// One line, whatever is in it: it goes to a terminal.
std::string quoted(std::string_view argument) {
  if (!argument.empty() && std::all_of(argument.begin(), argument.end(), is_plain))
    return std::string(argument);
  std::string text = "'";
  for (const char c : argument) {
    if (std::iscntrl(static_cast<unsigned char>(c)) != 0 || c == '\'' || c == '\\') {
      char code[5];
      std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(c));
      text += code;
    } else {
      text += c;
    }
  }
  return text + "'";
}

// As one would type them.
std::string text_of(std::string_view arguments) {
  const auto count = std::count(arguments.begin(), arguments.end(), '\0');
  if (count == 0) return "no arguments";
  std::string text = count == 1 ? "the argument" : "the arguments";
  while (!arguments.empty()) {
    const std::string_view next = arguments.substr(0, arguments.find('\0'));
    if (text.size() + next.size() > kTextMax) return text + " ... (" + std::to_string(count) + " in all)";
    (text += ' ') += quoted(next);
    arguments.remove_prefix(next.size() + 1);
  }
  return text;
}

}  // namespace

std::string differing_arguments(std::string_view of_checkpoint, std::string_view of_run) {
  if (of_checkpoint == of_run) return "";
  return "was written by a run with " + text_of(of_checkpoint) + ", and this run has " + text_of(of_run);
}

}  // namespace rondo::engine
