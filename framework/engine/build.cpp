#include "engine/build.hpp"

#include <link.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

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

// The first object that the loader lists is the executable.
int find_build_id(dl_phdr_info* info, std::size_t, void* result) {
  constexpr std::uint32_t kBuildId = 3;  // NT_GNU_BUILD_ID
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& header = info->dlpi_phdr[i];
    if (header.p_type != PT_NOTE) continue;
    const auto* note = reinterpret_cast<const unsigned char*>(info->dlpi_addr + header.p_vaddr);
    const unsigned char* const end = note + header.p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      ElfW(Nhdr) head;
      std::memcpy(&head, note, sizeof head);
      const unsigned char* const name = note + sizeof head;
      const unsigned char* const value = name + ((head.n_namesz + 3U) & ~3U);
      if (head.n_type == kBuildId && head.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0) {
        *static_cast<std::string*>(result) = hex(value, head.n_descsz);
        return 1;
      }
      note = value + ((head.n_descsz + 3U) & ~3U);
    }
  }
  return 1;
}

std::string hash_of_executable() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  XXH3_state_t* state = XXH3_createState();
  XXH3_64bits_reset(state);
  std::array<char, 1 << 16> block{};
  while (file.read(block.data(), block.size()) || file.gcount() > 0)
    XXH3_64bits_update(state, block.data(), static_cast<std::size_t>(file.gcount()));
  const XXH64_hash_t hash = XXH3_64bits_digest(state);
  XXH3_freeState(state);
  return hex(reinterpret_cast<const unsigned char*>(&hash), sizeof hash);
}

}  // namespace

std::string describe(const detail::Program& program) {
  static const std::string build = [] {
    std::string id;
    dl_iterate_phdr(find_build_id, &id);
    return id.empty() ? hash_of_executable() : id;
  }();
  return "build " + build + " with " + program.types;
}

std::string node_name() {
  utsname names{};
  return uname(&names) == 0 ? names.nodename : "";
}

std::uint32_t cores_here() {
  static const long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return static_cast<std::uint32_t>(std::max(cores, 1L));
}

std::uint64_t hash_of_types(const detail::Program& program) {
  return XXH3_64bits_withSeed(program.types.data(), program.types.size(), program.shape);
}

}  // namespace rondo::engine
