// What things take where many more ranks than cores share a node: the constants of crowded() in simulation/machine.hpp.
//
//   mpirun -np 36 crowding           and any other number of ranks; those of 2 and 8 workers are 3 and 9
//   mpirun -np 36 crowding drifting  two of them, for beside.cpp: of a message of 1 kB after a pass, and of a rank that waits
//
// All ranks do the same thing at the same time, again and again, so that there is always more to run than there are cores.
// Then the time of one thing, times the cores, by the things done, is all that it takes of a core: itself, the switch from
// one process to the next, and the caches that the others have filled meanwhile. A thread's own clock tells less than that.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include <mpi.h>
#include <sys/resource.h>

#include "mpi/mpi_transport.hpp"
#include "workload/workload.hpp"

namespace {

using rondo::Buffer;
using rondo::Rank;
using rondo::mpi::MpiTransport;
using rondo::transport::Envelope;
using rondo::transport::Seconds;

double sum(const std::vector<double>& values) { return std::accumulate(values.begin(), values.end(), 0.0); }

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
}

double thread_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double process_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Envelope await(MpiTransport& transport) {
  while (true) {
    if (auto envelope = transport.receive()) return std::move(*envelope);
    transport.wait(Seconds(1));
  }
}

Buffer of_size(std::size_t bytes) {
  Buffer buffer;
  std::fill_n(buffer.extend(bytes), bytes, std::byte{1});
  return buffer;
}

Buffer of_value(double value) {
  Buffer buffer;
  std::memcpy(buffer.extend(sizeof value), &value, sizeof value);
  return buffer;
}

void drain(MpiTransport& transport) {
  while (transport.unsent() > 0) transport.wait(Seconds(1e-4));
}

constexpr Seconds kTime{0.4};  // that a measurement takes

// Rank 0 says when all begin; each measures; rank 0 gets what they say, the others nothing of use.
std::vector<double> together(MpiTransport& transport, const std::function<double(Seconds begin)>& measure) {
  const auto value_of = [](const Envelope& told) {
    double value = 0;
    std::memcpy(&value, told.message.data(), sizeof value);
    return value;
  };
  if (value(transport.rank()) != 0) {
    const Seconds begin(value_of(await(transport)));
    std::this_thread::sleep_for(begin - transport.now());
    const double mine = measure(begin);
    transport.send(Rank{0}, of_value(mine));
    drain(transport);
    (void)await(transport);  // until all have ended
    return {};
  }
  const double begin = transport.now().count() + 0.1;
  for (int other = 1; other < transport.size(); ++other) transport.send(Rank{other}, of_value(begin));
  transport.flush();
  std::vector<double> all;
  while (std::ssize(all) < transport.size() - 1) all.push_back(value_of(await(transport)));
  for (int other = 1; other < transport.size(); ++other) transport.send(Rank{other}, of_value(0));
  drain(transport);
  return all;
}

// A worker's part of the reference workload, and what it does with it.
class Part {
 public:
  Part(MpiTransport& transport, double mean_ms)
      : transport_(transport), workers_(static_cast<std::size_t>(transport.size()) - 1), workload_([&] {
          reference::Settings settings;
          settings.work = reference::Work::sleep;
          settings.mean_ms = mean_ms;
          return settings;
        }()) {
    const int rank = value(transport.rank());
    for (std::size_t i = static_cast<std::size_t>(std::max(rank, 1)) - 1; i < workload_.settings().states;
         i += workers_)
      states_.push_back(workload_.initial_state(i));
  }

  // One of its states is updated: a pass over it, and a sleep. The milliseconds that it was to sleep.
  double update() {
    reference::State& state = states_[next_ % states_.size()];
    const std::size_t round = next_++ / states_.size() % workload_.settings().rounds;
    (void)workload_.update(state, workload_.input(round));
    return workload_.costs().ms(round, static_cast<std::size_t>(state[0]));
  }
  // The pass alone, in the same way.
  void pass() {
    reference::State& state = states_[next_++ % states_.size()];
    const double begin = thread_seconds();
    for (std::size_t i = 1; i < state.size(); ++i) state[i] = state[i] * 0.999 + 0.001;  // [0] is its index
    passing_ += thread_seconds() - begin;
  }
  // Seconds of that, by the threads' clocks, of all workers together, since the last time.
  double passing() {
    return sum(together(transport_, [&](Seconds) { return std::exchange(passing_, 0); }));
  }

  // How often all workers together do something by themselves.
  double alone(const std::function<void()>& thing) {
    return sum(together(transport_, [&](Seconds begin) {
      double times = 0;
      for (; transport_.now() < begin + kTime; ++times) thing();
      return times;
    }));
  }
  // How many messages pairs of workers send, each of whom does `thing` before it answers.
  double exchange(std::size_t bytes, const std::function<void()>& thing) {
    const int rank = value(transport_.rank());
    const int partner = rank % 2 == 1 ? rank + 1 : rank - 1;
    return sum(together(transport_, [&](Seconds begin) {
      if (partner >= transport_.size()) return 0.0;
      double times = 0;
      for (bool over = false; !over; ++times) {
        if (rank % 2 == 0 && await(transport_).message.size() == 1) break;
        thing();
        over = rank % 2 == 1 && transport_.now() >= begin + kTime;
        transport_.send(Rank{partner}, of_size(over ? 1 : bytes));
        transport_.flush();
        if (rank % 2 == 1 && !over) (void)await(transport_);
      }
      drain(transport_);
      return times;
    }));
  }

 private:
  MpiTransport& transport_;
  std::size_t workers_;
  reference::Workload workload_;
  std::vector<reference::State> states_;
  std::size_t next_ = 0;
  double passing_ = 0;
};

// Microseconds of a core for each of so many things, when all cores were busy with nothing else.
double core_time(double times) {
  return kTime.count() * static_cast<double>(std::thread::hardware_concurrency()) / times * 1e6;
}
// Of a message, before which its sender has passed over a state, without the pass. As cold as that is in rounds.
double message_after_pass(Part& part, std::size_t bytes) {
  (void)part.passing();
  const double times = part.exchange(bytes, [&] { part.pass(); });
  return core_time(times) - part.passing() / times * 1e6;
}

// Of the processor, that a rank takes who waits for messages; its part of a second.
double waiting(MpiTransport& transport, Seconds time) {
  const std::vector<double> idle = together(transport, [&](Seconds begin) {
    const double before = process_seconds();
    while (transport.now() < begin + time) {
      (void)transport.receive();
      transport.wait(begin + time - transport.now());
    }
    return (process_seconds() - before) / time.count();
  });
  return idle.empty() ? 0 : median(idle);
}

void measure_what_drifts(MpiTransport& transport) {
  Part part(transport, 1e-3);
  const double message = message_after_pass(part, 1'000);
  const double waits = waiting(transport, kTime);
  if (value(transport.rank()) == 0) std::printf("%.2f %.0f\n", message, waits * 1e6);
}

void measure(MpiTransport& transport) {
  const auto tell = [&](const char* what, double microseconds) {
    if (value(transport.rank()) == 0) std::printf("%-66s %8.1f us\n", what, microseconds);
    std::fflush(stdout);
  };
  Part part(transport, 1e-3);  // sleeps of a microsecond
  const auto nap = [] {
    const timespec shortest{0, 1000};
    nanosleep(&shortest, nullptr);
  };
  tell("a nap, and the switch to the next process", core_time(part.alone(nap)));
  tell("a pass over a state, and the clock", core_time(part.alone([&] { part.pass(); })));
  tell("an update: a pass, a nap and the switch", core_time(part.alone([&] { (void)part.update(); })));
  for (const std::size_t bytes : {64, 1'000, 12'000, 300'000}) {
    char text[80];
    std::snprintf(text, sizeof text, "a message of %zu bytes, both sides and the switch", bytes);
    tell(text, core_time(part.exchange(bytes, [] {})));
    tell("  the same after a pass over a state, without the pass", message_after_pass(part, bytes));
  }

  Part slow(transport, 1.0);
  const std::vector<double> over = together(transport, [&](Seconds) {
    constexpr int kTimes = 400;
    const Seconds begin = transport.now();
    double slept = 0;
    for (int i = 0; i < kTimes; ++i) slept += slow.update() * 1e-3;
    return ((transport.now() - begin).count() - slept) / kTimes;
  });
  if (!over.empty()) tell("an update of a millisecond takes longer than its sleep by", median(over) * 1e6);
  tell("a rank that waits takes, each second", waiting(transport, kTime * 5) * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    MpiTransport transport(MPI_COMM_WORLD);
    if (argc > 1 && std::strcmp(argv[1], "drifting") == 0)
      measure_what_drifts(transport);
    else
      measure(transport);
  }
  MPI_Finalize();
}
