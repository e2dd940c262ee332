// What distinguishes one program from another: its build and the types it sends.
#pragma once

#include <cstdint>
#include <string>

#include <rondo/detail/program.hpp>

namespace rondo::engine {

// Equal on two ranks only if they run the same executable with the same Update. The build is the linker's build id of
// the executable, or a hash of its file where it has none.
[[nodiscard]] std::string describe(const detail::Program& program);

// Equal for types of equal names that are read alike, as far as types alone tell (rondo/detail/shape.hpp), whatever the
// build: a checkpoint can be read by a program that was compiled again.
[[nodiscard]] std::uint64_t hash_of_types(const detail::Program& program);

// The name of this machine: ranks of one name are on one node.
[[nodiscard]] std::string node_name();

// Of the node, whichever of them this process may use.
[[nodiscard]] std::uint32_t cores_here();

}  // namespace rondo::engine
