#include "workload/c_interface.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "workload/result.hpp"
#include "workload/workload.hpp"

struct reference_workload : reference::Workload {
  using reference::Workload::Workload;
};

struct reference_result : reference::Result {
  std::vector<reference::Record> outputs;
  reference_result(const reference::Workload& workload, const char* name)
      : Result{workload, name}, outputs(workload.settings().states) {}
};

reference_workload* reference_workload_open(int argument_count, const char* const* arguments) try {
  const std::vector<std::string> all(arguments, arguments + argument_count);
  return new reference_workload{reference::settings_from(all)};
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return nullptr;
}

void reference_workload_close(reference_workload* workload) { delete workload; }

size_t reference_workload_states(const reference_workload* workload) { return workload->settings().states; }

size_t reference_workload_rounds(const reference_workload* workload) { return workload->settings().rounds; }

size_t reference_workload_doubles_per_state(const reference_workload* workload) {
  return workload->settings().doubles_per_state();
}

void reference_workload_initial_state(const reference_workload* workload, size_t index, double* state) {
  const reference::State initial = workload->initial_state(index);
  std::copy(initial.begin(), initial.end(), state);
}

void reference_workload_input(const reference_workload* workload, size_t round, double* input) {
  const reference::Record record = workload->input(round);
  std::memcpy(input, &record, sizeof record);
}

void reference_workload_update(const reference_workload* workload, double* state, const double* input,
                               double* output) {
  reference::Record in;
  std::memcpy(&in, input, sizeof in);
  const reference::Record out = workload->update({state, workload->settings().doubles_per_state()}, in);
  std::memcpy(output, &out, sizeof out);
}

reference_result* reference_result_open(const reference_workload* workload, const char* name) {
  return new reference_result{*workload, name};
}

void reference_result_close(reference_result* result) { delete result; }

void reference_result_start(reference_result* result) { result->start(); }

void reference_result_end_round(reference_result* result, const double* outputs) {
  std::memcpy(result->outputs.data(), outputs, result->outputs.size() * sizeof(reference::Record));
  result->end_round(result->outputs);
}

void reference_result_print(const reference_result* result) { result->print(); }
