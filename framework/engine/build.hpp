// What distinguishes one program from another: its build and the types it sends.
#pragma once

#include <cstdint>
#include <string>

#include <rondo/detail/program.hpp>
#include <rondo/ids.hpp>

namespace rondo::engine {

// What this process runs, for difference(). A build is the linker's build id of a file, or a hash of it where it has none. The
// libraries are those that the executable was linked with, directly or through others, outside of the system's folders.
[[nodiscard]] std::string describe(const detail::Program& program);

// Why another rank does not run the same program as rank 0, by their descriptions: another executable, another Update or other
// libraries. Empty if it does. Names the rank and the file.
[[nodiscard]] std::string difference(const std::string& mine, Rank rank, const std::string& its);

// Equal for types of equal names that are read alike, as far as types alone tell (rondo/detail/shape.hpp), whatever the
// build: a checkpoint can be read by a program that was compiled again.
[[nodiscard]] std::uint64_t hash_of_types(const detail::Program& program);

// The name of this machine: ranks of one name are on one node.
[[nodiscard]] std::string node_name();

// For all workers of this node: of a run on threads, those that this process may use; of one on ranks, of which each has an
// affinity mask of its own, those of the node.
[[nodiscard]] std::uint32_t cores_here(std::int32_t master_process);

}  // namespace rondo::engine
