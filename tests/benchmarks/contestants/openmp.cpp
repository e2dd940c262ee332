// OpenMP over shared memory, schedule(dynamic, 1).
//
//   --mode=dynamic   in the order of the states (the default)
//   --mode=sorted    by the true costs of the very round, longest first: what nobody can know, the line to
//   approach
#include <algorithm>
#include <numeric>
#include <vector>

#include "workload/result.hpp"

namespace {

using Orders = std::vector<std::vector<std::size_t>>;

Orders orders_of_rounds(const reference::Workload& workload, bool sorted) {
  const reference::Settings& settings = workload.settings();
  Orders orders(settings.rounds, std::vector<std::size_t>(settings.states));
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    std::vector<std::size_t>& order = orders[round];
    std::iota(order.begin(), order.end(), 0);
    if (sorted) {
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return workload.costs().ms(round, a) > workload.costs().ms(round, b);
      });
    }
  }
  return orders;
}

}  // namespace

int main(int argc, char** argv) {
  const reference::Settings settings = reference::settings_from(argc, argv);
  const reference::Workload workload{settings};
  const bool sorted = settings.mode == "sorted";
  std::vector<reference::State> states = workload.initial_states();
  const auto inputs = workload.inputs();
  const Orders orders = orders_of_rounds(workload, sorted);
  std::vector<reference::Record> outputs(states.size());

  reference::Result result{workload, sorted ? "openmp-sorted" : "openmp-dynamic"};
  const int workers = static_cast<int>(settings.workers);
  // The threads exist before the clock starts, as the ranks of the others do.
#pragma omp parallel num_threads(workers)
  {}
  result.start();
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    const std::vector<std::size_t>& order = orders[round];
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers)
    for (std::size_t turn = 0; turn < order.size(); ++turn) {
      const std::size_t i = order[turn];
      outputs[i] = workload.update(states[i], inputs[round][i]);
    }
    result.end_round(outputs);
  }
  result.print();
}
