#include "checkpoint/part_writer.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

#include "checkpoint/checksum.hpp"

namespace rondo::checkpoint {

PartWriter::PartWriter(Storage& storage, const Path& folder, const Header& header)
    : header_(header), file_(storage, folder, part_name(header.number)) {
  put_header(header_bytes_, kPartMagic, header_);
  file_.append(header_bytes_);
}

void PartWriter::add(StateId id, double cost, Bytes state) {
  ids_.push_back(id);
  total_ += state.size();
  put_number(index_, value(id));
  put_number(index_, state.size());
  put_number(index_, checksum(state));
  put_number(index_, std::bit_cast<std::uint64_t>(cost));
  file_.append(state);
}

PartEntry PartWriter::finish(Bytes schema) {
  std::sort(ids_.begin(), ids_.end());
  if (const auto twice = std::adjacent_find(ids_.begin(), ids_.end()); twice != ids_.end()) {
    throw std::logic_error("checkpoint part: state " + std::to_string(value(*twice)) + " was added twice");
  }
  PartEntry entry{.number = header_.number, .count = ids_.size()};
  index_.append(schema);
  file_.append(index_);
  entry.size = file_.size() + kPartFooterSize;

  Buffer footer;
  put_number(footer, entry.count);
  put_number(footer, total_);
  put_number(footer, checksum(index_));
  put_number(footer, entry.size);
  header_bytes_.append(footer);
  entry.checksum = checksum(header_bytes_);
  put_number(footer, entry.checksum);
  put_number(footer, kEndMagic);
  file_.append(footer);
  file_.commit();
  return entry;
}

}  // namespace rondo::checkpoint
