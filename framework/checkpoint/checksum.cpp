#include "checkpoint/checksum.hpp"

// compiled in, so that users of the package need no libxxhash at run time
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace rondo::checkpoint {

std::uint64_t checksum(Bytes bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace rondo::checkpoint
