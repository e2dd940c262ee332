#include "ensemble.hpp"

#include <bit>
#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>

#include "checkpoint/part_reader.hpp"
#include "checkpoint/part_writer.hpp"
#include "checkpoint/pruning.hpp"

namespace rondo::checkpoint {
namespace {

std::vector<std::byte> random_bytes(std::mt19937_64& generator, std::uint64_t length) {
  std::vector<std::byte> bytes(length);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator());
  return bytes;
}

Buffer buffer_of(const std::vector<std::byte>& bytes) {
  Buffer buffer;
  buffer.append(bytes);
  return buffer;
}

std::vector<std::byte> bytes_of(Bytes buffer) { return {buffer.begin(), buffer.end()}; }

// Any placement will do, as long as it is not the order of the ids.
std::uint64_t part_of(StateId id, std::uint64_t parts) { return 1 + value(id) * 2654435761 % parts; }

void write_parts(Storage& storage, const Path& folder, const Ensemble& ensemble, std::uint64_t parts,
                 Manifest& manifest) {
  for (std::uint64_t number = 1; number <= parts; ++number) {
    PartWriter writer(storage, folder, {.type_hash = kTypeHash, .round = ensemble.round, .number = number});
    // descending, because workers add their states in no order that a reader may count on
    for (auto state = ensemble.states.rbegin(); state != ensemble.states.rend(); ++state) {
      if (part_of(state->first, parts) != number) continue;
      writer.add(state->first, std::bit_cast<double>(state->second.cost_bits), state->second.bytes);
    }
    manifest.parts.push_back(writer.finish(ensemble.schema));
  }
}

}  // namespace

std::uint64_t seed_of_this_run() {
  const char* given = std::getenv("RONDO_TEST_SEED");
  return given != nullptr ? std::stoull(given) : std::random_device{}();
}

Ensemble ensemble_of(std::uint64_t seed, std::uint64_t round, std::uint64_t count, std::uint64_t length_max) {
  std::mt19937_64 generator(seed * 1'000'003 + round);
  Ensemble ensemble;
  ensemble.round = round;
  ensemble.seed = seed;
  ensemble.run = ~seed;
  ensemble.random = seed / 3;
  std::uint64_t id = generator() % 5;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t length = generator() % 7 == 0 ? 0 : generator() % (length_max + 1);
    ensemble.states[StateId{id}] = {generator(), random_bytes(generator, length)};
    id += 1 + generator() % 3;
  }
  ensemble.next_id = StateId{id + generator() % 3};
  ensemble.context = random_bytes(generator, generator() % 50);
  ensemble.scheduler = random_bytes(generator, generator() % 50);
  ensemble.program = random_bytes(generator, generator() % 50);
  for (std::uint64_t i = generator() % 5; i > 0; --i)
    ensemble.arguments.append(generator() % 20, static_cast<char>('a' + generator() % 26)) += '\0';
  ensemble.schema = random_bytes(generator, generator() % 50);
  return ensemble;
}

void write_checkpoint(Storage& storage, const Path& root, const Ensemble& ensemble, std::uint64_t parts,
                      std::uint64_t keep) {
  const std::uint64_t sequence = next_sequence(storage, root);
  try {
    prepare_checkpoint(storage, root, sequence);
    const Path folder = checkpoint_folder(root, sequence);
    Manifest manifest;
    manifest.type_hash = kTypeHash;
    manifest.round = ensemble.round;
    manifest.seed = ensemble.seed;
    manifest.run = ensemble.run;
    manifest.random = ensemble.random;
    manifest.next_id = ensemble.next_id;
    for (const auto& [id, state] : ensemble.states) manifest.placements.push_back({id, part_of(id, parts)});
    manifest.context = buffer_of(ensemble.context);
    manifest.scheduler = buffer_of(ensemble.scheduler);
    manifest.program = buffer_of(ensemble.program);
    manifest.arguments = ensemble.arguments;
    write_parts(storage, folder, ensemble, parts, manifest);
    commit_manifest(storage, folder, manifest);
  } catch (const CheckpointError&) {
    remove_checkpoints(storage, root, {sequence});
    throw;
  }
  prune(storage, root, kTypeHash, keep, sequence + 1, Depth::parts);
}

Ensemble read_ensemble(Storage& storage, const Path& folder, const Manifest& manifest) {
  Ensemble ensemble;
  ensemble.round = manifest.round;
  ensemble.seed = manifest.seed;
  ensemble.run = manifest.run;
  ensemble.random = manifest.random;
  ensemble.next_id = manifest.next_id;
  ensemble.context = bytes_of(manifest.context);
  ensemble.scheduler = bytes_of(manifest.scheduler);
  ensemble.program = bytes_of(manifest.program);
  ensemble.arguments = manifest.arguments;
  std::map<std::uint64_t, PartReader> readers;
  for (const PartEntry& entry : manifest.parts) {
    const Header header{.type_hash = manifest.type_hash, .round = manifest.round, .number = entry.number};
    const auto reader = readers.try_emplace(entry.number, storage, folder, header, entry).first;
    const std::vector<std::byte> schema = bytes_of(reader->second.schema());
    if (readers.size() > 1 && schema != ensemble.schema) throw std::logic_error("parts of unequal schemas");
    ensemble.schema = schema;
  }
  Buffer state;
  for (const Placement& placement : manifest.placements) {
    const PartReader& reader = readers.at(placement.part);
    const PartReader::Record& record = reader.at(placement.id);
    state.clear();
    reader.read(record, state);
    ensemble.states[placement.id] = {std::bit_cast<std::uint64_t>(record.cost), bytes_of(state)};
  }
  return ensemble;
}

}  // namespace rondo::checkpoint
