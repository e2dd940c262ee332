#include "engine/marker.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <string_view>

#include <rondo/error.hpp>

#include "engine/log.hpp"

namespace rondo::engine {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  });
}

// A number, or a host and a number: what a run writes.
bool is_marker_text(std::string_view text) {
  const auto space = text.rfind(' ');
  return is_number(space == std::string_view::npos ? text : text.substr(space + 1));
}

enum class Place { free, marker, taken };

Place look_at(const std::string& name) {
  struct stat status {};
  if (lstat(name.c_str(), &status) != 0) return errno == ENOENT ? Place::free : Place::taken;
  std::array<char, 512> text{};
  const ssize_t size = readlink(name.c_str(), text.data(), text.size());
  if (size < 0 || status.st_uid != geteuid()) return Place::taken;
  return is_marker_text({text.data(), static_cast<std::size_t>(size)}) ? Place::marker : Place::taken;
}

}  // namespace

void check_marker(const std::string& name) {
  for (const std::string& each : {name, name + kMarkerBegun, name + kMarkerOrphaned}) {
    if (look_at(each) == Place::taken)
      throw OptionError("--rondo-marker: need a NAME that is free, or that an earlier run has marked, got '" +
                        each + "', which is something else and would be replaced");
  }
}

void leave_marker(const std::string& name, const std::string& text) {
  if (look_at(name) == Place::marker) unlink(name.c_str());
  if (symlink(text.c_str(), name.c_str()) != 0)
    standard_error().tell("cannot write " + name + ": " + std::strerror(errno));
}

}  // namespace rondo::engine
