// One storage for the threads of a run: those of the checkpoint tests are for one thread.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/storage.hpp"

namespace rondo::test {

using checkpoint::Path;

class LockedStorage final : public checkpoint::Storage {
  template <class Operation>
  auto locked(const Operation& operation) {
    const std::lock_guard lock(mutex_);
    return operation();
  }

 public:
  explicit LockedStorage(checkpoint::Storage& inner) : inner_(inner) {}

  bool create_folder(const Path& folder) override {
    return locked([&] { return inner_.create_folder(folder); });
  }
  void sync_folder(const Path& folder) override {
    locked([&] { inner_.sync_folder(folder); });
  }
  std::vector<std::string> list(const Path& folder) override {
    return locked([&] { return inner_.list(folder); });
  }
  std::unique_ptr<checkpoint::OutputFile> create(const Path& file) override {
    return locked([&] { return std::make_unique<Output>(*this, inner_.create(file)); });
  }
  std::unique_ptr<checkpoint::InputFile> open(const Path& file) override {
    return locked([&] { return std::make_unique<Input>(*this, inner_.open(file)); });
  }
  void rename(const Path& from, const Path& to) override {
    locked([&] { inner_.rename(from, to); });
  }
  void remove(const Path& path) override {
    locked([&] { inner_.remove(path); });
  }

 private:
  class Output final : public checkpoint::OutputFile {
   public:
    Output(LockedStorage& all, std::unique_ptr<OutputFile> inner) : all_(all), inner_(std::move(inner)) {}
    std::size_t write(Bytes bytes) override {
      return all_.locked([&] { return inner_->write(bytes); });
    }
    void sync() override {
      all_.locked([&] { inner_->sync(); });
    }
    void close() override {
      all_.locked([&] { inner_->close(); });
    }

   private:
    LockedStorage& all_;
    std::unique_ptr<OutputFile> inner_;
  };
  class Input final : public checkpoint::InputFile {
   public:
    Input(LockedStorage& all, std::unique_ptr<InputFile> inner) : all_(all), inner_(std::move(inner)) {}
    std::uint64_t size() const override { return inner_->size(); }
    std::size_t read(std::uint64_t offset, std::span<std::byte> into) const override {
      return all_.locked([&] { return inner_->read(offset, into); });
    }

   private:
    LockedStorage& all_;
    std::unique_ptr<InputFile> inner_;
  };

  checkpoint::Storage& inner_;
  std::mutex mutex_;
};

}  // namespace rondo::test
