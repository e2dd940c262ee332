// Times the rounds of one contestant, hashes what came out of them, and prints the one line the runner reads.
//
// Lives where the outputs arrive (rank 0), used from one thread. A round lasts from the end of the one before
// it, so nobody gets time off between rounds; the first begins at start(), when states are placed and nothing
// is known of their costs.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "workload/workload.hpp"

namespace reference {

class Result {
 public:
  Result(const Workload& workload, std::string_view default_name);
  ~Result();

  void start();
  // Outputs in the order of the states; rounds in their order.
  void end_round(std::span<const Record> outputs);

  // One line of JSON on standard output. Milliseconds: median, min and max over the rounds after the first.
  void print() const;
  // For a run without barriers, whose rounds end in bunches: only the mean over all says what a round took.
  void print_mean() const;

 private:
  void print(std::vector<double> warm) const;

  struct Hash;
  using Clock = std::chrono::steady_clock;

  const Workload& workload_;
  std::string name_;
  std::unique_ptr<Hash> hash_;
  Clock::time_point last_{};
  std::vector<double> rounds_ms_;
};

}  // namespace reference
