// Arbitrary bytes never crash the reader and never make it allocate more than a small multiple of the file's
// size: it refuses with a typed error, or tells the truth.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>

#include "checkpoint/format.hpp"
#include "checkpoint/part_reader.hpp"
#include "ensemble.hpp"
#include "faulty_storage.hpp"
#include "memory_storage.hpp"
#include "seal.hpp"

namespace {

// The largest single allocation by operator new; the reader's buffers show in FaultyStorage::read_max.
std::size_t allocation_max = 0;

}  // namespace

// noinline: else the compiler sees malloc behind new and takes delete for a mismatch
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocation_max = std::max(allocation_max, size);
  void* memory = std::malloc(std::max<std::size_t>(size, 1));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  allocation_max = std::max(allocation_max, size);
  return std::malloc(std::max<std::size_t>(size, 1));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace rondo::checkpoint {
namespace {

using Content = std::vector<std::byte>;

constexpr int kIterations = 20'000;
const Path kRoot = "checkpoints";
const Path kFolder = checkpoint_folder(kRoot, 1);

// Lengths and counts that have broken readers before.
std::uint64_t awkward_number(std::mt19937_64& generator, std::size_t size) {
  const std::uint64_t numbers[] = {0,
                                   1,
                                   size,
                                   size - 1,
                                   size + 1,
                                   size / kRecordSize,
                                   ~std::uint64_t{0},
                                   ~std::uint64_t{0} / kRecordSize + 1,
                                   std::uint64_t{1} << 63,
                                   std::uint64_t{1} << 40,
                                   ~std::uint64_t{0} - size,
                                   generator(),
                                   generator() % 64};
  return numbers[generator() % std::size(numbers)];
}

void mutate(Content& content, std::mt19937_64& generator) {
  if (content.empty()) return content.push_back(std::byte{0});
  const std::size_t at = generator() % content.size();
  const auto begin = content.begin();
  const auto place = begin + static_cast<std::ptrdiff_t>(at);
  const auto end = place + static_cast<std::ptrdiff_t>(generator() % (content.size() - at + 1));
  switch (generator() % 9) {
    case 0: content[at] ^= std::byte{1} << (generator() % 8); break;
    case 1: content[at] = static_cast<std::byte>(generator()); break;
    case 2: content.resize(at); break;
    case 3: content.insert(content.end(), generator() % 100, static_cast<std::byte>(generator())); break;
    case 4: std::fill(place, end, std::byte{0}); break;
    case 5: content.erase(place, end); break;
    case 6: {
      const Content piece(place, end);
      content.insert(place, piece.begin(), piece.end());
      break;
    }
    case 7:
      set_number(content, at / kNumberSize * kNumberSize, awkward_number(generator, content.size()));
      break;
    case 8: {  // numbers of a footer, which stand at no multiple of eight
      const std::size_t back = kNumberSize * (1 + generator() % 10);
      if (back <= content.size()) {
        set_number(content, content.size() - back, awkward_number(generator, content.size()));
      }
      break;
    }
  }
}

class Mutations : public ::testing::Test {
 protected:
  Mutations() : generator_(seed_) { write_checkpoint(storage_, kRoot, saved_, 2, 1); }

  void mutate_some(Content& content) {
    for (std::uint64_t times = 1 + generator_() % 3; times > 0; --times) mutate(content, generator_);
  }
  // What one attempt may allocate at once, for the sizes of the files as they are.
  [[nodiscard]] std::uint64_t allowed() {
    std::uint64_t total = 0;
    for (const std::string& name : storage_.list(kFolder)) total += storage_.bytes(kFolder / name).size();
    return 2 * total + 4096;
  }

  const std::uint64_t seed_ = seed_of_this_run();
  std::mt19937_64 generator_;
  MemoryStorage storage_;
  Ensemble saved_ = ensemble_of(31, 1, 15, 60);
};

TEST_F(Mutations, OfAnyFileAreRefusedOrChangedNothing) {
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed_));
  const std::vector<std::string> names = storage_.list(kFolder);
  ASSERT_EQ(names.size(), 3U);
  int refused = 0;
  for (int i = 0; i < kIterations; ++i) {
    Content& content = storage_.bytes(kFolder / names[generator_() % names.size()]);
    const Content before = content;
    mutate_some(content);
    const std::uint64_t limit = allowed();
    FaultyStorage watched(storage_, {});
    allocation_max = 0;
    try {
      const Manifest manifest = read_checkpoint(watched, kFolder, kTypeHash, Depth::states);
      const Ensemble read = read_ensemble(watched, kFolder, manifest);
      ASSERT_TRUE(read == saved_) << "iteration " << i;
    } catch (const FileError&) {
      ++refused;
    }
    ASSERT_LE(allocation_max, limit) << "iteration " << i;
    ASSERT_LE(watched.read_max(), limit) << "iteration " << i;
    content = before;
  }
  EXPECT_GT(refused, kIterations * 9 / 10);
}

TEST_F(Mutations, OfAManifestWithRightChecksumsAreRefusedOrConsistent) {
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed_));
  const Content original = storage_.bytes(kFolder / kManifestName);
  int accepted = 0;
  for (int i = 0; i < kIterations; ++i) {
    Content content = original;
    mutate_some(content);
    seal_manifest(content);
    allocation_max = 0;
    try {
      const Manifest manifest = decode_manifest(content, kTypeHash, "manifest");
      const Buffer again = encode(manifest);
      ASSERT_TRUE(std::ranges::equal(content, Bytes(again))) << "iteration " << i;
      ++accepted;
    } catch (const FileError&) {
    }
    ASSERT_LE(allocation_max, 2 * content.size() + 4096) << "iteration " << i;
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, kIterations);
}

TEST_F(Mutations, OfAPartWithRightChecksumsAreRefusedOrConsistent) {
  SCOPED_TRACE("RONDO_TEST_SEED=" + std::to_string(seed_));
  Content& content = storage_.bytes(kFolder / part_name(1));
  const Content original = content;
  int opened = 0, refused = 0, states = 0;
  for (int i = 0; i < kIterations; ++i) {
    content = original;
    mutate_some(content);
    PartEntry entry = seal_part(content);
    const Header header{.type_hash = kTypeHash, .round = saved_.round, .number = entry.number};
    entry.number = 1;  // the file's name
    FaultyStorage watched(storage_, {});
    allocation_max = 0;
    try {
      const PartReader reader(watched, kFolder, header, entry);
      ++opened;
      ASSERT_EQ(reader.records().size(), entry.count);
      for (const PartReader::Record& record : reader.records()) {
        Buffer state;
        reader.read(record, state);
        ASSERT_EQ(state.size(), record.length);
        ++states;
      }
    } catch (const FileError&) {
      ++refused;
    }
    ASSERT_LE(allocation_max, 2 * content.size() + 4096) << "iteration " << i;
    ASSERT_LE(watched.read_max(), content.size()) << "iteration " << i;
  }
  EXPECT_GT(opened, kIterations / 100);
  EXPECT_GT(refused, kIterations / 2);
  EXPECT_GT(states, 0);
}

}  // namespace
}  // namespace rondo::checkpoint
