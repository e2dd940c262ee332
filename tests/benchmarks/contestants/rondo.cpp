// Rondo on the reference workload: without a launcher on threads, under mpirun on ranks.
//
//   --mode=update   rounds with a barrier, one input per state (the default)
//   --mode=hint     the same, and the master is told the base costs before the first round
//   --mode=evolve   the same work without barriers between the rounds
//   --mode=ship     the naive farm on the same engine: states travel with their inputs and come back
//
// Takes Rondo's own options too (--rondo-workers, --rondo-master-works). --workers says how many it must find.
#include <boost/serialization/array.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdio>
#include <functional>
#include <rondo/rondo.hpp>
#include <span>
#include <vector>

#include "workload/result.hpp"

namespace {

using reference::Record;
using reference::State;
using reference::Workload;

class Persistent : public rondo::Update<State, Record, Record> {
 public:
  explicit Persistent(const Workload& workload) : workload_{workload} {}
  Record update(State& state, const Record& input, const Call&) override {
    return workload_.update(state, input);
  }

 private:
  const Workload& workload_;
};

struct Shipment {
  State state;
  Record record{};

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& state& boost::serialization::make_array(record.values.data(), record.values.size());
  }
};

class Shipped : public rondo::Update<rondo::Nothing, Shipment, Shipment> {
 public:
  explicit Shipped(const Workload& workload) : workload_{workload} {}
  Shipment update(rondo::Nothing&, const Shipment& input, const Call&) override {
    Shipment output{input.state, {}};
    output.record = workload_.update(output.state, input.record);
    return output;
  }

 private:
  const Workload& workload_;
};

template <class Update>
int run_with(int& argc, char** argv, const Workload& workload,
             const std::function<void(rondo::Master<Update>&, reference::Result&)>& rounds) {
  return rondo::run<Update>(
      argc, argv, [&workload] { return Update{workload}; },
      [&](rondo::Master<Update>& master) {
        if (master.workers() != workload.settings().workers) {
          std::fprintf(stderr, "%zu workers, asked to measure %zu\n",
                       static_cast<std::size_t>(master.workers()), workload.settings().workers);
          return 2;
        }
        const std::string& mode = workload.settings().mode;
        reference::Result result{workload, "rondo-" + (mode.empty() ? "update" : mode)};
        rounds(master, result);
        if (mode == "evolve")
          result.print_mean();
        else
          result.print();
        return 0;
      });
}

void update(const Workload& workload, rondo::Master<Persistent>& master, reference::Result& result) {
  const auto inputs = workload.inputs();
  master.reset(workload.initial_states());
  if (workload.settings().mode == "hint") {
    std::vector<double> seconds;
    for (std::size_t i = 0; i < master.size(); ++i) seconds.push_back(workload.costs().base_ms(i) * 1e-3);
    master.hint(seconds);
  }
  (void)master.states();  // all of them have arrived before the first round begins
  result.start();
  for (const std::vector<Record>& round : inputs) result.end_round(master.update(std::span{round}));
}

void evolve(const Workload& workload, rondo::Master<Persistent>& master, reference::Result& result) {
  std::vector<Record> inputs;
  for (std::size_t round = 0; round < workload.settings().rounds; ++round)
    inputs.push_back(workload.input(round));
  master.reset(workload.initial_states());
  result.start();
  master.evolve(inputs, [&](auto, std::span<const Record> outputs) { result.end_round(outputs); });
}

void ship(const Workload& workload, rondo::Master<Shipped>& master, reference::Result& result) {
  std::vector<State> states = workload.initial_states();
  master.reset(std::vector<rondo::Nothing>(states.size()));
  const auto inputs = workload.inputs();
  std::vector<Record> outputs(states.size());
  result.start();
  for (const std::vector<Record>& round : inputs) {
    std::vector<Shipment> shipments(states.size());
    for (std::size_t i = 0; i < states.size(); ++i) shipments[i] = {std::move(states[i]), round[i]};
    std::vector<Shipment> back = master.update(std::span<const Shipment>{shipments});
    for (std::size_t i = 0; i < states.size(); ++i) {
      states[i] = std::move(back[i].state);
      outputs[i] = back[i].record;
    }
    result.end_round(outputs);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Workload workload{reference::settings_from(argc, argv)};
  const std::string& mode = workload.settings().mode;
  using namespace std::placeholders;
  if (mode == "ship")
    return run_with<Shipped>(argc, argv, workload, std::bind(ship, std::cref(workload), _1, _2));
  return run_with<Persistent>(argc, argv, workload,
                              std::bind(mode == "evolve" ? evolve : update, std::cref(workload), _1, _2));
}
