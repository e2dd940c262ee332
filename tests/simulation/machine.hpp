// What the virtual machine's parts take, and what is asked of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <vector>

#include <rondo/ids.hpp>

#include "engine/options.hpp"
#include "scheduler/scheduler.hpp"

namespace rondo::simulation {

using scheduler::Seconds;
using scheduler::Time;

// Times of the network, the master and the workers. The defaults are those of nodes whose ranks have a core each. What the
// master and the workers take was measured with tests/benchmarks/scaling/constants on a virtual machine of two cores, Open
// MPI 4.1 over shared memory, over the real engine, scheduler and transport: a message 0.7 to 0.9 us in the engine and 1.2
// us in the transport, 0.02 us per job or result, 0.07 to 0.1 us per state at the start of a call, packing 1.1 to
// 1.6 GB/s into fresh memory, unpacking 7 to 8 GB/s. A network between nodes was not there to measure: its latency
// and bandwidth are assumptions, as are the packing into memory that is used again, and a leader's parts.
struct Machine {
  Seconds latency{5e-6};      // of a message, from its last byte leaving to its receiver's waking up
  double latency_jitter = 0;  // mean of an exponential factor that a message's latency grows by
  double bandwidth = 5e9;     // bytes a second between two ranks
  double copying = std::numeric_limits<double>::infinity();  // and by the receiver's processor, in one memory

  Seconds master_message{2e-6};  // to receive or to send one
  Seconds master_part{1e-6};     // the same for one that is part of a bundle
  Seconds master_item{0.02e-6};  // per job or result in it
  Seconds master_state{0.1e-6};  // per state when a call begins: refining the placement, ordering by cost
  double master_bandwidth = 4e9;

  Seconds worker_message{2e-6};  // to receive or to send one; its other thread computes meanwhile
  Seconds worker_wakes{
      2e-6};  // its thread that communicates, when the one that computes has something to tell
  Seconds leader_part{0.3e-6};     // to take a part out of a bundle or put it into one
  double packing_bandwidth = 4e9;  // packing a state
  double unpacking_bandwidth = 4e9;
  Seconds update_overhead{0.5e-6};  // beside the update itself
  Seconds update_processor{0};      // of an update, before it sleeps for the rest of its time
  std::size_t cores =
      0;  // of the node, which all ranks share; 0: one for each thread. An update then holds one for
          // update_processor alone, and sleeps for the rest
  double waiting = 0;  // part of the cores' time that ranks take which wait

  // Where cores are shared: Linux's, and what MPI does while it waits.
  Seconds slice{1.4e-3};      // of a core, that a thread has at a time
  Seconds cache_hot{0.5e-3};  // who has run so shortly before stays at its core
  struct Rest {
    Seconds rest, wakes;
  };
  // How long a core takes, which has rested so long, until who wakes up runs at it. Rests rise, and straight lines are between
  // them; none: at once.
  std::vector<Rest> rested;
  std::uint32_t yields = 0;  // of a core, by a thread that finds no more messages
  Seconds look{0};           // of a thread whose big messages wait for their receivers, now and then
  Seconds first_look{100e-6}, last_look{1e-3};  // how long after the message, and between two at most
  double eager_bytes = 4096;                    // of a message that does not wait
};

// What changes by a tenth and more within hours on a virtual machine, and is therefore measured beside what is to be
// simulated: tests/benchmarks/scaling/beside.hpp says how. The defaults are what it measured on one evening.
struct Drifting {
  // A message of 1 kB: of either side's processor, with what wakes its receiver up and the switch to it.
  Seconds message{8e-6};
  // Of a core, by each rank that waits, as it looks round every 10 ms.
  double waiting = 3.3e-3;
  // An update of the reference workload over a state that no cache holds, until it sleeps,
  Seconds pass{40e-6};
  // and to fall asleep and wake up among others that run, with the switches between.
  Seconds nap{12e-6};
  std::vector<Machine::Rest> rested{{Seconds(100e-6), Seconds(5e-6)},
                                    {Seconds(300e-6), Seconds(6e-6)},
                                    {Seconds(1e-3), Seconds(15e-6)},
                                    {Seconds(3e-3), Seconds(35e-6)},
                                    {Seconds(10e-3), Seconds(65e-6)}};
};

// A node with more ranks than cores, as measured there with tests/benchmarks/scaling/constants and crowding. A message of 1 kB
// takes no longer to a receiver who sleeps (15 to 18 us) than both sides are busy with it (8 to 10 us each), so nothing is left
// for its way. The receiver copies 300 kB at 8 to 12 GB/s out of the sender's memory. A slice is what each of n computing
// threads has while one that yields waits: 1.4, 2.8, 5.6, 11.2 ms among 1, 2, 4, 8. Not measured but read: Linux's cache_hot
// (sysctl_sched_migration_cost), the two probes that fail after the last message, and when one looks after a big one
// (mpi/mpi_transport.cpp).
[[nodiscard]] inline Machine crowded(std::size_t cores, std::uint32_t workers,
                                     const Drifting& drifting = {}) {
  const double ranks = workers + 1.0;
  Machine machine;
  machine.latency = Seconds(0);
  machine.bandwidth = std::numeric_limits<double>::infinity();
  machine.copying = 9e9;
  machine.master_message = machine.worker_message = machine.worker_wakes = drifting.message;
  machine.packing_bandwidth = 1.5e9;
  machine.unpacking_bandwidth = 7e9;
  machine.update_overhead = drifting.nap;
  machine.cores = cores;
  machine.yields = 2;
  machine.look = Seconds(drifting.waiting * 10e-3);  // as long as any other look
  machine.waiting = drifting.waiting * ranks / static_cast<double>(cores);
  machine.rested = drifting.rested;
  return machine;
}

// What the workers do: all functions of the state and the round, so that a run can be repeated.
struct Workload {
  std::function<double(StateId state, std::uint64_t round)> seconds;        // of an update
  std::function<bool(StateId state, std::uint64_t round)> fails = nullptr;  // the update throws
  double state_bytes = 300e3;
  double input_bytes = 1e3;
  bool own_inputs =
      false;  // each state has its own, which comes with its job; otherwise all have the same one
  double output_bytes = 1e3;
};

// What is asked of the engine, and of what machine.
struct Settings {
  std::uint32_t workers = 1;
  Machine machine;
  std::uint64_t seed = 1;  // of the latencies' jitter
  engine::Options options;

  // As for a user's run with this number of workers; the relay is the one that rank 0 chooses by itself.
  [[nodiscard]] static Settings of(std::uint32_t workers) {
    Settings settings;
    settings.workers = workers;
    settings.options.stall.reset();
    settings.options.orphan.reset();
    return settings;
  }
};

}  // namespace rondo::simulation
