// One loop on one core: what the others' times are divided by.
#include <vector>

#include "workload/result.hpp"

int main(int argc, char** argv) {
  reference::Settings settings = reference::settings_from(argc, argv);
  settings.workers = 1;
  const reference::Workload workload{settings};
  std::vector<reference::State> states = workload.initial_states();
  const auto inputs = workload.inputs();
  std::vector<reference::Record> outputs(states.size());

  reference::Result result{workload, "serial"};
  result.start();
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    for (std::size_t i = 0; i < states.size(); ++i) outputs[i] = workload.update(states[i], inputs[round][i]);
    result.end_round(outputs);
  }
  result.print();
}
