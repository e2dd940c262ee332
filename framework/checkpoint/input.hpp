// Reads that are whole or refused.
#pragma once

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

// All of `into` from `offset` on; a file that ends before is refused as truncated.
void read_exactly(const InputFile& input, const Path& file, std::uint64_t offset, std::span<std::byte> into);

}  // namespace rondo::checkpoint
