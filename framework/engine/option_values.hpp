// The values of options as text: one kind of value is one class, which reads a text and writes it.
//
// `name` is the option as it was given, for messages: "--rondo-batch", "RONDO_BATCH" or "Options::batch". Each read() throws an
// OptionError that begins with it and says what would be right. What write() returns can be read again.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include <rondo/options.hpp>

namespace rondo::engine::option_values {

using Text = const std::string&;

// "on" or "off".
struct Switch {
  static bool read(Text name, Text text);
  static std::string write(bool value) { return value ? "on" : "off"; }
};

struct Whole {
  std::uint64_t least = 0;
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

  [[nodiscard]] std::uint64_t read(Text name, Text text) const;
  static std::string write(std::uint64_t value) { return std::to_string(value); }
};

// Bytes, at least one: "300000", "300k", "64M", "4G", "1T", with powers of 1024.
struct Size {
  static std::uint64_t read(Text name, Text text);
  static std::string write(std::uint64_t value);
};

// "auto", "off" or a number.
struct AutoOffOrWhole {
  std::uint64_t least = 1;
  std::uint64_t most = 0;
  bool tells_most = true;  // false: a number above `most` is a mistake whose limit nobody needs to know

  [[nodiscard]] Tunable read(Text name, Text text) const;
  static std::string write(const Tunable& value);
};

// A number of seconds of at least 0.001, as shorter ones than a message takes would only be mistakes, or 0.
struct SecondsOrZero {
  static rondo::Options::Seconds read(Text name, Text text);
  static std::string write(rondo::Options::Seconds value);
};

// The same without 0.
struct PositiveSeconds {
  static rondo::Options::Seconds read(Text name, Text text);
  static std::string write(rondo::Options::Seconds value) { return SecondsOrZero::write(value); }
};

// The same, with 0 for "never".
struct SecondsOrNever {
  static std::optional<rondo::Options::Seconds> read(Text name, Text text);
  static std::string write(std::optional<rondo::Options::Seconds> value);
};

// "90s", "20m", "2h".
struct Duration {
  static std::chrono::seconds read(Text name, Text text);
  static std::string write(std::chrono::seconds value);
};

// The same, or "0" for no limit.
struct DurationOrNone {
  static std::optional<std::chrono::seconds> read(Text name, Text text);
  static std::string write(std::optional<std::chrono::seconds> value);
};

// "20m", or "100r" for rounds.
struct Cadence {
  using Value = std::variant<std::chrono::seconds, Rounds>;
  static Value read(Text name, Text text);
  static std::string write(const Value& value);
};

struct Path {
  static std::string read(Text, Text text) { return text; }
  static std::string write(const std::string& value) { return value; }
};

// One of some words, which stand for the enumerators 0, 1, ...
template <class Enumeration>
struct Word {
  std::span<const char* const> words;

  [[nodiscard]] Enumeration read(Text name, Text text) const;
  [[nodiscard]] std::string write(Enumeration value) const { return words[static_cast<std::size_t>(value)]; }
};

// The position of `text` in `words`; throws OptionError, which lists them.
[[nodiscard]] std::size_t find_word(std::span<const char* const> words, Text name, Text text);

template <class Enumeration>
Enumeration Word<Enumeration>::read(Text name, Text text) const {
  return static_cast<Enumeration>(find_word(words, name, text));
}

}  // namespace rondo::engine::option_values
