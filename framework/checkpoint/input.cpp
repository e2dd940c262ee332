#include "checkpoint/input.hpp"

namespace rondo::checkpoint {

void read_exactly(const InputFile& input, const Path& file, std::uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const std::size_t count = input.read(offset, into);
    if (count == 0 || count > into.size()) {
      throw FileError(Fault::truncated, file, offset,
                      "the file ends here, " + std::to_string(into.size()) + " more bytes were to be read");
    }
    offset += count;
    into = into.subspan(count);
  }
}

}  // namespace rondo::checkpoint
