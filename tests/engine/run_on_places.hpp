// A run on threads over transports of the test's.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/rondo.hpp>

#include "checkpoint/memory_storage.hpp"
#include "engine/session.hpp"
#include "resilience/locked_storage.hpp"

namespace rondo::test {

// Thrown out of a place that is to end. No std::exception: nobody may take it for an error.
struct PlaceEnds {};

// A run of this Update on all places, checkpoints in memory; returns when everybody is gone, with the status of rank 0. The
// places have a size() and open() a transport for each rank; begin() is called with the program, end() after it.
template <UpdateClass U, class Places, class Main>
int run_on_places(Places& places, const engine::Options& options, Main main) {
  checkpoint::MemoryStorage memory;
  LockedStorage storage(memory);
  const engine::Host host{storage, [](int status) { std::_Exit(status); }};
  const detail::Program program = detail::make_program<U>([] { return U(); });
  std::vector<std::thread> workers;
  for (std::int32_t i = 1; i < places.size(); ++i)
    workers.emplace_back([&, i] {
      try {
        const auto transport = places.open(Rank{i});
        (void)engine::run_worker(*transport, host, program);
      } catch (const PlaceEnds&) {
      }
    });
  const auto transport = places.open(kMaster);
  const int status =
      engine::run_master(*transport, host, program, options, detail::erase_main<U>([&](Master<U>& master) {
        places.begin();
        main(master);
      }));
  places.end();
  for (std::thread& worker : workers) worker.join();
  return status;
}

}  // namespace rondo::test
