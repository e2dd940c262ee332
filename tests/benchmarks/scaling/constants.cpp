// What the parts of a real run take, for the simulator's machine (simulation/machine.hpp).
//
//   constants                 without a launcher: the master of the engine over a crowd of workers that answer at once,
//                             the scheduler in it, packing, a pass over a state that no cache holds, sleeping
//   mpirun -np 2 constants    a message between two ranks: latency with a receiver that sleeps, time of either side
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numeric>
#include <string>
#include <vector>

#include <mpi.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rondo/rondo.hpp>

#include "checkpoint/posix_storage.hpp"
#include "crowd.hpp"
#include "engine/session.hpp"
#include "mpi/mpi_transport.hpp"
#include "scheduler/scheduler.hpp"
#include "simulation/workload.hpp"
#include "workload/workload.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

void tell(const char* what, double value, const char* unit) {
  std::printf("%-62s %10.3f %s\n", what, value, unit);
  std::fflush(stdout);
}

// ---- the master

class Tiny : public rondo::Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override { return state += input; }
};

double cost(std::uint64_t state, std::uint64_t round) {
  return rondo::simulation::cost({.mean = 0.03, .sigma = 0.6}, state, round);
}

struct MasterTimes {
  double round = 0;  // of one, the crowd's part taken off
  double begin = 0;  // of that: the scheduler's, when a call begins
};

// Median of some rounds, after costs have become known.
MasterTimes master_times(std::uint32_t workers, std::size_t states) {
  using namespace rondo;
  const detail::Program program = detail::make_program<Tiny>([] { return Tiny(); });
  std::uint64_t round = 0;
  engine::Crowd crowd(
      workers, program, [&](StateId id) { return static_cast<float>(cost(value(id), round)); },
      [] {
        Buffer output;
        pack(1.0, output);
        return output;
      }());
  checkpoint::PosixStorage storage;
  const engine::Host host{storage, [](int status) { std::_Exit(status); }};
  MasterTimes times;
  const int status =
      engine::run_master(crowd, host, program, {}, detail::erase_main<Tiny>([&](Master<Tiny>& master) {
                           master.reset(std::vector<double>(states, 0.0));
                           std::vector<double> rounds;
                           for (; round < 9; ++round) {
                             const double inside = crowd.inside().count();
                             const Clock::time_point begin = Clock::now();
                             (void)master.update(1.0);
                             rounds.push_back(seconds_since(begin) - (crowd.inside().count() - inside));
                           }
                           times.round = median({rounds.begin() + 3, rounds.end()});
                         }));
  if (status != 0) std::exit(status);

  scheduler::Settings settings;
  settings.workers = workers;
  scheduler::Scheduler pure(settings);
  std::vector<StateId> ids(states);
  for (std::size_t i = 0; i < states; ++i) ids[i] = StateId{i};
  (void)pure.reset(ids, {});
  std::vector<double> begins;
  for (std::uint64_t r = 0; r < 9; ++r) {
    const Clock::time_point begin = Clock::now();
    const auto commands = pure.on(scheduler::Time(0), scheduler::event::Begin{1, states});
    begins.push_back(seconds_since(begin));
    (void)pure.on(scheduler::Time(0), scheduler::event::Opened{1});
    for (const auto& command : commands) {
      const auto* assign = std::get_if<scheduler::command::Assign>(&command);
      if (assign == nullptr) continue;
      std::vector<scheduler::Done> done;
      for (const scheduler::Slot slot : assign->slots)
        done.push_back({slot, 0, static_cast<float>(cost(slot, r)), pure.hop(slot)});
      (void)pure.on(scheduler::Time(1), scheduler::event::Report{assign->worker, done, {}, 0, {}, false});
    }
  }
  times.begin = median({begins.begin() + 3, begins.end()});
  return times;
}

void master() {
  // two messages per worker, two items per state (its job and its result), and the start of the call
  const MasterTimes few = master_times(1'000, 20'000);
  const MasterTimes full = master_times(1'000, 200'000);
  const MasterTimes many = master_times(10'000, 200'000);
  const auto rest = [](const MasterTimes& times) { return times.round - times.begin; };
  const double item = (rest(full) - rest(few)) / (2 * 180'000);
  const double message = (rest(many) - rest(full)) / (2 * 9'000);
  tell("master, a round of 1,000 workers, 20,000 states", few.round * 1e3, "ms");
  tell("master, a round of 10,000 workers, 200,000 states", many.round * 1e3, "ms");
  tell("  of that the scheduler at its start", many.begin * 1e3, "ms");
  tell("scheduler, start of a call, 1,000 workers, per state", few.begin / 20'000 * 1e6, "us");
  tell("scheduler, start of a call, 10,000 workers, per state", many.begin / 200'000 * 1e6, "us");
  tell("master, per message, without the transport", message * 1e6, "us");
  tell("master, per job or result", item * 1e6, "us");
}

// ---- bytes and sleep

void packing() {
  std::vector<std::vector<double>> states(200, std::vector<double>(37'500, 1.0));  // more than a cache holds
  rondo::Buffer packed;
  packed.reserve(310'000 * states.size());
  Clock::time_point begin = Clock::now();
  std::vector<std::size_t> ends;
  for (const auto& state : states) {
    rondo::pack(state, packed);
    ends.push_back(packed.size());
  }
  const double bytes = 300e3 * static_cast<double>(states.size());
  tell("packing", bytes / seconds_since(begin) * 1e-9, "GB/s");
  begin = Clock::now();
  std::size_t at = 0;
  for (std::size_t i = 0; i < states.size(); ++i) {
    rondo::unpack(rondo::Bytes(packed.data() + at, ends[i] - at), states[i]);
    at = ends[i];
  }
  tell("unpacking", bytes / seconds_since(begin) * 1e-9, "GB/s");
}

// Processor time of one update of the reference workload, where so many processes share the node: each has its part of the
// states and sleeps for what an update costs. And of that the sleep's part: of as many sleeps without a pass over a state.
struct Update {
  double all = 0, sleep = 0;
};
Update update_among(std::size_t processes) {
  int ends[2];
  if (pipe(ends) != 0) std::exit(EXIT_FAILURE);
  for (std::size_t process = 0; process < processes; ++process) {
    if (fork() != 0) continue;
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    reference::Settings settings;
    settings.work = reference::Work::sleep;
    const reference::Workload workload(settings);
    std::vector<reference::State> states;
    for (std::size_t i = process; i < settings.states; i += processes)
      states.push_back(workload.initial_state(i));
    const auto each = [&](const auto& thing) {
      const double begin = thread_seconds();
      for (std::size_t round = 0; round < settings.rounds; ++round)
        for (reference::State& state : states) thing(state, round);
      return (thread_seconds() - begin) / static_cast<double>(settings.rounds * states.size());
    };
    Update update;
    update.all = each([&](reference::State& state, std::size_t round) {
      (void)workload.update(state, workload.input(round));
    });
    update.sleep = each([&](const reference::State& state, std::size_t round) {
      const double ms = workload.costs().ms(round, static_cast<std::size_t>(state[0]));
      const timespec nap{0, static_cast<long>(std::min(ms * 1e6, 999e6))};
      nanosleep(&nap, nullptr);
    });
    _exit(write(ends[1], &update, sizeof update) == sizeof update ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  std::vector<double> all(processes), sleep(processes);
  for (std::size_t i = 0; i < processes; ++i) {
    Update one;
    if (read(ends[0], &one, sizeof one) != sizeof one) std::exit(EXIT_FAILURE);
    all[i] = one.all;
    sleep[i] = one.sleep;
  }
  close(ends[0]);
  close(ends[1]);
  while (wait(nullptr) > 0) {
  }
  return {median(all), median(sleep)};
}

void sleeping() {
  for (const std::size_t processes : {1, 2, 8, 35}) {
    const std::string what =
        "an update of the reference workload, asleep, among " + std::to_string(processes);
    const Update update = update_among(processes);
    tell(what.c_str(), update.all * 1e6, "us of processor time");
    tell("  of that the sleep", update.sleep * 1e6, "us");
  }
  prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  std::vector<double> naps;
  for (int i = 0; i < 1000; ++i) {
    const timespec nap{0, 500'000};
    const Clock::time_point begin = Clock::now();
    nanosleep(&nap, nullptr);
    naps.push_back(seconds_since(begin) - 500e-6);
  }
  tell("a sleep is longer than it should be by", median(naps) * 1e6, "us");
}

// How long a thread that gives its core away waits, by how many others compute there: each has a slice in between.
void slices() {
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(0, &core);
  for (const int others : {1, 2, 4, 8}) {
    const pid_t group = fork();
    if (group == 0) {
      sched_setaffinity(0, sizeof core, &core);
      for (int other = 0; other < others; ++other)
        if (fork() == 0) {
          prctl(PR_SET_PDEATHSIG, SIGKILL);
          while (true) thread_seconds();
        }
      std::vector<double> waits;
      const Clock::time_point end = Clock::now() + std::chrono::seconds(1);
      while (Clock::now() < end) {
        const Clock::time_point begin = Clock::now();
        sched_yield();
        waits.push_back(seconds_since(begin));
      }
      const std::string what = "a yield among " + std::to_string(others) + " that compute, for each";
      tell(what.c_str(), median(waits) * 1e3 / others, "ms");
      _exit(EXIT_SUCCESS);  // and the others with it
    }
    waitpid(group, nullptr, 0);
  }
}

// ---- messages between two ranks

rondo::transport::Envelope await(rondo::transport::Transport& transport) {
  while (true) {
    if (auto envelope = transport.receive()) return std::move(*envelope);
    transport.wait(rondo::transport::Seconds(1));
  }
}

rondo::Buffer of_size(std::size_t bytes) {
  rondo::Buffer buffer;
  std::fill_n(buffer.extend(bytes), bytes, std::byte{1});
  return buffer;
}

// From the sending of a message, which carries the time, until its receiver has it, who sleeps before that. Both ranks
// are on one node and share its clock.
struct Sleeper {
  double latency = 0;
  double processor = 0;  // time of both sides' threads, without what the sender does in between
};
Sleeper to_sleeper(rondo::transport::Transport& transport, std::size_t bytes, int trips) {
  const bool first = rondo::value(transport.rank()) == 0;
  const rondo::Rank other{first ? 1 : 0};
  std::vector<double> times, sending, receiving;
  for (int trip = 0; trip < trips; ++trip) {
    const bool sends = trip % 2 == (first ? 0 : 1);
    if (sends) {
      const timespec until_it_sleeps{0, 300'000};
      nanosleep(&until_it_sleeps, nullptr);
      rondo::Buffer out = of_size(bytes);
      const double now = transport.now().count();
      std::memcpy(out.data(), &now, sizeof now);
      const double begin = thread_seconds();
      transport.send(other, std::move(out));
      transport.flush();
      sending.push_back(thread_seconds() - begin);
      while (transport.unsent() > 0) {
      }
    } else {
      const double begin = thread_seconds();
      const auto envelope = await(transport);
      receiving.push_back(thread_seconds() - begin);
      double sent = 0;
      std::memcpy(&sent, envelope.message.data(), sizeof sent);
      times.push_back(transport.now().count() - sent);
    }
  }
  return {median(times), (median(sending) + median(receiving)) / 2};
}

void messages(rondo::transport::Transport& transport) {
  const bool first = rondo::value(transport.rank()) == 0;
  constexpr int kMany =
      64;  // as a call's start has them; MPI holds no more than some hundred for one receiver at ease
  constexpr int kRepeats = 300;
  const Sleeper small = to_sleeper(transport, 1000, 2000);
  const Sleeper big = to_sleeper(transport, 300'000, 500);
  // rank 1 sends all, rank 0 takes all in; then it answers one
  double spent = 0;
  for (int repeat = 0; repeat < kRepeats; ++repeat) {
    if (first) {
      (void)await(transport);
      const double begin = thread_seconds();
      for (int i = 1; i < kMany; ++i) (void)await(transport);
      spent += thread_seconds() - begin;
      transport.send(rondo::Rank{1}, of_size(1));
      transport.flush();
    } else {
      std::vector<rondo::Buffer> out;
      for (int i = 0; i < kMany; ++i) out.push_back(of_size(1000));
      const double begin = thread_seconds();
      for (rondo::Buffer& each : out) transport.send(rondo::Rank{0}, std::move(each));
      transport.flush();
      spent += thread_seconds() - begin;
      (void)await(transport);
    }
  }
  const double each = spent / (kRepeats * kMany);
  if (first) {
    tell("a message of 1 kB until its receiver, who slept, has it", small.latency * 1e6, "us");
    tell("a message of 300 kB until its receiver, who slept, has it", big.latency * 1e6, "us");
    tell("  a message's bytes, at", 299e3 / (big.latency - small.latency) * 1e-9, "GB/s");
    tell("  its sender's and its receiver's processor time, mean", small.processor * 1e6, "us");
    tell("to receive a message of 1 kB, one of many", each * 1e6, "us");
    transport.send(rondo::Rank{1}, of_size(1));
    transport.flush();
  } else {
    (void)await(transport);  // one after the other on the terminal
    tell("to send a message of 1 kB, one of many", each * 1e6, "us");
  }
  while (transport.unsent() > 0) {
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) {
    packing();
    sleeping();
    slices();
    master();
    return 0;
  }
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    rondo::mpi::MpiTransport transport(MPI_COMM_WORLD);
    if (value(transport.rank()) < 2) messages(transport);
  }
  MPI_Finalize();
}
