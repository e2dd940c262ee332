#include "workload/workload.hpp"

#include <sys/prctl.h>

#include <cmath>
#include <ctime>

namespace reference {
namespace {

constexpr std::size_t lanes = std::tuple_size_v<decltype(Record::values)>;

// The default slack of 50 us would be added to every sleep; it is a property of the thread.
void wake_up_on_time() {
  thread_local const int status = prctl(PR_SET_TIMERSLACK, 1UL);
  static_cast<void>(status);
}

void sleep_for(double ms) {
  wake_up_on_time();
  const auto nanoseconds = static_cast<std::int64_t>(ms * 1e6);
  timespec left{.tv_sec = nanoseconds / 1'000'000'000, .tv_nsec = nanoseconds % 1'000'000'000};
  while (nanosleep(&left, &left) != 0) {
  }
}

// Lanes are independent sums in a fixed order: the compiler may use vectors, and the result is the same
// everywhere.
void touch(std::span<double> state, const Record& input, Record& output) {
  std::size_t block = 0;
  for (; block + lanes <= state.size(); block += lanes) {
    double* const values = state.data() + block;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      values[lane] = 0.5 * values[lane] + input.values[lane];
      output.values[lane] += values[lane];
    }
  }
  for (std::size_t lane = 0; block + lane < state.size(); ++lane) {
    double& value = state[block + lane];
    value = 0.5 * value + input.values[lane];
    output.values[lane] += value;
  }
}

}  // namespace

std::uint64_t burn(std::uint64_t operations, std::uint64_t start) {
  std::uint64_t x = start;
  for (std::uint64_t i = 0; i < operations; ++i) x = x * 6364136223846793005U + 1442695040888963407U;
  return x;
}

Workload::Workload(const Settings& settings) : settings_{settings}, costs_{settings} {}

State Workload::initial_state(std::size_t index) const {
  State state(settings_.doubles_per_state());
  for (std::size_t i = 0; i < state.size(); ++i)
    state[i] = static_cast<double>((index * 7919 + i * 104729) % 1000) * 1e-3;
  state[0] = static_cast<double>(index);
  return state;
}

std::vector<State> Workload::initial_states() const {
  std::vector<State> states;
  states.reserve(settings_.states);
  for (std::size_t index = 0; index < settings_.states; ++index) states.push_back(initial_state(index));
  return states;
}

Record Workload::input(std::size_t round) const {
  Record record;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    record.values[lane] = static_cast<double>((round * 31 + lane * 17) % 101) * 1e-2;
  record.values[0] = static_cast<double>(round);
  return record;
}

std::vector<std::vector<Record>> Workload::inputs() const {
  std::vector<std::vector<Record>> all;
  all.reserve(settings_.rounds);
  for (std::size_t round = 0; round < settings_.rounds; ++round)
    all.emplace_back(settings_.states, input(round));
  return all;
}

Record Workload::update(std::span<double> state, const Record& input) const {
  const double index = state[0];
  const auto round = static_cast<std::size_t>(input.values[0]);
  Record output{};
  touch(state, input, output);
  state[0] = index;
  const double cost_ms = costs_.ms(round, static_cast<std::size_t>(index));
  if (settings_.work == Work::sleep) {
    sleep_for(cost_ms);
    output.values[lanes - 1] += cost_ms;  // so that the hash covers the costs here too
  } else {
    const auto operations = static_cast<std::uint64_t>(cost_ms * settings_.operations_per_ms);
    const std::uint64_t burnt = burn(operations, static_cast<std::uint64_t>(index));
    output.values[lanes - 1] += static_cast<double>(burnt >> 11) * 0x1p-53;
  }
  output.values[0] = index;
  return output;
}

}  // namespace reference
