// What the engine has from the machine that a rank runs on: its name, its cores, signals, threads.
//
// The engine asks here and not the system, so that a simulation can run it on a machine of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <rondo/ids.hpp>

#include "engine/executor.hpp"
#include "engine/signals.hpp"
#include "transport/transport.hpp"

namespace rondo::engine {

class Platform {
 public:
  virtual ~Platform() = default;

  /// The name of this machine: ranks of one name are on one node.
  [[nodiscard]] virtual std::string node_name() const = 0;
  /// The process of this rank, by its number on this node.
  [[nodiscard]] virtual std::int32_t process() const = 0;
  /// Cores for all workers of this node. `master_process` is the process of rank 0: if this rank is a thread of it, these are the cores
  /// that the process may use; otherwise they are the node's, as each rank has an affinity mask of its own.
  [[nodiscard]] virtual std::uint32_t cores(std::int32_t master_process) const = 0;
  /// Processor time of the calling thread.
  [[nodiscard]] virtual transport::Seconds processor_time() const = 0;
  /// What signals have asked for since the last call. From any thread.
  [[nodiscard]] virtual StopRequest take_stop_request() = 0;
  /// A number that tells this run from all others, whatever its seed; not 0.
  [[nodiscard]] virtual std::uint64_t draw_run() = 0;
  /// For work of this rank. `what` names the work in the error of Executor::start.
  [[nodiscard]] virtual std::unique_ptr<Executor> make_executor(Rank rank, const std::string& what) = 0;
};

/// The machine that this process runs on.
[[nodiscard]] Platform& this_platform();

}  // namespace rondo::engine
