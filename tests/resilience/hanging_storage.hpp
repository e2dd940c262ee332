// A storage whose disk hangs: each write to a part waits until it is allowed. For any number of threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "locked_storage.hpp"

namespace rondo::test {

class HangingStorage final : public checkpoint::Storage {
 public:
  explicit HangingStorage(checkpoint::Storage& inner) : inner_(inner) {}

  // From now on so many writes go through, and then none.
  void allow(std::uint64_t writes) {
    {
      const std::lock_guard lock(mutex_);
      allowed_ = writes;
    }
    changed_.notify_all();
  }
  void release() { allow(std::numeric_limits<std::uint64_t>::max()); }
  // Until so many threads hang in a write.
  void wait_for(std::uint64_t hanging) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return hanging_ == hanging; });
  }
  [[nodiscard]] std::uint64_t hanging() {
    const std::lock_guard lock(mutex_);
    return hanging_;
  }

  bool create_folder(const Path& folder) override { return inner_.create_folder(folder); }
  void sync_folder(const Path& folder) override { inner_.sync_folder(folder); }
  std::vector<std::string> list(const Path& folder) override { return inner_.list(folder); }
  std::unique_ptr<checkpoint::OutputFile> create(const Path& file) override {
    auto inner = inner_.create(file);
    if (!file.name().starts_with("part-")) return inner;
    return std::make_unique<Output>(*this, std::move(inner));
  }
  std::unique_ptr<checkpoint::InputFile> open(const Path& file) override { return inner_.open(file); }
  void rename(const Path& from, const Path& to) override { inner_.rename(from, to); }
  void remove(const Path& path) override { inner_.remove(path); }

 private:
  class Output final : public checkpoint::OutputFile {
   public:
    Output(HangingStorage& all, std::unique_ptr<OutputFile> inner) : all_(all), inner_(std::move(inner)) {}
    std::size_t write(Bytes bytes) override {
      all_.hang();
      return inner_->write(bytes);
    }
    void sync() override { inner_->sync(); }
    void close() override { inner_->close(); }

   private:
    HangingStorage& all_;
    std::unique_ptr<OutputFile> inner_;
  };
  void hang() {
    std::unique_lock lock(mutex_);
    ++hanging_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return allowed_ > 0; });
    --hanging_;
    --allowed_;
  }

  checkpoint::Storage& inner_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t allowed_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t hanging_ = 0;
};

}  // namespace rondo::test
