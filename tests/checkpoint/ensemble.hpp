// The workload of the checkpoint tests: what a run would save after each round, and the run's way of saving
// it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <rondo/ids.hpp>

#include "checkpoint/catalog.hpp"
#include "checkpoint/storage.hpp"

namespace rondo::checkpoint {

inline constexpr std::uint64_t kTypeHash = 0x1234'5678'9abc'def0;

// RONDO_TEST_SEED if it is set, to replay a failure; else another one each time.
[[nodiscard]] std::uint64_t seed_of_this_run();

// The pure model: all that a checkpoint holds, as plain values.
struct Ensemble {
  struct State {
    std::uint64_t cost_bits = 0;  // bits, because a cost that is not a number must come back as it was
    std::vector<std::byte> bytes;

    friend bool operator==(const State&, const State&) = default;
  };

  std::uint64_t round = 0;
  std::uint64_t seed = 0;
  std::uint64_t run = 0;
  std::uint64_t random = 0;
  StateId next_id{};
  std::map<StateId, State> states;
  std::vector<std::byte> context, scheduler, program;
  std::string arguments;
  std::vector<std::byte> schema;  // each part has it

  friend bool operator==(const Ensemble&, const Ensemble&) = default;
};

// Depends on the arguments only. About `count` states of up to `length_max` bytes, some of them empty.
[[nodiscard]] Ensemble ensemble_of(std::uint64_t seed, std::uint64_t round, std::uint64_t count,
                                   std::uint64_t length_max);

// Writes one checkpoint as a run does: workers 1 to `parts`, then the manifest, then pruning to `keep`. If
// something fails the attempt is discarded and the error goes on.
void write_checkpoint(Storage& storage, const Path& root, const Ensemble& ensemble, std::uint64_t parts,
                      std::uint64_t keep);

// Reads what a checkpoint holds, every state by its id.
[[nodiscard]] Ensemble read_ensemble(Storage& storage, const Path& folder, const Manifest& manifest);

}  // namespace rondo::checkpoint
