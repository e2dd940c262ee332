#include "engine/build.hpp"

#include <link.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include <rondo/cores.hpp>

#define XXH_INLINE_ALL  // header only: one library less to link
#include <xxhash.h>

namespace rondo::engine {

namespace {

std::string hex(const unsigned char* bytes, std::size_t count) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

// A file that the loader has mapped: the executable or a library.
struct Loaded {
  std::string file;  // as the loader has found it; empty: the executable
  std::string id;
  std::string soname;
  std::vector<std::string> needed;
};

// The linker's build id; empty if there is none.
std::string build_id(const dl_phdr_info& info) {
  constexpr std::uint32_t kBuildId = 3;  // NT_GNU_BUILD_ID
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info.dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* note = reinterpret_cast<const unsigned char*>(info.dlpi_addr + header.p_vaddr);
    const unsigned char* const end = note + header.p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) head;
      std::memcpy(&head, note, sizeof head);
      const unsigned char* const name = note + sizeof head;
      const unsigned char* const value = name + ((head.n_namesz + 3U) & ~3U);
      if (head.n_type == kBuildId && head.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
        return hex(value, head.n_descsz);
      note = value + ((head.n_descsz + 3U) & ~3U);
    }
  }
  return "";
}

// What it is called, and what it was linked with.
void read_names(const dl_phdr_info& info, Loaded& loaded) {
  const ElfW(Dyn)* first = nullptr;
  for (int i = 0; i < info.dlpi_phnum; ++i)
    if (info.dlpi_phdr[i].p_type == PT_DYNAMIC)
      first = reinterpret_cast<const ElfW(Dyn)*>(info.dlpi_addr + info.dlpi_phdr[i].p_vaddr);
  if (first == nullptr) return;
  ElfW(Addr) names = 0;
  for (const ElfW(Dyn)* each = first; each->d_tag != DT_NULL; ++each)
    if (each->d_tag == DT_STRTAB) names = each->d_un.d_ptr;
  if (names == 0) return;
  if (names < info.dlpi_addr) names += info.dlpi_addr;  // not relocated on every platform
  for (const ElfW(Dyn)* each = first; each->d_tag != DT_NULL; ++each) {
    const auto* const name = reinterpret_cast<const char*>(names + each->d_un.d_val);
    if (each->d_tag == DT_NEEDED) loaded.needed.emplace_back(name);
    if (each->d_tag == DT_SONAME) loaded.soname = name;
  }
}

int add_loaded(dl_phdr_info* info, std::size_t, void* result) {
  Loaded loaded;
  loaded.file = info->dlpi_name;
  loaded.id = build_id(*info);
  read_names(*info, loaded);
  static_cast<std::vector<Loaded>*>(result)->push_back(std::move(loaded));
  return 0;
}

std::string hash_of(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  std::array<char, 1 << 16> block{};
  while (file.read(block.data(), block.size()) || file.gcount() > 0)
    XXH3_64bits_update(state, block.data(), static_cast<std::size_t>(file.gcount()));
  const XXH64_hash_t hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return hex(reinterpret_cast<const unsigned char*>(&hash), sizeof hash);
}

std::string canonical(const std::string& file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::canonical(file, error);
  return error ? file : path.string();
}

// Two nodes may well have different packages of the system's own libraries; the rest of what a program needs is its own.
bool is_of_system(const std::string& file) {
  for (const char* folder :
       {"/lib/", "/lib64/", "/lib32/", "/usr/lib/", "/usr/lib64/", "/usr/lib32/", "/usr/libexec/"})
    if (file.starts_with(folder)) return true;
  return false;
}

std::string describe_library(const std::string& name, const Loaded& library) {
  const std::string file = canonical(library.file);
  if (is_of_system(file)) return "";
  return "\n" + name + '\t' + file + '\t' + (library.id.empty() ? hash_of(file) : library.id);
}

// The build of the executable, and a line for each library that it was linked with, or that one of these was. What has been loaded
// later, as the plugins of MPI, is not among them.
struct Build {
  std::string executable;
  std::string libraries;
};

Build read_build() {
  std::vector<Loaded> all;
  dl_iterate_phdr(add_loaded, &all);
  if (all.empty()) return {hash_of("/proc/self/exe"), ""};
  std::map<std::string, const Loaded*> by_name;
  for (const Loaded& each : all) {
    by_name.emplace(each.file.substr(each.file.rfind('/') + 1), &each);
    if (!each.soname.empty()) by_name.emplace(each.soname, &each);
  }
  std::set<std::string> found;
  std::vector<const Loaded*> open{&all.front()};  // the first one is the executable
  while (!open.empty()) {
    const Loaded* const next = open.back();
    open.pop_back();
    for (const std::string& name : next->needed) {
      const auto library = by_name.find(name);
      if (library != by_name.end() && found.insert(name).second) open.push_back(library->second);
    }
  }
  Build build{all.front().id.empty() ? hash_of("/proc/self/exe") : all.front().id, ""};
  for (const std::string& name : found) build.libraries += describe_library(name, *by_name.at(name));
  return build;
}

struct Library {
  std::string file;
  std::string id;
};

// The parts of a description, by name.
std::map<std::string, Library> libraries_of(const std::string& description) {
  std::map<std::string, Library> libraries;
  std::istringstream lines(description);
  std::string line, name;
  std::getline(lines, line);  // the executable
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    Library library;
    std::getline(fields, name, '\t');
    std::getline(fields, library.file, '\t');
    std::getline(fields, library.id);
    libraries.emplace(name, library);
  }
  return libraries;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string describe(const detail::Program& program) {
  static const Build build = read_build();
  return "build " + build.executable + " with " + program.types + build.libraries;
}

std::string difference(const std::string& mine, Rank rank, const std::string& its) {
  if (mine == its) return "";
  const std::string number = std::to_string(value(rank));
  const std::string begin = "the ranks do not run the same program: ";
  if (first_line(mine) != first_line(its))
    return begin + "rank 0 has " + first_line(mine) + ", rank " + number + " has " + first_line(its) +
           "; start one binary on all of them";
  const std::string end = "; start with the same libraries on all of them (LD_LIBRARY_PATH)";
  const std::map<std::string, Library> here = libraries_of(mine), there = libraries_of(its);
  for (const auto& [name, library] : here) {
    const auto other = there.find(name);
    if (other == there.end())
      return begin + "rank 0 uses " + library.file + ", rank " + number + " does not" + end;
    if (other->second.id != library.id)
      return begin + "rank 0 uses " + library.file + ", rank " + number + " another " + name + ": " +
             other->second.file + end;
  }
  for (const auto& [name, library] : there)
    if (!here.contains(name))
      return begin + "rank " + number + " uses " + library.file + ", rank 0 does not" + end;
  return "";  // equal libraries in different folders
}

std::string node_name() {
  utsname names{};
  return uname(&names) == 0 ? names.nodename : "";
}

std::uint32_t cores_here(std::int32_t master_process) {
  return master_process == getpid() ? cores() : cores_of_node();
}

std::uint64_t hash_of_types(const detail::Program& program) {
  return XXH3_64bits_withSeed(program.types.data(), program.types.size(), program.shape);
}

}  // namespace rondo::engine
