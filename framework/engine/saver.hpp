// Writes a worker's part of a checkpoint to one place or two, on an executor of its own, while the worker goes on.
//
// Fed by the communicating thread with packed states, whose memory it gives back when they are written. It writes nothing
// until it has all of them or is told to begin: it would take the processor from the thread that packs. A place that refuses does not
// keep the part from the other one; where both work, the slower one sets the pace.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>

#include "checkpoint/catalog.hpp"
#include "checkpoint/format.hpp"
#include "checkpoint/manifest.hpp"
#include "checkpoint/part_writer.hpp"
#include "checkpoint/storage.hpp"
#include "engine/copy_memory.hpp"
#include "engine/executor.hpp"

namespace rondo::engine {

class Saver final : private Executor::Work {
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

  // `tell` is called from the executor when there is room again and when result() has come. If the executor cannot be started,
  // the part fails at both places, and nothing is written.
  Saver(checkpoint::Storage& storage, CopyMemory& memory, std::uint64_t sequence,
        const checkpoint::Header& header, Places places, std::unique_ptr<Executor> executor,
        std::function<void()> tell);
  // Waits until what was added is written.
  ~Saver() override;

  // A state packed into memory that was taken for it.
  void add(StateId id, double cost, Buffer state);
  // There is no room for more.
  void begin();
  // A state could not be packed: the part fails.
  void fail(std::string text);
  // Nothing more is added. `schema` says of which types the states are.
  void finish(Buffer schema = {});
  // Once, after finish().
  [[nodiscard]] std::optional<Result> result();

 private:
  struct Item {
    StateId id;
    double cost;
    Buffer state;
  };
  // What is to be done next, one after the other.
  enum class Step : std::uint8_t { kOpen, kWrite, kFinish, kNothing };

  bool next() override;
  void run() override;
  void give_up();
  template <class Do>
  void at_each_place(const Do& work);
  void open();
  void write();
  void complete();
  void remove_old(const Place& place);

  checkpoint::Storage& storage_;
  CopyMemory& memory_;
  const std::uint64_t sequence_;
  const checkpoint::Header header_;
  const Places places_;
  const std::function<void()> tell_;

  // Only the executor uses these.
  Step step_ = Step::kOpen;
  std::optional<Item> item_;
  Result written_;
  std::array<std::optional<checkpoint::PartWriter>, 2> writers_;

  std::mutex mutex_;
  std::deque<Item> items_;
  std::string failure_;
  Buffer schema_;
  bool begun_ = false, finished_ = false;
  std::optional<Result> result_;
  bool refused_ = false;                // the executor could not be started
  std::unique_ptr<Executor> executor_;  // last: it uses all the others
};

}  // namespace rondo::engine
