// Writes a worker's part of a checkpoint to one place or two, on a thread of its own, while the worker goes on.
//
// Fed by the communicating thread, which packs states into blocks of memory that this holds until they are written;
// has_room() lets that thread hold back. Until all states are packed, nothing computes: so writing, which takes processor
// time too, begins then, or when half of the memory is full.
//
// What one place refuses does not keep the part from the other; where both work, the slower one sets the pace.
#pragma once

#include <array>
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
    std::array<std::string, 2> errors;  // per place; empty: the part is on disk, if it was wanted there
  };

  // A folder of checkpoints, and those that rank 0 sees in it. Where a worker has a disk of its own it sees others too,
  // that rank 0 has removed: then they go here as well.
  struct Place {
    checkpoint::Path root;  // empty: there is no such place
    std::vector<std::uint64_t> present;
  };

  using Places = std::array<Place, 2>;

  // Holds `bytes_max` at the most, or one state. `tell` is called from the thread when there is room again and when
  // result() has come.
  Saver(checkpoint::Storage& storage, std::uint64_t sequence, const checkpoint::Header& header, Places places,
        std::size_t bytes_max, std::function<void()> tell);
  // Waits until what was added is written.
  ~Saver();

  // For a state of so many bytes.
  [[nodiscard]] bool has_room(std::size_t bytes);
  // `pack` appends it; if that throws, the part fails.
  void add(StateId id, double cost, const std::function<void(Buffer&)>& pack);
  void fail(std::string text);
  // Nothing more is added.
  void finish();
  // Once, after finish().
  [[nodiscard]] std::optional<Result> result();

 private:
  struct State {
    StateId id;
    double cost;
    std::size_t size;
  };
  struct Block {
    std::vector<State> states;  // one after the other in
    Buffer bytes;
  };
  void hand_over();
  void run();
  [[nodiscard]] Result write();
  void remove_old(const Place& place);
  [[nodiscard]] std::optional<Block> next();

  checkpoint::Storage& storage_;
  const std::uint64_t sequence_;
  const checkpoint::Header header_;
  const Places places_;
  const std::size_t bytes_max_;
  const std::function<void()> tell_;
  Block filling_;  // of the communicating thread

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> blocks_;
  std::size_t queued_ = 0;  // bytes of blocks that were handed over and are not written
  bool writing_ = false;    // though not all is packed
  std::string failure_;
  bool finished_ = false;
  std::optional<Result> result_;
  std::thread thread_;
};

}  // namespace rondo::engine
