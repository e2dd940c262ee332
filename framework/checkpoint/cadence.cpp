#include "checkpoint/cadence.hpp"

#include <charconv>
#include <cmath>
#include <string>

#include <rondo/error.hpp>

namespace rondo::checkpoint {
namespace {

constexpr std::uint64_t kLongest = std::uint64_t{100} * 365 * 24 * 3600;

[[noreturn]] void refuse(std::string_view option, std::string_view text) {
  throw OptionError(std::string(option) +
                    ": need a whole number above zero and a unit, as 90s, 20m, 2h or 100r (rounds)" +
                    ", at most 100 years; got \"" + std::string(text) + "\"");
}

std::uint64_t seconds_per(char unit) {
  switch (unit) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    default: return 0;
  }
}

}  // namespace

Cadence parse_cadence(std::string_view option, std::string_view text) {
  if (text.size() < 2) refuse(option, text);
  const char* const unit = text.data() + text.size() - 1;
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), unit, count);
  if (error != std::errc() || end != unit || count == 0) refuse(option, text);
  if (*unit == 'r') return Rounds{count};
  const std::uint64_t each = seconds_per(*unit);
  if (each == 0 || count > kLongest / each) refuse(option, text);
  return std::chrono::seconds(count * each);
}

Seconds optimum_interval(Seconds cost, Seconds between_failures) {
  if (!(between_failures > Seconds::zero()) || !std::isfinite(between_failures.count())) {
    throw OptionError("mean time between failures: need a time above zero, got " +
                      std::to_string(between_failures.count()) + " s");
  }
  if (!(cost > Seconds::zero())) return Seconds::zero();
  if (cost >= 2 * between_failures) return between_failures;
  const double ratio = cost / (2 * between_failures);
  const Seconds first_order{std::sqrt(2 * cost.count() * between_failures.count())};
  return first_order * (1 + std::sqrt(ratio) / 3 + ratio / 9) - cost;
}

Seconds between_failures(Seconds of_one_node, std::uint64_t nodes) {
  if (nodes == 0) throw OptionError("nodes: need at least 1, got 0");
  return of_one_node / static_cast<double>(nodes);
}

}  // namespace rondo::checkpoint
