#include "checkpoint/durable_file.hpp"

#include <string>

#include "checkpoint/format.hpp"

namespace rondo::checkpoint {
namespace {

// Many small states share a write; a big one is written from where it is.
constexpr std::size_t kBlockSize = std::size_t{256} << 10;

}  // namespace

DurableFile::DurableFile(Storage& storage, const Path& folder, std::string_view name)
    : storage_(storage),
      folder_(folder),
      path_(folder / name),
      temporary_(folder / (std::string(name) + std::string(kTemporarySuffix))),
      file_(storage.create(temporary_)) {}

DurableFile::~DurableFile() {
  if (committed_) return;
  file_.reset();
  try {
    storage_.remove(temporary_);
  } catch (...) {
    // the failure that brought us here is the one to report; the next pruning removes the leftover
  }
}

void DurableFile::append(Bytes bytes) {
  size_ += bytes.size();
  if (pending_.size() + bytes.size() > kBlockSize) {
    write_through(pending_);
    pending_.clear();
  }
  if (bytes.size() > kBlockSize) {
    write_through(bytes);
  } else {
    pending_.append(bytes);
  }
}

void DurableFile::commit() {
  write_through(pending_);
  pending_.clear();
  file_->sync();
  file_->close();
  storage_.rename(temporary_, path_);
  committed_ = true;
  storage_.sync_folder(folder_);
}

void DurableFile::write_through(Bytes bytes) {
  while (!bytes.empty()) {
    const std::size_t taken = file_->write(bytes);
    if (taken == 0 || taken > bytes.size()) {
      throw FileError(temporary_, "write", std::make_error_code(std::errc::io_error));
    }
    bytes = bytes.subspan(taken);
  }
}

}  // namespace rondo::checkpoint
