// States between the calls: they are placed, multiplied and dropped, and the shared context is sent to all workers.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include <rondo/detail/engine.hpp>

#include "engine/master/backups.hpp"
#include "engine/master/ensemble.hpp"
#include "engine/master/loop.hpp"
#include "engine/master/peers.hpp"
#include "engine/options.hpp"
#include "engine/worker_settings.hpp"
#include "recovery/recovery.hpp"
#include "scheduler/scheduler.hpp"

namespace rondo::engine {

class StatePlacer {
 public:
  using Pack = detail::Engine::Pack;

  /// What it works with; all of it outlives the placer.
  struct Parts {
    Peers& peers;
    Loop& loop;
    Ensemble& ensemble;
    scheduler::Scheduler& scheduler;
    recovery::Recovery& recovery;
    Backups& backups;
    const Options& options;
    const WorkerSettings& settings;
  };
  explicit StatePlacer(const Parts& parts) : p_(parts) {}

  /// Places `count` new states. Throws Error for one that cannot be packed and WorkerLost if there is no worker; then there are no states.
  void reset(std::size_t count, const Pack& pack);
  /// Drops all states, those on their way too.
  void drop_all();
  /// Calls `work`, which places all states, as often as it takes until they and their copies are there. It returns whether it has
  /// placed them.
  void until_placed(const std::function<bool()>& work);
  /// Replaces every state by so many children. O(n log n).
  void resample(std::span<const std::uint32_t> offspring);
  void share(Bytes context);
  /// Throws WorkerLost if no worker is left.
  void require_workers() const;

 private:
  void place(const std::vector<scheduler::Worker>& owners, const Pack& pack);

  const Parts p_;
};

}  // namespace rondo::engine
