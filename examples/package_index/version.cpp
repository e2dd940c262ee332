#include "version.hpp"

#include <algorithm>

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Where a character that is no digit stands: tilde, end of the part, letters, the rest.
int rank(std::string_view text) {
  if (text.empty() || is_digit(text.front())) return 0;
  if (text.front() == '~') return -1;
  return is_letter(text.front()) ? text.front() : text.front() + 256;
}

std::string_view take_number(std::string_view& text) {
  const std::size_t zeros = std::min(text.find_first_not_of('0'), text.size());
  text.remove_prefix(zeros);
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) ++digits;
  const std::string_view number = text.substr(0, digits);
  text.remove_prefix(digits);
  return number;
}

std::strong_ordering compare_parts(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    while ((!a.empty() && !is_digit(a.front())) || (!b.empty() && !is_digit(b.front()))) {
      if (const auto order = rank(a) <=> rank(b); order != 0) return order;
      if (!a.empty()) a.remove_prefix(1);
      if (!b.empty()) b.remove_prefix(1);
    }
    const std::string_view m = take_number(a), n = take_number(b);
    if (const auto order = m.size() <=> n.size(); order != 0) return order;
    if (const int order = m.compare(n); order != 0) return order <=> 0;
  }
  return std::strong_ordering::equal;
}

struct Parts {
  std::string_view epoch = "0", upstream, revision;
  explicit Parts(std::string_view version) {
    if (const auto colon = version.find(':'); colon != version.npos) {
      epoch = version.substr(0, colon);
      version.remove_prefix(colon + 1);
    }
    const auto dash = version.rfind('-');
    upstream = version.substr(0, dash);
    if (dash != version.npos) revision = version.substr(dash + 1);
  }
};

}  // namespace

std::strong_ordering compare_versions(std::string_view a, std::string_view b) {
  const Parts first(a), second(b);
  if (const auto order = compare_parts(first.epoch, second.epoch); order != 0) return order;
  if (const auto order = compare_parts(first.upstream, second.upstream); order != 0) return order;
  return compare_parts(first.revision, second.revision);
}
