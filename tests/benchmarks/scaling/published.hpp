// The published scheme, to compare with: a worker asks for its next batch when it has ended one; who has no states left
// gets a batch of the worker with most, fetched by the master and sent on by it; nothing is predicted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "simulation/machine.hpp"

namespace rondo::simulation {

struct PublishedSettings {
  std::uint32_t workers = 17;
  std::size_t batch = 5;
  Seconds latency{20e-6};
  Seconds master_message{20e-6};  // to receive or to send one
  Seconds master_item{20e-6};     // per state in it: its input or its output
  double bandwidth = 1e9;         // of states into and out of the master
};

// Seconds of virtual time per round. A worker answers only between two batches.
[[nodiscard]] std::vector<double> run_published(const PublishedSettings& settings, const Workload& workload,
                                                std::size_t states, std::uint32_t rounds);

}  // namespace rondo::simulation
