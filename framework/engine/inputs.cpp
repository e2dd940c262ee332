#include <rondo/detail/inputs.hpp>

#include <algorithm>
#include <iterator>
#include <limits>
#include <string>

namespace rondo::detail {

namespace {

std::string list(const std::vector<StateId>& ids) {
  constexpr std::size_t kMost = 10;  // a text stays a line; the error holds all of them
  std::string text;
  for (std::size_t i = 0; i < std::min(ids.size(), kMost); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(value(ids[i]));
  }
  if (ids.size() > kMost) text += " and " + std::to_string(ids.size() - kMost) + " more";
  return text;
}

std::string counted(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void check_count(const std::vector<StateId>& ids, std::size_t count, const std::string& what) {
  if (count == ids.size()) return;
  const std::string have = counted(count, what) + " for " + counted(ids.size(), "state");
  if (count > ids.size()) throw InputError(have + ": need one per state, in the order of ids()", {});
  const std::vector<StateId> without(ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end());
  throw InputError(have + ": none for state " + list(without) + "; need one per state, in the order of ids()",
                   without);
}

}  // namespace

void check_inputs(const std::vector<StateId>& ids, std::size_t inputs) { check_count(ids, inputs, "input"); }

void check_offspring(const std::vector<StateId>& ids, std::span<const std::uint32_t> offspring) {
  check_count(ids, offspring.size(), "offspring count");
  std::uint64_t children = 0;
  for (const std::uint32_t count : offspring) children += count;
  if (children > std::numeric_limits<std::uint32_t>::max())
    throw InputError(std::to_string(children) + " children: at most 4294967295 states fit", {});
}

void check_hints(const std::vector<StateId>& ids, std::span<const double> seconds) {
  check_count(ids, seconds.size(), "hint");
  for (std::size_t i = 0; i < seconds.size(); ++i)
    if (!(seconds[i] > 0 && seconds[i] < 1e9))
      throw InputError("the hint for state " + list({ids[i]}) + " is " + std::to_string(seconds[i]) +
                           ": need a positive number of seconds",
                       {ids[i]});
}

void check_mentioned(const std::vector<StateId>& ids, const std::vector<StateId>& mentioned) {
  std::vector<StateId> missing, unknown;
  std::set_difference(ids.begin(), ids.end(), mentioned.begin(), mentioned.end(),
                      std::back_inserter(missing));
  std::set_difference(mentioned.begin(), mentioned.end(), ids.begin(), ids.end(),
                      std::back_inserter(unknown));
  std::string text;
  if (!missing.empty()) text += "no entry for state " + list(missing) + " (an empty one drops a state)";
  if (!unknown.empty()) text += std::string(text.empty() ? "" : "; ") + "there is no state " + list(unknown);
  missing.insert(missing.end(), unknown.begin(), unknown.end());
  if (!missing.empty()) throw InputError(text, missing);
}

std::size_t position_of(const std::vector<StateId>& ids, StateId id) {
  const auto found = std::lower_bound(ids.begin(), ids.end(), id);
  if (found != ids.end() && *found == id) return static_cast<std::size_t>(found - ids.begin());
  const std::string range = ids.empty() ? "there are none"
                                        : std::to_string(ids.size()) + " states have ids from " +
                                              list({ids.front()}) + " to " + list({ids.back()});
  throw InputError("there is no state " + list({id}) + ": " + range, {id});
}

}  // namespace rondo::detail
