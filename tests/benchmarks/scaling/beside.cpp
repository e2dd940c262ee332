#include "beside.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <vector>

#include "launch.hpp"
#include "workload/workload.hpp"

namespace beside {
namespace {

using rondo::simulation::Drifting;
using rondo::simulation::Machine;
using rondo::simulation::Seconds;
using Clock = std::chrono::steady_clock;

std::size_t cores() { return std::thread::hardware_concurrency(); }

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

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A pass and a nap, again and again for so long.
struct Updates {
  Seconds nap, time;
};
// What one of them took, mean of all: of a core, and of that the pass by its thread's clock.
struct Took {
  double core = 0, pass = 0;
};

// So many processes do that, each thing at the same time.
std::vector<Took> together(std::size_t processes, bool pinned, const std::vector<Updates>& things) {
  struct Done {
    double times = 0, passes = 0, seconds = 0;
  };
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
    std::vector<Done> mine;
    Clock::time_point start = begin;
    for (const Updates& thing : things) {
      std::this_thread::sleep_until(start);
      const Clock::time_point first = Clock::now();
      start += std::chrono::duration_cast<Clock::duration>(thing.time);
      Done& done = mine.emplace_back();
      while (Clock::now() < start) {
        const double before = thread_seconds();
        part.pass();
        done.passes += thread_seconds() - before;
        nap(thing.nap);
        ++done.times;
      }
      done.seconds = Seconds(Clock::now() - first).count();
      start += std::chrono::milliseconds(20);  // nobody is still in the last one
    }
    const auto bytes = static_cast<ssize_t>(mine.size() * sizeof(Done));
    _exit(write(ends[1], mine.data(), static_cast<std::size_t>(bytes)) == bytes ? EXIT_SUCCESS
                                                                                : EXIT_FAILURE);
  }
  std::vector<Done> all(things.size()), one(things.size());
  const auto bytes = static_cast<ssize_t>(one.size() * sizeof(Done));
  for (std::size_t process = 0; process < processes; ++process) {
    if (read(ends[0], one.data(), static_cast<std::size_t>(bytes)) != bytes)
      throw std::runtime_error("a process has failed");
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].times += one[i].times;
      all[i].passes += one[i].passes;
      all[i].seconds += one[i].seconds / static_cast<double>(processes);
    }
  }
  close(ends[0]);
  close(ends[1]);
  for (std::size_t process = 0; process < processes; ++process) wait(nullptr);
  std::vector<Took> took;
  for (const Done& done : all)
    took.push_back({done.seconds * static_cast<double>(cores()) / done.times, done.passes / done.times});
  return took;
}

}  // namespace

Drifting measure(std::size_t workers) {
  constexpr Seconds kShort{20e-6};
  const std::size_t many = std::max(workers, 8 * cores());
  Drifting drifting;
  double message = 0, waits = 0;
  std::istringstream(launch(many + 1, RONDO_CROWDING " drifting")) >> message >> waits;
  drifting.message = Seconds(message * 1e-6 / 2);
  drifting.waiting = waits * 1e-6;

  const Took crowd = together(many, false, {{kShort, Seconds(0.5)}}).front();
  drifting.pass = Seconds(crowd.pass);
  drifting.nap = Seconds(crowd.core - crowd.pass);

  std::vector<Updates> naps;
  for (const Machine::Rest& point : drifting.rested)
    naps.push_back({point.rest, std::max(Seconds(0.15), 30 * point.rest)});
  const std::vector<Took> alone = together(cores(), true, naps);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    Machine::Rest& point = drifting.rested[i];
    point.wakes = std::max(Seconds(alone[i].core - crowd.core) - point.rest, Seconds(0));
  }
  return drifting;
}

Drifting median(std::span<const Drifting> measured) {
  const auto of = [&](const auto& constant) {
    std::vector<std::remove_cvref_t<decltype(constant(measured[0]))>> values;
    for (const Drifting& one : measured) values.push_back(constant(one));
    std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
    return values[values.size() / 2];
  };
  Drifting drifting;
  drifting.message = of([](const Drifting& one) { return one.message; });
  drifting.waiting = of([](const Drifting& one) { return one.waiting; });
  drifting.pass = of([](const Drifting& one) { return one.pass; });
  drifting.nap = of([](const Drifting& one) { return one.nap; });
  for (std::size_t i = 0; i < drifting.rested.size(); ++i)
    drifting.rested[i].wakes = of([i](const Drifting& one) { return one.rested[i].wakes; });
  return drifting;
}

}  // namespace beside
