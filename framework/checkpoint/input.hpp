// Reads a given number of bytes, or throws.
#pragma once

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

// Fills `into` with the bytes from `offset` on. Throws FileError (Fault::truncated) if the file ends before.
void read_exactly(const InputFile& input, const Path& file, std::uint64_t offset, std::span<std::byte> into);

}  // namespace rondo::checkpoint
