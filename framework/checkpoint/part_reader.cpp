#include "checkpoint/part_reader.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "checkpoint/checksum.hpp"
#include "checkpoint/input.hpp"

namespace rondo::checkpoint {
namespace {

std::unique_ptr<InputFile> open_listed(Storage& storage, const Path& file, std::uint64_t size) {
  std::unique_ptr<InputFile> input = storage.open(file);
  if (input->size() < size) {
    throw FileError(Fault::truncated, file,
                    std::to_string(input->size()) + " bytes; its manifest lists " + std::to_string(size));
  }
  if (input->size() > size) {
    throw FileError(
        Fault::damaged, file,
        std::to_string(input->size()) + " bytes; its manifest lists only " + std::to_string(size));
  }
  return input;
}

}  // namespace

PartReader::PartReader(Storage& storage, const Path& folder, const Header& header, const PartEntry& entry)
    : file_(folder / part_name(entry.number)), input_(open_listed(storage, file_, entry.size)) {
  read_index(header, entry);
}

// Header, footer and index, in the order in which each vouches for the next.
void PartReader::read_index(const Header& expected, const PartEntry& entry) {
  if (entry.size < kHeaderSize + kPartFooterSize) {
    throw FileError(Fault::truncated, file_, std::to_string(entry.size) + " bytes are too few for a part");
  }
  Buffer covered;  // the header and the front of the footer, side by side as the part's checksum covers them
  read_exactly(*input_, file_, 0, {covered.extend(kHeaderSize), kHeaderSize});
  const Header header = read_header(covered, kPartMagic, expected.type_hash, file_);
  const std::uint64_t footer_offset = entry.size - kPartFooterSize;
  Buffer footer;
  read_exactly(*input_, file_, footer_offset, {footer.extend(kPartFooterSize), kPartFooterSize});
  covered.append(Bytes(footer).first(32));

  if (number_at(footer, 40) != kEndMagic) {
    throw FileError(Fault::truncated, file_, footer_offset + 40,
                    "the mark of the end of a part is not at its end");
  }
  if (number_at(footer, 32) != checksum(covered)) {
    throw FileError(Fault::damaged, file_, footer_offset + 32, "header and footer do not have this checksum");
  }
  if (number_at(footer, 32) != entry.checksum || header != expected) {
    throw FileError(Fault::damaged, file_, "it is whole, but not the part that its manifest lists");
  }
  const std::uint64_t count = number_at(footer, 0);
  const std::uint64_t total = number_at(footer, 8);
  const std::uint64_t room = entry.size - kHeaderSize - kPartFooterSize;
  if (number_at(footer, 24) != entry.size || count != entry.count || count > room / kRecordSize ||
      total > room - count * kRecordSize) {
    throw FileError(Fault::damaged, file_, footer_offset,
                    std::to_string(count) + " states of " + std::to_string(total) +
                        " bytes do not fit a file of " + std::to_string(entry.size) + " bytes with " +
                        std::to_string(entry.count) + " states");
  }

  Buffer index;  // and the schema behind it
  read_exactly(*input_, file_, kHeaderSize + total, {index.extend(room - total), room - total});
  if (checksum(index) != number_at(footer, 16)) {
    throw FileError(Fault::damaged, file_, kHeaderSize + total,
                    "the index and the schema do not have the checksum in the footer");
  }
  read_records(Bytes(index).first(count * kRecordSize), total);
  schema_.append(Bytes(index).subspan(count * kRecordSize));
}

void PartReader::read_records(Bytes index, std::uint64_t total) {
  records_.reserve(index.size() / kRecordSize);
  std::uint64_t end = 0;
  for (std::uint64_t at = 0; at < index.size(); at += kRecordSize) {
    const Record record{.id = StateId{number_at(index, at)},
                        .offset = kHeaderSize + end,
                        .length = number_at(index, at + 8),
                        .checksum = number_at(index, at + 16),
                        .cost = std::bit_cast<double>(number_at(index, at + 24))};
    if (record.length > total - end) {
      throw FileError(Fault::damaged, file_, kHeaderSize + total + at + 8,
                      "state " + std::to_string(value(record.id)) + " has " + std::to_string(record.length) +
                          " bytes; " + std::to_string(total - end) + " are left for it");
    }
    end += record.length;
    records_.push_back(record);
  }
  if (end != total) {
    throw FileError(Fault::damaged, file_, kHeaderSize + end,
                    std::to_string(total - end) + " bytes here belong to no state");
  }
  const auto by_id = [](const Record& left, const Record& right) { return left.id < right.id; };
  std::sort(records_.begin(), records_.end(), by_id);
  const auto twice =
      std::adjacent_find(records_.begin(), records_.end(),
                         [](const Record& left, const Record& right) { return left.id == right.id; });
  if (twice != records_.end()) {
    throw FileError(Fault::damaged, file_, "state " + std::to_string(value(twice->id)) + " is in it twice");
  }
}

const PartReader::Record& PartReader::at(StateId id) const {
  const auto found =
      std::lower_bound(records_.begin(), records_.end(), id,
                       [](const Record& record, StateId wanted) { return record.id < wanted; });
  if (found == records_.end() || found->id != id) {
    throw FileError(Fault::damaged, file_,
                    "state " + std::to_string(value(id)) + " is not in it; its manifest says so");
  }
  return *found;
}

void PartReader::read(const Record& record, Buffer& into) const {
  const std::size_t before = into.size();
  try {
    read_exactly(*input_, file_, record.offset, {into.extend(record.length), record.length});
    if (checksum(Bytes(into).subspan(before)) != record.checksum) {
      throw FileError(Fault::damaged, file_, record.offset,
                      "state " + std::to_string(value(record.id)) + " of " + std::to_string(record.length) +
                          " bytes does not have the checksum in its record");
    }
  } catch (...) {
    into.truncate(before);
    throw;
  }
}

}  // namespace rondo::checkpoint
