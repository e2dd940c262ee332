#include "beside.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "workload/workload.hpp"

namespace beside {
namespace {

using rondo::simulation::Drifting;
using rondo::simulation::Machine;
using rondo::simulation::Seconds;
using Clock = std::chrono::steady_clock;

void nap(Seconds time) {
  const timespec left{0, static_cast<long>(time.count() * 1e9)};
  nanosleep(&left, nullptr);
}

void pin(std::size_t core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  sched_setaffinity(0, sizeof set, &set);
}

// A process's part of the reference workload's states, and what an update does with one before it sleeps.
class Part {
 public:
  Part(std::size_t process, std::size_t processes) : workload_(without_work()) {
    for (std::size_t i = process; i < workload_.settings().states; i += processes)
      states_.push_back(workload_.initial_state(i));
  }
  void pass() { (void)workload_.update(states_[next_++ % states_.size()], input_); }

 private:
  static reference::Settings without_work() {
    reference::Settings settings;
    settings.work = reference::Work::busy;
    settings.operations_per_ms = 0;
    return settings;
  }
  const reference::Workload workload_;
  const reference::Record input_{};
  std::vector<reference::State> states_;
  std::size_t next_ = 0;
};

// So many processes each do things of the same kinds, all the same one at a time, for a while. How often each was done by all.
struct Thing {
  Seconds time;  // it is done for
  std::function<void(Part&)> once;
};
std::vector<double> counts(std::size_t processes, bool pinned, const std::vector<Thing>& things) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const Clock::time_point begin = Clock::now() + std::chrono::milliseconds(300);
  for (std::size_t process = 0; process < processes; ++process) {
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("no process");
    if (child > 0) continue;
    if (pinned) pin(process);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    Part part(process, processes);
    std::vector<double> mine;
    Clock::time_point end = begin;
    for (const Thing& thing : things) {
      std::this_thread::sleep_until(end);
      end += std::chrono::duration_cast<Clock::duration>(thing.time);
      mine.push_back(0);
      for (; Clock::now() < end; ++mine.back()) thing.once(part);
    }
    const auto bytes = static_cast<ssize_t>(mine.size() * sizeof mine[0]);
    _exit(Clock::now() > begin && write(ends[1], mine.data(), static_cast<std::size_t>(bytes)) == bytes ? 0 : 1);
  }
  std::vector<double> all(things.size()), one(things.size());
  const auto bytes = static_cast<ssize_t>(one.size() * sizeof one[0]);
  for (std::size_t process = 0; process < processes; ++process) {
    if (read(ends[0], one.data(), static_cast<std::size_t>(bytes)) != bytes) throw std::runtime_error("one has failed");
    std::transform(one.begin(), one.end(), all.begin(), all.begin(), std::plus<>());
  }
  close(ends[0]);
  close(ends[1]);
  for (std::size_t process = 0; process < processes; ++process) wait(nullptr);
  return all;
}

}  // namespace

Drifting measure(std::size_t workers) {
  const std::size_t cores = std::thread::hardware_concurrency();
  constexpr Seconds kShortest{20e-6};
  const std::vector<Thing> crowded = {{Seconds(0.3), [](Part& part) { part.pass(); }},
                                      {Seconds(0.3), [](Part& part) {
                                         part.pass();
                                         nap(kShortest);
                                       }}};
  const std::vector<double> crowd = counts(std::max(workers, 8 * cores), false, crowded);
  const auto each = [&](const Thing& thing, double count) { return thing.time * static_cast<double>(cores) / count; };
  Drifting drifting;
  drifting.pass = each(crowded[0], crowd[0]);
  const Seconds update = each(crowded[1], crowd[1]);
  drifting.nap = update - drifting.pass;

  std::vector<Thing> alone;
  for (const Machine::Rest& point : drifting.rested)
    alone.push_back({std::max(Seconds(0.15), 30 * point.rest), [rest = point.rest](Part& part) {
                       part.pass();
                       nap(rest);
                     }});
  const std::vector<double> rested = counts(cores, true, alone);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    Machine::Rest& point = drifting.rested[i];
    point.wakes = std::max(each(alone[i], rested[i]) - point.rest - update, Seconds(0));
  }
  return drifting;
}

Drifting median(std::span<const Drifting> measured) {
  const auto of = [&](const std::function<Seconds(const Drifting&)>& constant) {
    std::vector<Seconds> values;
    for (const Drifting& one : measured) values.push_back(constant(one));
    std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
    return values[values.size() / 2];
  };
  Drifting drifting;
  drifting.pass = of([](const Drifting& one) { return one.pass; });
  drifting.nap = of([](const Drifting& one) { return one.nap; });
  for (std::size_t i = 0; i < drifting.rested.size(); ++i)
    drifting.rested[i].wakes = of([i](const Drifting& one) { return one.rested[i].wakes; });
  return drifting;
}

}  // namespace beside
