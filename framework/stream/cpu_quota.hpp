// The CPU quota of a process, from the files of the kernel.
#pragma once

#include <filesystem>
#include <optional>

namespace rondo::streaming {

// In cores; nullopt: there is none. The least of all control groups that this process is in, of both versions. `root` is where
// /proc and the control groups' mounts are looked for; "/" but in tests. What cannot be read counts as no quota.
[[nodiscard]] std::optional<double> cpu_quota(const std::filesystem::path& root);

}  // namespace rondo::streaming
