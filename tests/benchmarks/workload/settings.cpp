#include "workload/settings.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <string_view>

namespace reference {
namespace {

template <class Number>
Number number(std::string_view option, std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw SettingsError{std::string{option} + ": not a number: " + std::string{text}};
  return value;
}

std::vector<double> numbers(std::string_view option, std::string_view text) {
  std::vector<double> values;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    values.push_back(number<double>(option, text.substr(0, comma)));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return values;
}

Work work_named(std::string_view text) {
  if (text == "busy") return Work::busy;
  if (text == "sleep") return Work::sleep;
  throw SettingsError{"--work: busy or sleep, got " + std::string{text}};
}

using Setter = std::function<void(Settings&, std::string_view option, std::string_view value)>;

template <class Number>
Setter sets(Number Settings::*member) {
  return [member](Settings& s, std::string_view o, std::string_view v) { s.*member = number<Number>(o, v); };
}

Setter sets(bool Settings::*member) {
  return [member](Settings& s, std::string_view, std::string_view) { s.*member = true; };
}

Setter sets(std::string Settings::*member) {
  return [member](Settings& s, std::string_view, std::string_view v) { s.*member = v; };
}

const std::map<std::string_view, Setter>& setters() {
  static const std::map<std::string_view, Setter> all{
      {"--states", sets(&Settings::states)},
      {"--rounds", sets(&Settings::rounds)},
      {"--state-bytes", sets(&Settings::state_bytes)},
      {"--work", [](Settings& s, std::string_view, std::string_view v) { s.work = work_named(v); }},
      {"--mean-ms", sets(&Settings::mean_ms)},
      {"--sigma", sets(&Settings::sigma)},
      {"--seed", sets(&Settings::seed)},
      {"--jitter", sets(&Settings::jitter)},
      {"--drift", sets(&Settings::drift)},
      {"--spikes", sets(&Settings::spikes)},
      {"--redraw", sets(&Settings::redraw)},
      {"--costs-ms",
       [](Settings& s, std::string_view o, std::string_view v) {
         s.costs_ms = numbers(o, v);
         s.states = s.costs_ms.size();
       }},
      {"--workers", sets(&Settings::workers)},
      {"--operations-per-ms", sets(&Settings::operations_per_ms)},
      {"--mode", sets(&Settings::mode)},
      {"--name", sets(&Settings::name)}};
  return all;
}

void check(const Settings& s) {
  if (s.states == 0) throw SettingsError{"--states: need at least 1, got 0"};
  if (s.rounds == 0) throw SettingsError{"--rounds: need at least 1, got 0"};
  if (s.workers == 0) throw SettingsError{"--workers: need at least 1, got 0"};
  if (s.state_bytes < sizeof(double)) throw SettingsError{"--state-bytes: need at least 8"};
  if (!s.costs_ms.empty() && (s.costs_ms.size() != s.states || s.redraw))
    throw SettingsError{"--costs-ms: sets the number of states, and does not go with --redraw"};
  if (s.mean_ms < 0 || s.sigma < 0 || s.jitter < 0 || s.drift < 0)
    throw SettingsError{"--mean-ms, --sigma, --jitter, --drift: not negative"};
  if (s.work == Work::busy && s.mean_ms > 0 && s.operations_per_ms <= 0)
    throw SettingsError{"--operations-per-ms: busy work needs the calibrated speed (run calibrate)"};
}

}  // namespace

Settings settings_from(std::span<const std::string> arguments) {
  Settings settings;
  for (std::string_view argument : arguments) {
    if (argument.starts_with("--rondo-")) continue;
    const std::size_t equals = argument.find('=');
    const std::string_view option = argument.substr(0, equals);
    const auto found = setters().find(option);
    if (found == setters().end()) throw SettingsError{"unknown option: " + std::string{argument}};
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : argument.substr(equals + 1);
    found->second(settings, option, value);
  }
  check(settings);
  return settings;
}

Settings settings_from(int argc, const char* const* argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return settings_from(arguments);
}

}  // namespace reference
