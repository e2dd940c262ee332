// What is in a Debian package index: for each section the packages, their download and installed sizes, and
// the largest.
//
//   package_index [--threads=N] [FILE...]
//
// FILE is a `Packages` file, plain or compressed as apt keeps it. Without one it reads those of this machine,
// from /var/lib/apt/lists, and if there are none the small one beside this program. Of a package that is
// listed more than once only the highest version counts. The report goes to the standard output; where the
// threads' time went, to the standard error.
//
// It shows the streaming evaluator on real data: one thread at a time cuts the index into records, and
// everything else (parsing, filtering, comparing versions, adding up, sorting) happens in work units, on as
// many threads as are of use.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <rondo/stream.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "version.hpp"

namespace {

struct Package {
  std::string name, version, section;
  std::uint64_t download = 0;   // bytes
  std::uint64_t installed = 0;  // kilobytes
};

struct Section {
  std::string name;
  std::uint64_t packages = 0, download = 0, installed = 0;
  std::string largest;
  std::uint64_t largest_installed = 0;
};

// ---- 1. The source: records, in the order of the files. A record ends at an empty line.

struct ClosePipe {
  void operator()(std::FILE* pipe) const { pclose(pipe); }
};
using Pipe = std::unique_ptr<std::FILE, ClosePipe>;

// apt's own helper reads every compression that apt writes.
Pipe open_index(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) throw std::runtime_error(path + ": no such file");
  std::string quoted = "'";
  for (const char c : path) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  quoted += "'";
  const bool compressed = !path.ends_with("Packages") && !path.ends_with(".sample");
  Pipe pipe(popen(((compressed ? "/usr/lib/apt/apt-helper cat-file " : "cat ") + quoted).c_str(), "r"));
  if (!pipe) throw std::runtime_error(path + ": cannot be read");
  return pipe;
}

rondo::Stream<std::string> records(std::vector<std::string> paths) {
  std::vector<char> block(1 << 18);
  for (const std::string& path : paths) {
    Pipe pipe = open_index(path);
    std::string rest;
    for (std::size_t got; (got = std::fread(block.data(), 1, block.size(), pipe.get())) > 0;) {
      rest.append(block.data(), got);
      std::size_t begin = 0;
      for (std::size_t end; (end = rest.find("\n\n", begin)) != rest.npos; begin = end + 2) {
        co_yield rest.substr(begin, end - begin);
      }
      rest.erase(0, begin);
    }
    if (pclose(pipe.release()) != 0) throw std::runtime_error(path + ": damaged, or it cannot be read");
    if (rest.find_first_not_of('\n') != rest.npos) co_yield std::move(rest);
  }
}

// ---- 2. What is done with each record, in parallel.

Package parse(const std::string& record) {
  Package package;
  std::string_view text = record;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::size_t colon = line.find(": ");
    if (colon == line.npos || line.front() == ' ') continue;
    const std::string_view field = line.substr(0, colon);
    const std::string value(line.substr(colon + 2));
    if (field == "Package") package.name = value;
    if (field == "Version") package.version = value;
    if (field == "Section") package.section = value;
    if (field == "Size") package.download = std::strtoull(value.c_str(), nullptr, 10);
    if (field == "Installed-Size") package.installed = std::strtoull(value.c_str(), nullptr, 10);
  }
  return package;
}

bool complete(const Package& package) {
  return !package.name.empty() && !package.version.empty() && !package.section.empty();
}

bool older(const std::string& a, const std::string& b) { return compare_versions(a, b) < 0; }

Section alone(Package package) {
  Section section;
  section.name = std::move(package.section);
  section.packages = 1;
  section.download = package.download;
  section.installed = section.largest_installed = package.installed;
  section.largest = std::move(package.name);
  return section;
}

// The larger of equal packages is the one whose name comes first, so that the order of the records does not
// matter.
void add(Section& to, Section other) {
  to.packages += other.packages;
  to.download += other.download;
  to.installed += other.installed;
  if (other.largest_installed > to.largest_installed ||
      (other.largest_installed == to.largest_installed && other.largest < to.largest)) {
    to.largest_installed = other.largest_installed;
    to.largest = std::move(other.largest);
  }
}

std::vector<std::string> indexes_of_this_machine() {
  std::vector<std::string> paths;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator("/var/lib/apt/lists", missing)) {
    const std::string name = entry.path().filename();
    if (name.find("_Packages") != name.npos && entry.is_regular_file()) paths.push_back(entry.path());
  }
  if (paths.empty()) paths.push_back(PACKAGE_INDEX_SAMPLE);
  std::ranges::sort(paths);
  return paths;
}

}  // namespace

int main(int argc, char** argv) try {
  rondo::StreamReport report;
  rondo::StreamOptions options{.report = &report};
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with("--threads=")) {
      options.threads_max = static_cast<unsigned>(std::stoul(argument.substr(10)));
    } else {
      paths.push_back(argument);
    }
  }
  if (paths.empty()) paths = indexes_of_this_machine();

  const std::vector<Section> sections = rondo::evaluate(
      records(std::move(paths)) | rondo::chunks(100) | rondo::map(parse) | rondo::filter(complete) |
          rondo::deduplicate(&Package::name, rondo::keep_highest(&Package::version, older)) |
          rondo::map(alone) | rondo::group_by(&Section::name, add) | rondo::sort_by(&Section::name) |
          rondo::sort_by(&Section::installed, std::ranges::greater{}),
      options);

  std::puts("section packages download_bytes installed_kilobytes largest");
  for (const Section& section : sections) {
    std::printf("%s %llu %llu %llu %s\n", section.name.c_str(),
                static_cast<unsigned long long>(section.packages),
                static_cast<unsigned long long>(section.download),
                static_cast<unsigned long long>(section.installed), section.largest.c_str());
  }
  std::fprintf(stderr,
               "%llu work units on up to %u threads: %.0f %% of the time at the stream, %.0f %% waiting, "
               "%.0f %% working\n",
               static_cast<unsigned long long>(report.units), report.threads_max, 100 * report.crit,
               100 * report.wait, 100 * report.par);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "package_index: %s\n", error.what());
  return 1;
}
