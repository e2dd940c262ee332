#include "engine/option_values.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <string_view>

#include <rondo/error.hpp>

#include "checkpoint/cadence.hpp"

namespace rondo::engine::option_values {

namespace {

constexpr std::string_view kUnits = "KMGT";  // each 1024 times the one before

[[noreturn]] void refuse(Text name, const std::string& need, Text got) {
  throw OptionError(name + ": need " + need + ", got '" + got + "'");
}

// Empty: not the whole text is a number.
template <class Number>
std::optional<Number> parse(Text text) {
  Number result{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return result;
}

rondo::Options::Seconds read_seconds(Text name, Text text, bool may_be_zero) {
  constexpr double kLeast = 1e-3, kMost = 1e9;
  const std::optional<double> value = parse<double>(text);
  if (value && ((*value >= kLeast && *value <= kMost) || (*value == 0 && may_be_zero)))
    return rondo::Options::Seconds(*value);
  refuse(name, std::string(may_be_zero ? "0 or " : "") + "a number of seconds from 0.001 to 1000000000",
         text);
}

}  // namespace

bool Switch::read(Text name, Text text) {
  if (text == "1" || text == "on" || text == "true") return true;
  if (text == "0" || text == "off" || text == "false") return false;
  refuse(name, "on or off", text);
}

std::uint64_t Whole::read(Text name, Text text) const {
  const std::optional<std::uint64_t> value = parse<std::uint64_t>(text);
  if (value && *value >= least && *value <= most) return *value;
  refuse(name, "a whole number from " + std::to_string(least) + " to " + std::to_string(most), text);
}

std::uint64_t Size::read(Text name, Text text) {
  std::string digits = text;
  int shift = 0;
  if (!digits.empty()) {
    const auto unit = kUnits.find(static_cast<char>(std::toupper(static_cast<unsigned char>(digits.back()))));
    if (unit != std::string_view::npos) {
      shift = 10 * static_cast<int>(unit + 1);
      digits.pop_back();
    }
  }
  const std::optional<std::uint64_t> value = parse<std::uint64_t>(digits);
  if (value && *value >= 1 && *value <= std::numeric_limits<std::uint64_t>::max() >> shift)
    return *value << shift;
  refuse(name, "a size of at least 1, such as 300k, 64M or 4G", text);
}

std::string Size::write(std::uint64_t value) {
  std::string unit;
  for (std::size_t i = 0; i < kUnits.size() && value > 0 && value % 1024 == 0; ++i, value /= 1024)
    unit = kUnits[i];
  return std::to_string(value) + unit;
}

Tunable AutoOffOrWhole::read(Text name, Text text) const {
  if (text == "auto") return {};
  if (text == "off") return Tunable::off();
  const std::optional<std::uint64_t> value = parse<std::uint64_t>(text);
  if (value && *value >= least && *value <= most) return *value;
  refuse(name,
         "auto, off or a whole number " +
             (tells_most ? "from " + std::to_string(least) + " to " + std::to_string(most)
                         : "of at least " + std::to_string(least)),
         text);
}

std::string AutoOffOrWhole::write(const Tunable& value) {
  return value.is_automatic() ? "auto" : value.is_off() ? "off" : std::to_string(value.value_or(0));
}

rondo::Options::Seconds SecondsOrZero::read(Text name, Text text) { return read_seconds(name, text, true); }

std::string SecondsOrZero::write(rondo::Options::Seconds value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value.count()).ptr;
  return {text.data(), end};
}

rondo::Options::Seconds PositiveSeconds::read(Text name, Text text) {
  return read_seconds(name, text, false);
}

std::optional<rondo::Options::Seconds> SecondsOrNever::read(Text name, Text text) {
  const rondo::Options::Seconds value = read_seconds(name, text, true);
  return value == rondo::Options::Seconds::zero() ? std::nullopt : std::optional(value);
}

std::string SecondsOrNever::write(std::optional<rondo::Options::Seconds> value) {
  return value ? SecondsOrZero::write(*value) : "0";
}

std::chrono::seconds Duration::read(Text name, Text text) {
  try {
    const checkpoint::Cadence time = checkpoint::parse_cadence(name, text);
    if (const auto* seconds = std::get_if<std::chrono::seconds>(&time)) return *seconds;
  } catch (const OptionError&) {
    // its message says that rounds would do as well
  }
  refuse(name, "a time such as 90s, 20m or 2h", text);
}

std::string Duration::write(std::chrono::seconds value) {
  const auto count = value.count();
  if (count != 0 && count % 3600 == 0) return std::to_string(count / 3600) + "h";
  if (count != 0 && count % 60 == 0) return std::to_string(count / 60) + "m";
  return std::to_string(count) + "s";
}

std::optional<std::chrono::seconds> DurationOrNone::read(Text name, Text text) {
  if (text == "0") return std::nullopt;
  return Duration::read(name, text);
}

std::string DurationOrNone::write(std::optional<std::chrono::seconds> value) {
  return value ? Duration::write(*value) : "0";
}

Cadence::Value Cadence::read(Text name, Text text) { return checkpoint::parse_cadence(name, text); }

std::string Cadence::write(const Value& value) {
  if (const auto* rounds = std::get_if<Rounds>(&value)) return std::to_string(rounds->count) + "r";
  return Duration::write(std::get<std::chrono::seconds>(value));
}

std::size_t find_word(std::span<const char* const> words, Text name, Text text) {
  std::string list;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (text == words[i]) return i;
    list += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + std::string(words[i]);
  }
  refuse(name, list, text);
}

}  // namespace rondo::engine::option_values
