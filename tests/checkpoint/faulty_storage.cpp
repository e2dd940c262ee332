#include "faulty_storage.hpp"

#include <algorithm>
#include <new>
#include <type_traits>

namespace rondo::checkpoint {
namespace {

void refuse_if(Trouble trouble, const Path& path) {
  if (trouble == Trouble::no_space) {
    throw FileError(path, "go on", std::make_error_code(std::errc::no_space_on_device));
  }
  if (trouble == Trouble::input_output)
    throw FileError(path, "go on", std::make_error_code(std::errc::io_error));
  if (trouble == Trouble::out_of_memory) throw std::bad_alloc();
}

// An operation that is done whole or not at all.
template <class Operation>
auto perform(FaultyStorage& storage, const Path& path, Operation operation) {
  const Trouble trouble = storage.next(path);
  refuse_if(trouble, path);
  if constexpr (std::is_void_v<decltype(operation())>) {
    operation();
    storage.done(trouble, path);
  } else {
    auto result = operation();
    storage.done(trouble, path);
    return result;
  }
}

class FaultyOutputFile final : public OutputFile {
 public:
  FaultyOutputFile(FaultyStorage& storage, Path path, std::unique_ptr<OutputFile> inner)
      : storage_(storage), path_(std::move(path)), inner_(std::move(inner)) {}

  std::size_t write(Bytes bytes) override {
    const Trouble trouble = storage_.next(path_);
    const std::size_t half = std::max<std::size_t>(bytes.size() / 2, 1);
    if (trouble == Trouble::no_space) static_cast<void>(inner_->write(bytes.first(half)));
    refuse_if(trouble, path_);
    const std::size_t taken = inner_->write(trouble == Trouble::short_transfer ? bytes.first(half) : bytes);
    storage_.done(trouble, path_);
    return taken;
  }
  void sync() override {
    perform(storage_, path_, [&] { inner_->sync(); });
  }
  void close() override {
    perform(storage_, path_, [&] { inner_->close(); });
  }

 private:
  FaultyStorage& storage_;
  Path path_;
  std::unique_ptr<OutputFile> inner_;
};

class FaultyInputFile final : public InputFile {
 public:
  FaultyInputFile(FaultyStorage& storage, Path path, std::unique_ptr<InputFile> inner)
      : storage_(storage), path_(std::move(path)), inner_(std::move(inner)) {}

  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
    storage_.saw_read(into.size());
    const Trouble trouble = storage_.next(path_);
    refuse_if(trouble, path_);
    const std::size_t half = std::max<std::size_t>(into.size() / 2, 1);
    const std::size_t count =
        inner_->read(offset, trouble == Trouble::short_transfer ? into.first(half) : into);
    storage_.done(trouble, path_);
    return count;
  }

 private:
  FaultyStorage& storage_;
  Path path_;
  std::unique_ptr<InputFile> inner_;
};

}  // namespace

Trouble FaultyStorage::next(const Path& path) {
  if (crashed_) throw Crashed{};
  if (!path.string().starts_with(plan_.under)) return Trouble::none;
  const std::uint64_t operation = operations_++;
  const bool hit = plan_.for_ever ? operation >= plan_.at : operation == plan_.at;
  return hit ? plan_.trouble : Trouble::none;
}

void FaultyStorage::done(Trouble trouble, const Path& path) {
  if (after_operation) after_operation();
  if (trouble == Trouble::crash) {
    crashed_ = true;
    throw Crashed{};
  }
  if (trouble == Trouble::done_but_fails)
    throw FileError(path, "go on", std::make_error_code(std::errc::io_error));
}

void FaultyStorage::saw_read(std::uint64_t length) { read_max_ = std::max(read_max_, length); }

bool FaultyStorage::create_folder(const Path& folder) {
  return perform(*this, folder, [&] { return inner_.create_folder(folder); });
}

void FaultyStorage::sync_folder(const Path& folder) {
  perform(*this, folder, [&] { inner_.sync_folder(folder); });
}

std::vector<std::string> FaultyStorage::list(const Path& folder) {
  return perform(*this, folder, [&] { return inner_.list(folder); });
}

std::unique_ptr<OutputFile> FaultyStorage::create(const Path& file) {
  auto inner = perform(*this, file, [&] { return inner_.create(file); });
  return std::make_unique<FaultyOutputFile>(*this, file, std::move(inner));
}

std::unique_ptr<InputFile> FaultyStorage::open(const Path& file) {
  auto inner = perform(*this, file, [&] { return inner_.open(file); });
  return std::make_unique<FaultyInputFile>(*this, file, std::move(inner));
}

void FaultyStorage::rename(const Path& from, const Path& to) {
  perform(*this, from, [&] { inner_.rename(from, to); });
}

void FaultyStorage::remove(const Path& path) {
  perform(*this, path, [&] { inner_.remove(path); });
}

}  // namespace rondo::checkpoint
