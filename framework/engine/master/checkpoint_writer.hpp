// Writes checkpoints: workers write the parts with their states, rank 0 the manifest that makes them a checkpoint.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "checkpoint/manifest.hpp"
#include "checkpoint/storage.hpp"
#include "engine/host.hpp"
#include "engine/master/checkpoint_places.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "scheduler/scheduler.hpp"

namespace rondo::engine {

class CheckpointWriter {
 public:
  /// What it works with; all of it outlives the writer.
  struct Parts {
    Peers& peers;
    Loop& loop;
    CheckpointPlaces& places;
    const Ensemble& ensemble;
    const scheduler::Scheduler& scheduler;
    const Host& host;
    const Options& options;
  };
  /// `completed` is called when a checkpoint is complete.
  CheckpointWriter(const Parts& parts, std::function<void()> completed)
      : p_(parts), completed_(std::move(completed)) {}

  /// Writes one into this folder, and returns when it is complete. `program` is the program's own part. Throws CheckpointError.
  void write(const std::string& folder, Bytes program);
  /// Tells the workers to pack what they hold, and goes on; take() completes the checkpoint. What goes wrong later is told by tell_error(),
  /// or with the next one. Throws CheckpointError.
  void begin(const std::string& folder, Bytes program);
  /// Waits until none is being written.
  void finish();
  void take(const messages::Saved& saved);
  /// Tells why the last one has failed, if it has.
  void tell_error();
  void set_error(std::string error) { error_ = std::move(error); }
  /// A worker is lost, and its part with it.
  void abandon();
  /// Whether one was abandoned since the last call.
  [[nodiscard]] bool take_abandoned() { return std::exchange(abandoned_, false); }

  [[nodiscard]] bool is_writing() const { return saving_.has_value(); }
  /// Of the one that is being written: parts that are not on disk yet.
  [[nodiscard]] std::size_t missing_parts() const { return saving_ ? saving_->missing : 0; }
  /// Whether one is complete that was not when the run began.
  [[nodiscard]] bool has_saved() const { return has_saved_; }
  /// Seconds that the last one took; 0: not known.
  [[nodiscard]] double cost() const { return cost_; }

 private:
  struct Place {
    checkpoint::Path root;  // empty: there is no such place
    std::string error;      // the first
    bool begun = false;     // what is there under the checkpoint's number is this one's
  };
  // One that is being written, to one place or two. It is complete if one of them has all of it.
  struct Saving {
    std::array<Place, 2> places;
    std::uint64_t sequence = 0;
    checkpoint::Manifest manifest;
    std::size_t missing = 0;  // parts
    double began = 0;
  };

  [[nodiscard]] std::array<messages::SavePlace, 2> prepare(const std::string& folder, Saving& saving);
  void fill_manifest(checkpoint::Manifest& manifest, Bytes program) const;
  void send_orders(const std::array<messages::SavePlace, 2>& places);
  void complete();
  void commit(const checkpoint::Path& root, const Saving& saving);
  [[nodiscard]] bool is_news(const std::string& failure);

  const Parts p_;
  const std::function<void()> completed_;
  std::optional<Saving> saving_;
  bool abandoned_ = false;
  std::uint64_t sequence_last_ = 0;  // of the last one that began, whatever is on the disk by now
  bool has_saved_ = false;
  std::string error_;         // of the last one, not told yet
  std::string told_failure_;  // the last that was told, if nothing has gone well since
  double cost_ = 0;
};

}  // namespace rondo::engine
