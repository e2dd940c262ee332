// The farm one writes first with Boost.MPI: the state goes out with its input and comes back with its output.
//
// The master keeps all states, gives each worker one job, and answers each reply with the next job. np =
// workers + 1.
#include <malloc.h>

#include <boost/mpi.hpp>
#include <boost/serialization/array.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdio>
#include <vector>

#include "workload/result.hpp"

namespace {

namespace mpi = boost::mpi;
using reference::Record;
using reference::State;
using reference::Workload;

constexpr int tag_job = 1;
constexpr int tag_reply = 2;
constexpr int tag_stop = 3;

struct Shipment {
  std::size_t index = 0;
  State state;
  Record record{};

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& index& state;
    archive& boost::serialization::make_array(record.values.data(), record.values.size());
  }
};

void work(const mpi::communicator& world, const Workload& workload) {
  while (true) {
    const mpi::status status = world.probe(0, mpi::any_tag);
    if (status.tag() == tag_stop) {
      world.recv(0, tag_stop);
      return;
    }
    Shipment shipment;
    world.recv(0, tag_job, shipment);
    shipment.record = workload.update(shipment.state, shipment.record);
    world.send(0, tag_reply, shipment);
  }
}

void coordinate(const mpi::communicator& world, const Workload& workload) {
  std::vector<State> states = workload.initial_states();
  const auto inputs = workload.inputs();
  std::vector<Record> outputs(states.size());
  reference::Result result{workload, "naive-boost-mpi"};
  result.start();
  for (const std::vector<Record>& round : inputs) {
    std::size_t sent = 0;
    const auto send_next = [&](int worker) {
      world.send(worker, tag_job, Shipment{sent, std::move(states[sent]), round[sent]});
      ++sent;
    };
    for (int worker = 1; worker < world.size() && sent < states.size(); ++worker) send_next(worker);
    for (std::size_t received = 0; received < states.size(); ++received) {
      Shipment shipment;
      const mpi::status status = world.recv(mpi::any_source, tag_reply, shipment);
      if (sent < states.size()) send_next(status.source());
      states[shipment.index] = std::move(shipment.state);
      outputs[shipment.index] = shipment.record;
    }
    result.end_round(outputs);
  }
  result.print();
  for (int worker = 1; worker < world.size(); ++worker) world.send(worker, tag_stop);
}

// By default the allocator gives every freed message back to the kernel, and the page faults make the farm
// three times slower than its messages; it is measured without them.
void keep_freed_memory() {
  constexpr int plenty = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that is accepted
  mallopt(M_TRIM_THRESHOLD, plenty);
}

}  // namespace

int main(int argc, char** argv) {
  keep_freed_memory();
  const mpi::environment environment{argc, argv};
  const mpi::communicator world;
  const Workload workload{reference::settings_from(argc, argv)};
  if (static_cast<std::size_t>(world.size()) != workload.settings().workers + 1) {
    std::fprintf(stderr, "%d ranks do not make a master and %zu workers\n", world.size(),
                 workload.settings().workers);
    mpi::environment::abort(2);
  }
  if (world.rank() == 0)
    coordinate(world, workload);
  else
    work(world, workload);
}
