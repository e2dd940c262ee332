// The threads of the virtual machine and the cores they run on: one for each thread, or a few that all threads of a crowded
// node share. Who shares takes turns as under Linux from 6.6 on (EEVDF, kernel/sched/fair.c), with equal weights:
//
//   - Each thread has a virtual run time, which grows while it has a core, and a deadline, a slice (Machine::slice) beyond
//     the run time at which it got it. Eligible is who has run no more than the mean of all that want the core; of those the
//     one with the earliest deadline gets it, until its deadline, or until it sleeps.
//   - Who wakes up is placed at the mean, ahead of it by what it had been owed when it fell asleep, and takes the core
//     from who has it if it is the one to be picked.
//   - Who falls asleep with more than its share stays in the mean until it would be picked, and may wake up before.
//   - Who yields gives up the rest of its slice as if it had run it, and so waits for all others.
//   - Who wakes up goes to its last core if that is idle, to any other that is, or waits at its last one. A core that falls idle
//     takes a thread that waits elsewhere, unless it has run just before (Machine::cache_hot).
//   - A core that has rested does nothing for a while when somebody wakes up at it (Machine::rested).
//
// Not modelled: the regular balancing of cores that are all busy, groups, and what the system itself does. That processes share
// caches, and what a switch costs, stand in what things take (crowded() in machine.hpp).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "simulation/agenda.hpp"
#include "simulation/machine.hpp"

namespace rondo::simulation {

class Cores {
 public:
  using Thread = std::uint32_t;

  Cores(const Machine& machine, std::size_t threads, Agenda& agenda);

  // Machine::cores is not 0.
  [[nodiscard]] bool shared() const { return !cores_.empty(); }

  // All that a thread is told to do it does in the order in which it was told: to compute for so long,
  void spend(Thread thread, Seconds work);
  // to let something happen, or so much later,
  void then(Thread thread, Happening::Kind kind, Place place, Message* message = nullptr, Seconds later = {});
  // to give its core away. Nothing, if it has its own.
  void yield(Thread thread);
  // Whether some of that is not done.
  [[nodiscard]] bool busy(Thread thread) const;
  // When it is: for a thread with its own core. Of others nobody knows, and this is now.
  [[nodiscard]] Time free(Thread thread) const;

  // Something happens at a shared core: Happening::Kind::kCore.
  void turn(Place core);

  // What has happened at shared cores.
  struct Account {
    std::uint64_t slept = 0;    // threads that had done everything
    std::uint64_t ousted = 0;   // and that had not, by a yield or by another's right
    Seconds ran{0}, waited{0};  // of threads
  };
  [[nodiscard]] const Account& account(Thread thread) const { return threads_[thread].account; }

 private:
  struct Task {
    enum class Kind : std::uint8_t { kWork, kThen, kYield } kind;
    double seconds;
    Happening::Kind happening;
    Place place;
    Message* message;
  };
  enum class Condition : std::uint8_t {
    kAsleep,
    kLeaving,
    kWaiting,
    kRunning
  };  // kLeaving: asleep, and counts
  struct One {
    std::deque<Task> tasks;
    Condition condition = Condition::kAsleep;
    Place core = 0;
    double run = 0;  // virtual run time
    double deadline = 0;
    double owed = 0;
    double since = 0;  // it waits
    double ran = 0;    // last
    Account account;
  };
  struct Core {
    std::vector<Thread> queue;  // waiting and leaving
    std::optional<Thread> running;
    double counted = 0;  // until when its running thread's time is; later than now while it wakes up
    double rests = 0;    // since when, without a running thread
    double mean = 0;     // virtual run time, when it fell idle
    double due = -1;     // its next turn; others are void
  };

  void add(Thread thread, const Task& task);
  void wake(Thread thread);
  void sleep(Core& core);
  bool count(Core& core);
  [[nodiscard]] double mean(const Core& core) const;
  [[nodiscard]] std::optional<Thread> pick(const Core& core) const;
  void dispatch(Place core);
  void put_back(Core& core);
  void fetch(Place core);
  void plan(Place core);
  void rouse(Core& core) const;

  Agenda& agenda_;
  const double slower_;  // by what waiting ranks take
  const double slice_;
  const double hot_;
  const std::vector<Machine::Rest> rested_;
  std::vector<Core> cores_;
  std::vector<double> free_;  // of each thread, if it has a core of its own;
  std::vector<One> threads_;  // otherwise all else of it
};

}  // namespace rondo::simulation
