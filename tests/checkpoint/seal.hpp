// Makes checksums right again after a file was changed, so that a test reaches the checks behind them.
//
// Whatever the bytes are; what does not fit into them is left alone.
#pragma once

#include <cstddef>
#include <vector>

#include "checkpoint/manifest.hpp"

namespace rondo::checkpoint {

// As much of it as fits.
void set_number(std::vector<std::byte>& bytes, std::uint64_t offset, std::uint64_t number);

void seal_header(std::vector<std::byte>& bytes);
void seal_manifest(std::vector<std::byte>& bytes);
// Also gives the entry by which a manifest would list such a part.
PartEntry seal_part(std::vector<std::byte>& bytes);

}  // namespace rondo::checkpoint
