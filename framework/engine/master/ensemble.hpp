// What rank 0 knows of the ensemble, beside what the scheduler knows of each state.
#pragma once

#include <cstdint>
#include <vector>

#include <rondo/bytes.hpp>
#include <rondo/ids.hpp>
#include <rondo/random.hpp>

namespace rondo::engine {

struct Ensemble {
  explicit Ensemble(std::uint64_t its_seed) : seed(its_seed), random(Random::of_main(its_seed)) {}

  std::vector<StateId> ids;  // ascend; their positions are the scheduler's slots
  std::uint64_t next_id = 0;
  std::uint64_t round = 0;  // the next one
  std::uint64_t seed;
  Random random;                      // of the program's main
  Buffer context;                     // packed
  std::uint64_t context_version = 0;  // as the workers count it
  std::uint64_t generation = 0;       // what is on its way from an earlier one is dropped
};

}  // namespace rondo::engine
