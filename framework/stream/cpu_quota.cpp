#include "stream/cpu_quota.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace rondo::streaming {

namespace {

using Path = std::filesystem::path;

// Where a hierarchy of control groups is mounted, and which of its groups is at the top there.
struct Mount {
  Path top;
  std::string top_group;
};

// Spaces and the like are written as \040.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto is_digit = [&](std::size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
    if (text[at] == '\\' && is_digit(at + 1) && is_digit(at + 2) && is_digit(at + 3)) {
      out += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
      at += 3;
    } else {
      out += text[at];
    }
  }
  return out;
}

bool lists(const std::string& names, const std::string& name) {
  return ("," + names + ",").find("," + name + ",") != std::string::npos;
}

// The one for the controller "cpu", of version 1 or 2.
std::optional<Mount> mount_of(const Path& root, int version) {
  std::ifstream file(root / "proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    // 36 35 98:0 /top/group /mount/point rw,noatime shared:1 - cgroup2 cgroup rw
    const std::size_t dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    std::istringstream before(line), behind(line.substr(dash + 3));
    std::string skipped, top_group, top, type, options;
    before >> skipped >> skipped >> skipped >> top_group >> top;
    behind >> type >> skipped >> options;
    if (version == 2 ? type == "cgroup2" : type == "cgroup" && lists(options, "cpu"))
      return Mount{root / Path(unescaped(top)).relative_path(), unescaped(top_group)};
  }
  return std::nullopt;
}

// The group of this process in that hierarchy; empty: none.
std::string group_of(const Path& root, int version) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    // 4:cpu,cpuacct:/a/group or 0::/a/group
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (version == 2 ? controllers.empty() : lists(controllers, "cpu")) return line.substr(second + 1);
  }
  return "";
}

std::optional<double> number_in(const Path& path) {
  std::ifstream file(path);
  double number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

std::optional<double> quota_of(const Path& group, int version) {
  std::optional<double> quota, period;
  if (version == 1) {
    quota = number_in(group / "cpu.cfs_quota_us");  // -1: none
    period = number_in(group / "cpu.cfs_period_us");
  } else {
    std::ifstream file(group / "cpu.max");  // "max 100000" or "150000 100000"
    double numbers[2] = {};
    if (file >> numbers[0]) quota = numbers[0];
    if (file >> numbers[1]) period = numbers[1];
  }
  if (!quota || !(*quota > 0)) return std::nullopt;
  return *quota / (period && *period > 0 ? *period : 100'000);
}

}  // namespace

std::optional<double> cpu_quota(const Path& root) {
  std::optional<double> least;
  for (const int version : {1, 2}) {
    const std::optional<Mount> mount = mount_of(root, version);
    const std::string group = group_of(root, version);
    if (!mount || group.empty()) continue;
    // The part of the group's path below the top. In a container that may be the top itself, whatever the path says.
    const Path below = Path(group).lexically_relative(mount->top_group);
    const bool visible = !below.empty() && *below.begin() != "..";
    Path at = visible ? (mount->top / below).lexically_normal() : mount->top;
    for (;; at = at.parent_path()) {
      const std::optional<double> quota = quota_of(at, version);
      if (quota) least = std::min(least.value_or(*quota), *quota);
      if (at == mount->top || at == at.root_path()) break;
    }
  }
  return least;
}

}  // namespace rondo::streaming
