// Restores states: rank 0 reads the manifest, workers read the parts and send each state to its owner.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <rondo/detail/engine.hpp>
#include <rondo/detail/program.hpp>

#include "checkpoint/choice.hpp"
#include "engine/host.hpp"
#include "engine/master/checkpoint_places.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/master/state_placer.hpp"
#include "engine/messages.hpp"
#include "engine/options.hpp"
#include "recovery/recovery.hpp"
#include "scheduler/scheduler.hpp"

namespace rondo::engine {

class CheckpointReader {
 public:
  using TakeBytes = detail::Engine::TakeBytes;

  /// What it works with; all of it outlives the reader.
  struct Parts {
    Peers& peers;
    Loop& loop;
    CheckpointPlaces& places;
    StatePlacer& placer;
    Ensemble& ensemble;
    scheduler::Scheduler& scheduler;
    const recovery::Recovery& recovery;
    const detail::Program& program;
    const Host& host;
    const Options& options;
  };
  explicit CheckpointReader(const Parts& parts) : p_(parts) {}

  /// Restores the newest checkpoint for this folder that can be read; `program` gets the program's own part, and may refuse it. Returns
  /// whether there is one. Throws CheckpointError if there are some and none can be used; then there are no states.
  [[nodiscard]] bool restore(const std::string& folder, const TakeBytes& program);
  void take(const messages::Loaded& loaded);

  [[nodiscard]] bool is_reading() const { return !loads_.empty(); }
  void forget() { loads_.clear(); }

 private:
  // A part that is being read.
  struct Load {
    std::vector<scheduler::Slot> slots;
    Buffer message;
    std::uint32_t attempts = 0;
    std::string error;
    bool ended = false;
  };

  void tell_of(const checkpoint::Checkpoint& found, const checkpoint::Choice& choice,
               const std::string& folder) const;
  void check_arguments(const checkpoint::Checkpoint& checkpoint);
  [[nodiscard]] std::string try_checkpoint(const checkpoint::Checkpoint& checkpoint,
                                           const TakeBytes& program);
  [[nodiscard]] std::string load(const checkpoint::Checkpoint& checkpoint);
  [[nodiscard]] std::string load_once(const checkpoint::Checkpoint& checkpoint);
  void place(const checkpoint::Manifest& manifest);
  void order_parts(const checkpoint::Checkpoint& checkpoint);
  void order_part(Load& load, std::uint64_t number);
  void take_over(const checkpoint::Manifest& manifest);

  const Parts p_;
  std::map<std::uint64_t, Load> loads_;  // by part
};

}  // namespace rondo::engine
