// The checksum of all checkpoint files: XXH3, 64 bits, seed 0. It finds accidents, not forgeries.
#pragma once

#include <cstdint>

#include <rondo/bytes.hpp>

namespace rondo::checkpoint {

[[nodiscard]] std::uint64_t checksum(Bytes bytes);

}  // namespace rondo::checkpoint
