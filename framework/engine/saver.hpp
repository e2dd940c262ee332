// Writes a worker's part of a checkpoint, on a thread of its own, while the worker goes on.
//
// Fed by the communicating thread with packed states, whose memory it holds until they are written; queued() lets that
// thread hold back.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/catalog.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/manifest.hpp"
#include "checkpoint/storage.hpp"

namespace rondo::engine {

class Saver {
 public:
  struct Result {
    checkpoint::PartEntry entry;
    std::string error;       // empty: the part is on disk
    std::string copy_error;  // empty: and so is its copy, if one is wanted
  };

  // A folder of checkpoints, and those that rank 0 sees in it. Where a worker has a disk of its own it sees others too,
  // that rank 0 has removed: then they go here as well.
  struct Place {
    checkpoint::Path root;
    std::vector<std::uint64_t> present;
  };

  // `copy` may have no root. `tell` is called from the thread when there is room again and when result() has come.
  Saver(checkpoint::Storage& storage, std::uint64_t sequence, const checkpoint::Header& header, Place place,
        Place copy, std::function<void()> tell);
  // Waits until what was added is written.
  ~Saver();

  void add(StateId id, double cost, Buffer state);
  // A state could not be packed: the part fails.
  void fail(std::string text);
  // Nothing more is added.
  void finish();
  // Bytes that wait to be written.
  [[nodiscard]] std::size_t queued() const;
  // Once, after finish().
  [[nodiscard]] std::optional<Result> result();

 private:
  struct Item {
    StateId id;
    double cost;
    Buffer state;
  };
  void run();
  [[nodiscard]] checkpoint::PartEntry write();
  void copy();
  void remove_old(const Place& place);
  [[nodiscard]] std::optional<Item> next();

  checkpoint::Storage& storage_;
  const std::uint64_t sequence_;
  const checkpoint::Header header_;
  const Place place_;
  const Place copy_;
  const std::function<void()> tell_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  std::size_t queued_ = 0;
  std::string failure_;
  bool finished_ = false;
  std::optional<Result> result_;
  std::thread thread_;
};

}  // namespace rondo::engine
