// What things take where many more ranks than cores share a node: the constants of crowded() in simulation/machine.hpp.
//
//   mpirun -np 36 crowding     and any other number of ranks; those of 2 and 8 workers are 3 and 9
//
// All ranks do the same thing at the same time, again and again, so that there is always more to run than there are cores.
// Then the time of one thing, times the cores, by the things done, is all that it takes of a core: itself, the switch from
// one process to the next, and the caches that the others have filled meanwhile. A thread's own clock tells less than that.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <thread>
#include <vector>

#include <mpi.h>
#include <sys/resource.h>

#include "mpi/mpi_transport.hpp"
#include "transport/promptness.hpp"
#include "workload/workload.hpp"

namespace {

using rondo::Buffer;
using rondo::Rank;
using rondo::mpi::MpiTransport;
using rondo::transport::Envelope;
using rondo::transport::Seconds;

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ssize(values) / 2, values.end());
  return values[values.size() / 2];
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

// Rank 0 lets all begin; each measures; rank 0 gets the median. The others return nothing of use.
double together(MpiTransport& transport, const std::function<double()>& measure) {
  const int rank = value(transport.rank());
  if (rank != 0) {
    (void)await(transport);
    const double mine = measure();
    transport.send(Rank{0}, of_value(mine));
    drain(transport);
    (void)await(transport);  // until all have ended
    return 0;
  }
  for (int other = 1; other < transport.size(); ++other) transport.send(Rank{other}, of_size(1));
  transport.flush();
  std::vector<double> all;
  for (int other = 1; other < transport.size(); ++other) {
    const Envelope told = await(transport);
    double each = 0;
    std::memcpy(&each, told.message.data(), sizeof each);
    if (each > 0) all.push_back(each);
  }
  for (int other = 1; other < transport.size(); ++other) transport.send(Rank{other}, of_size(1));
  drain(transport);
  return median(all);
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
    for (std::size_t i = 1; i < state.size(); ++i) state[i] = state[i] * 0.999 + 0.001;  // [0] is its index
  }

  // Core time of what each worker does by itself.
  double alone(std::size_t times, const std::function<void()>& thing) {
    return together(transport_, [&] {
      const Seconds begin = transport_.now();
      for (std::size_t i = 0; i < times; ++i) thing();
      return (transport_.now() - begin).count() / static_cast<double>(times);
    });
  }
  // Of a message between two workers, each of whom does `thing` before it answers.
  double exchange(std::size_t times, std::size_t bytes, const std::function<void()>& thing) {
    const int rank = value(transport_.rank());
    const int partner = rank % 2 == 1 ? rank + 1 : rank - 1;
    return together(transport_, [&] {
      if (partner >= transport_.size()) return 0.0;
      const Seconds begin = transport_.now();
      for (std::size_t i = 0; i < times; ++i) {
        if (rank % 2 == 0) (void)await(transport_);
        thing();
        transport_.send(Rank{partner}, of_size(bytes));
        transport_.flush();
        if (rank % 2 == 1) (void)await(transport_);
      }
      const double each = (transport_.now() - begin).count() / static_cast<double>(2 * times);
      drain(transport_);
      return each;
    });
  }

  [[nodiscard]] std::size_t workers() const { return workers_; }

 private:
  MpiTransport& transport_;
  std::size_t workers_;
  reference::Workload workload_;
  std::vector<reference::State> states_;
  std::size_t next_ = 0;
};

void measure(MpiTransport& transport) {
  const rondo::transport::Promptness prompt;
  const auto cores = static_cast<double>(std::thread::hardware_concurrency());
  const auto tell = [&](const char* what, double microseconds) {
    if (value(transport.rank()) == 0) std::printf("%-66s %8.1f us\n", what, microseconds);
    std::fflush(stdout);
  };
  Part part(transport, 1e-3);  // sleeps of a microsecond
  const auto workers = static_cast<double>(part.workers());
  const double pairs = std::floor(workers / 2);
  const auto nothing = [] {};
  const auto pass = [&] { part.pass(); };
  const auto nap = [] {
    const timespec shortest{0, 1000};
    nanosleep(&shortest, nullptr);
  };
  constexpr std::size_t kTimes = 400;
  const auto core_time = [&](double seconds, double at_a_time) { return seconds * cores / at_a_time * 1e6; };

  const double one_nap = core_time(part.alone(kTimes * 4, nap), workers);
  const double one_pass = core_time(part.alone(kTimes, pass), workers);
  const double one_update = core_time(part.alone(kTimes, [&] { (void)part.update(); }), workers);
  tell("a nap, and the switch to the next process", one_nap);
  tell("a pass over a state", one_pass);
  tell("an update: a pass, a nap and the switch", one_update);
  for (const std::size_t bytes : {64, 1'000, 12'000, 300'000}) {
    const double bare = core_time(part.exchange(kTimes, bytes, nothing), pairs);
    const double with_pass = core_time(part.exchange(kTimes, bytes, pass), pairs);
    char text[80];
    std::snprintf(text, sizeof text, "a message of %zu bytes, both sides and the switch", bytes);
    tell(text, bare);
    tell("  the same after a pass over a state, without the pass", with_pass - one_pass);
  }

  Part slow(transport, 1.0);
  const double over = together(transport, [&] {
    const Seconds begin = transport.now();
    double slept = 0;
    for (std::size_t i = 0; i < kTimes; ++i) slept += slow.update() * 1e-3;
    return ((transport.now() - begin).count() - slept) / kTimes;
  });
  tell("an update of a millisecond takes longer than its sleep by", over * 1e6);
  const double idle = together(transport, [&] {
    const double begin = process_seconds();
    const Seconds until = transport.now() + Seconds(2);
    while (transport.now() < until) transport.wait(until - transport.now());
    return (process_seconds() - begin) / 2;
  });
  tell("a rank that waits takes, each second", idle * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    MpiTransport transport(MPI_COMM_WORLD);
    measure(transport);
  }
  MPI_Finalize();
}
