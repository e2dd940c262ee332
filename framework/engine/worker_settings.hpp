// What every worker is told at the start, so that the options of rank 0 hold everywhere.
#pragma once

#include <cstdint>

#include "scheduler/work_queue.hpp"

namespace rondo::engine {

struct WorkerSettings {
  double low = 300e-6;                     // seconds of work left at which a worker asks for more
  double report_interval = 5e-3;           // seconds between reports of a worker that has states to give
  std::uint64_t report_bytes = 256 << 10;  // of outputs, that do not wait for the interval
  std::uint64_t report_updates =
      UINT64_MAX;  // nor do so many updates: a fixed batch, so that the next one is here in time
  std::uint64_t message_bytes =
      256 << 10;  // a message of many states is cut here, so that work starts before the last has come
  std::uint64_t unsent_bytes =
      32 << 20;  // copies that wait to leave; more of them are not made until some have left
  std::uint32_t tree_fanout = 16;
  std::uint64_t save_bytes = std::uint64_t{1} << 30;  // copies of states that wait for the disk
  bool rollback = false;
  bool check = false;    // every update twice
  bool recover = false;  // workers may be lost: nothing goes down a tree
  double orphan = 0;     // seconds of silence after which rank 0 counts as gone; 0: never
  std::int32_t orphan_status = 1;
  std::int32_t master_process = 0;
  std::uint32_t workers_here = 1;  // on the same node
  scheduler::MoveCost move;
};

}  // namespace rondo::engine
