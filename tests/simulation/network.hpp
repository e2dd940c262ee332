// Takes messages from place to place: latency, bandwidth, first in first out between any two places, and no order
// between different pairs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "simulation/agenda.hpp"
#include "simulation/machine.hpp"

namespace rondo::simulation {

class Network {
 public:
  Network(const Machine& machine, std::uint64_t seed, Agenda& agenda)
      : machine_(machine), agenda_(agenda), random_(seed * 2 + 1) {}

  // The message's last byte leaves its sender at `departure`.
  void send(Time departure, Message* message) {
    double latency = machine_.latency.count();
    if (machine_.latency_jitter > 0) latency *= 1 - machine_.latency_jitter * std::log(1 - uniform());
    const double arrival = departure.count() + latency + message->bytes / machine_.bandwidth;
    const Place to = message->to;
    if (last_.size() >= forget_at_) forget();
    double& last = last_[std::uint64_t{message->from} << 32 | to];
    last = std::max(last, arrival);
    ++sent_;
    agenda_.plan(Time(last), Happening::Kind::kArrives, to, message);
  }
  [[nodiscard]] std::uint64_t sent() const { return sent_; }

 private:
  // Pairs whose last message has arrived say nothing any more. Amortised O(1) a message.
  void forget() {
    constexpr std::size_t kLeast = 10'000;
    std::erase_if(last_, [now = agenda_.now().count()](const auto& pair) { return pair.second <= now; });
    forget_at_ = std::max(kLeast, 2 * last_.size());
  }
  // splitmix64, whose numbers are the same everywhere
  double uniform() {
    std::uint64_t z = (random_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
  }

  const Machine& machine_;
  Agenda& agenda_;
  std::uint64_t random_;
  std::uint64_t sent_ = 0;
  std::unordered_map<std::uint64_t, double> last_;  // arrival per pair
  std::size_t forget_at_ = 0;                       // so many pairs
};

}  // namespace rondo::simulation
