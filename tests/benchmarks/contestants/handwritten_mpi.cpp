// MPI by hand, for this workload alone: the best one writes who knows all base costs in advance.
//
// States live on the workers, placed longest first by their known base costs, and never move. Nothing is
// scheduled: each round the master sends every worker the inputs of its states and gathers the outputs, all
// non-blocking.
//
//   --mode=master          rank 0 only coordinates, np = workers + 1 (the default)
//   --mode=rank0-computes  rank 0 holds states too, np = workers
#include <mpi.h>
#include <sys/prctl.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "workload/result.hpp"

namespace {

using reference::Record;
using reference::State;
using reference::Workload;

constexpr int tag_inputs = 1;
constexpr int tag_outputs = 2;
// Outputs go back in pieces while the rest is computed, so that the end of a round has little left to send.
constexpr std::size_t piece = 32;

// Polling with short sleeps leaves the core to whoever computes; a blocked receive would take one.
void wait_all(std::vector<MPI_Request>& requests) {
  constexpr timespec pause{.tv_sec = 0, .tv_nsec = 20'000};
  int done = 0;
  while (true) {
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    if (done) break;
    nanosleep(&pause, nullptr);
  }
  requests.clear();
}

int bytes(std::size_t records) { return static_cast<int>(records * sizeof(Record)); }

// Which states each rank holds, ascending.
std::vector<std::vector<std::size_t>> held_by_rank(const Workload& workload, bool rank0_computes, int ranks) {
  std::vector<double> costs(workload.settings().states);
  for (std::size_t i = 0; i < costs.size(); ++i) costs[i] = workload.costs().base_ms(i);
  const std::size_t first = rank0_computes ? 0 : 1;
  const auto placed = reference::place_longest_first(costs, static_cast<std::size_t>(ranks) - first);
  std::vector<std::vector<std::size_t>> held(static_cast<std::size_t>(ranks));
  for (std::size_t i = 0; i < placed.size(); ++i) held[placed[i] + first].push_back(i);
  return held;
}

std::vector<State> states_of(const Workload& workload, const std::vector<std::size_t>& held) {
  std::vector<State> states;
  for (std::size_t index : held) states.push_back(workload.initial_state(index));
  return states;
}

void work(const Workload& workload, const std::vector<std::size_t>& held) {
  std::vector<State> states = states_of(workload, held);
  std::vector<Record> inputs(held.size());
  std::vector<Record> outputs(held.size());
  std::vector<MPI_Request> requests;
  MPI_Barrier(MPI_COMM_WORLD);
  for (std::size_t round = 0; round < workload.settings().rounds && !held.empty(); ++round) {
    MPI_Irecv(inputs.data(), bytes(inputs.size()), MPI_BYTE, 0, tag_inputs, MPI_COMM_WORLD,
              &requests.emplace_back());
    wait_all(requests);
    for (std::size_t begin = 0; begin < held.size(); begin += piece) {
      const std::size_t end = std::min(begin + piece, held.size());
      for (std::size_t i = begin; i < end; ++i) outputs[i] = workload.update(states[i], inputs[i]);
      MPI_Isend(&outputs[begin], bytes(end - begin), MPI_BYTE, 0, tag_outputs, MPI_COMM_WORLD,
                &requests.emplace_back());
    }
    wait_all(requests);
  }
}

void coordinate(const Workload& workload, const std::vector<std::vector<std::size_t>>& held) {
  const auto inputs = workload.inputs();
  std::vector<State> own = states_of(workload, held[0]);
  std::vector<std::vector<Record>> sent(held.size());
  std::vector<std::vector<Record>> received(held.size());
  for (std::size_t rank = 0; rank < held.size(); ++rank) {
    sent[rank].resize(held[rank].size());
    received[rank].resize(held[rank].size());
  }
  std::vector<Record> outputs(workload.settings().states);
  std::vector<MPI_Request> sends;
  std::vector<MPI_Request> receives;
  reference::Result result{workload, own.empty() ? "handwritten-mpi" : "handwritten-mpi-rank0"};
  MPI_Barrier(MPI_COMM_WORLD);
  result.start();
  for (std::size_t round = 0; round < workload.settings().rounds; ++round) {
    for (std::size_t rank = 1; rank < held.size(); ++rank) {
      if (held[rank].empty()) continue;
      for (std::size_t i = 0; i < held[rank].size(); ++i) sent[rank][i] = inputs[round][held[rank][i]];
      const int to = static_cast<int>(rank);
      MPI_Isend(sent[rank].data(), bytes(sent[rank].size()), MPI_BYTE, to, tag_inputs, MPI_COMM_WORLD,
                &sends.emplace_back());
      for (std::size_t begin = 0; begin < held[rank].size(); begin += piece) {
        const std::size_t count = std::min(piece, held[rank].size() - begin);
        MPI_Irecv(&received[rank][begin], bytes(count), MPI_BYTE, to, tag_outputs, MPI_COMM_WORLD,
                  &receives.emplace_back());
      }
    }
    if (!own.empty()) wait_all(sends);  // nobody may wait for inputs while this rank computes
    for (std::size_t i = 0; i < own.size(); ++i)
      outputs[held[0][i]] = workload.update(own[i], inputs[round][held[0][i]]);
    wait_all(receives);
    wait_all(sends);
    for (std::size_t rank = 1; rank < held.size(); ++rank)
      for (std::size_t i = 0; i < held[rank].size(); ++i) outputs[held[rank][i]] = received[rank][i];
    result.end_round(outputs);
  }
  result.print();
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  prctl(PR_SET_TIMERSLACK, 1UL);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const Workload workload{reference::settings_from(argc, argv)};
  const bool rank0_computes = workload.settings().mode == "rank0-computes";
  if (static_cast<std::size_t>(ranks) != workload.settings().workers + (rank0_computes ? 0 : 1)) {
    std::fprintf(stderr, "rank %d: %d ranks do not make %zu workers\n", rank, ranks,
                 workload.settings().workers);
    MPI_Abort(MPI_COMM_WORLD, 2);
  }
  const auto held = held_by_rank(workload, rank0_computes, ranks);
  if (rank == 0)
    coordinate(workload, held);
  else
    work(workload, held[static_cast<std::size_t>(rank)]);
  MPI_Finalize();
}
