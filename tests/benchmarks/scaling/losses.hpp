// Where the time of a round goes that is not its bound: what a benchmark of the simulator tells beside the efficiency.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <queue>
#include <vector>

#include "simulation/simulation.hpp"

namespace rondo::simulation {

// Worker time without work, as parts of all of it (workers x makespan); they and the work are 1, but for what the updates'
// overhead takes.
struct Losses {
  double start = 0;    // until a worker's first update begins
  double between = 0;  // two updates of a worker
  double end = 0;      // after its last one, while others still compute
  double tail = 0;     // from the last update's end until rank 0 knows of it

  void add(const Losses& other, double weight) {
    start += other.start * weight;
    between += other.between * weight;
    end += other.end * weight;
    tail += other.tail * weight;
  }
};

// Watches the rounds of one simulation.
class LossMeter final : public Observer {
 public:
  explicit LossMeter(std::uint32_t workers) : seen_(workers) {}

  void decided(Time now, const scheduler::Event& event, const std::vector<scheduler::Command>& commands,
               const scheduler::Scheduler&) override {
    if (std::holds_alternative<scheduler::event::Begin>(event)) std::fill(seen_.begin(), seen_.end(), Seen());
    for (const scheduler::Command& command : commands)
      if (std::holds_alternative<scheduler::command::End>(command)) ended_ = now.count();
  }
  void updates(scheduler::Worker worker, scheduler::Slot, std::uint32_t, Time start,
               Seconds duration) override {
    Seen& seen = seen_[index(worker)];
    seen.first = std::min(seen.first, start.count());
    seen.last = start.count() + duration.count();
    seen.work += duration.count();
  }

  // Of the round that has ended just now.
  [[nodiscard]] Losses losses(double makespan) const {
    const double begin = ended_ - makespan;
    double last = begin;
    for (const Seen& seen : seen_) last = std::max(last, seen.last);
    Losses sum;
    for (const Seen& seen : seen_) {
      const double until = std::max(seen.last, begin);
      const double from = std::min(seen.first, until);
      sum.start += seen.work > 0 ? from - begin : 0;
      sum.between += until - from - seen.work;
      sum.end += last - until;  // of a worker without any update, all
      sum.tail += ended_ - last;
    }
    Losses parts;
    parts.add(sum, 1 / (makespan * static_cast<double>(seen_.size())));
    return parts;
  }

 private:
  struct Seen {
    double first = std::numeric_limits<double>::infinity();
    double last = 0;
    double work = 0;
  };
  std::vector<Seen> seen_;
  double ended_ = 0;
};

// How long the next round takes if whoever is free gets the state of longest predicted cost at once, whoever has it, and
// nothing takes time but the updates: what a schedule without foresight can hope for.
inline double greedy_makespan(const Simulation& simulation, const Workload& workload, std::uint32_t workers) {
  const scheduler::Scheduler& scheduler = simulation.scheduler();
  struct Next {
    double predicted;
    scheduler::Slot slot;
  };
  std::vector<Next> order(scheduler.size());
  for (scheduler::Slot slot = 0; slot < order.size(); ++slot)
    order[slot] = {scheduler.cost(slot).predicted().count(), slot};
  std::sort(order.begin(), order.end(), [](const Next& a, const Next& b) {
    return a.predicted != b.predicted ? a.predicted > b.predicted : a.slot < b.slot;
  });
  std::priority_queue<double, std::vector<double>, std::greater<>> free_at(std::greater<>(),
                                                                           std::vector<double>(workers, 0.0));
  double makespan = 0;
  for (const Next& next : order) {
    const double end = free_at.top() + workload.seconds(scheduler.id(next.slot), simulation.round());
    free_at.pop();
    free_at.push(end);
    makespan = std::max(makespan, end);
  }
  return makespan;
}

}  // namespace rondo::simulation
