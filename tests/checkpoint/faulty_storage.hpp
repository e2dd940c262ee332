// Any storage, with trouble at chosen operations.
//
// Operations are counted from 0 over everything that is asked of the storage and its files.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

enum class Trouble {
  none,
  no_space,        // refused with ENOSPC; a write leaves half of its bytes
  input_output,    // refused with EIO, not done
  done_but_fails,  // done, and reported as EIO
  short_transfer,  // a read or write does half of what it was asked (at least one byte); other operations as
                   // always
  out_of_memory,   // std::bad_alloc is thrown, not done
  crash,           // done, then the process is no more: Crashed is thrown, here and at every later operation
};

// Not an error that anybody may handle.
struct Crashed {};

struct TroublePlan {
  Trouble trouble = Trouble::none;
  std::uint64_t at = std::numeric_limits<std::uint64_t>::max();
  bool for_ever = false;   // at this operation and all later ones
  std::string under = "";  // only operations on paths that begin like this have trouble, and count
};

class FaultyStorage final : public Storage {
 public:
  FaultyStorage(Storage& inner, const TroublePlan& plan) : inner_(inner), plan_(plan) {}

  bool create_folder(const Path& folder) override;
  void sync_folder(const Path& folder) override;
  [[nodiscard]] std::vector<std::string> list(const Path& folder) override;
  [[nodiscard]] std::unique_ptr<OutputFile> create(const Path& file) override;
  [[nodiscard]] std::unique_ptr<InputFile> open(const Path& file) override;
  void rename(const Path& from, const Path& to) override;
  void remove(const Path& path) override;

  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  // The most that one read asked for: what a reader allocated in one piece.
  [[nodiscard]] std::uint64_t read_max() const { return read_max_; }
  // Called after each operation that was done.
  std::function<void()> after_operation;

  // Another plan from here on, counted from 0 again.
  void meet(const TroublePlan& plan) {
    plan_ = plan;
    operations_ = 0;
  }

  // What this operation meets. For the storage and its files only.
  [[nodiscard]] Trouble next(const Path& path);
  void done(Trouble trouble, const Path& path);
  void saw_read(std::uint64_t length);

 private:
  Storage& inner_;
  TroublePlan plan_;
  std::uint64_t operations_ = 0;
  std::uint64_t read_max_ = 0;
  bool crashed_ = false;
};

}  // namespace rondo::checkpoint
