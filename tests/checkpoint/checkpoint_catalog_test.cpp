// Which checkpoint a restart takes, and which ones pruning removes.
#include <gtest/gtest.h>

#include "checkpoint/format.hpp"
#include "checkpoint/pruning.hpp"
#include "ensemble.hpp"
#include "memory_storage.hpp"

namespace rondo::checkpoint {
namespace {

const Path kRoot = "runs/checkpoints";
using Numbers = std::vector<std::uint64_t>;

class Catalog : public ::testing::Test {
 protected:
  void write(std::uint64_t round, std::uint64_t keep = 100) {
    write_checkpoint(storage_, kRoot, ensemble_of(7, round, 10, 50), 2, keep);
  }
  // One bit of a state of the checkpoint's first part.
  void damage(std::uint64_t sequence) { storage_.bytes(part(sequence))[kHeaderSize] ^= std::byte{1}; }
  static Path part(std::uint64_t sequence) { return checkpoint_folder(kRoot, sequence) / part_name(1); }
  static Path manifest(std::uint64_t sequence) { return checkpoint_folder(kRoot, sequence) / kManifestName; }
  Pruned prune_to(std::uint64_t keep) {
    return prune(storage_, kRoot, kTypeHash, keep, next_sequence(storage_, kRoot), Depth::parts);
  }

  MemoryStorage storage_;
};

TEST_F(Catalog, NoFolderAtAllIsNoCheckpoint) {
  Search search = find_newest(storage_, "nowhere", kTypeHash, Depth::states);
  EXPECT_FALSE(search.newest.has_value());
  EXPECT_FALSE(search.ever_complete());
  EXPECT_TRUE(search.refusals.empty());
  EXPECT_EQ(next_sequence(storage_, "nowhere"), 1U);
}

TEST_F(Catalog, ADamagedCheckpointIsRefusedByNameAndTheOneBeforeIsUsed) {
  for (std::uint64_t round = 1; round <= 3; ++round) write(round);
  damage(3);
  storage_.remove(part(2));
  Search search = find_newest(storage_, kRoot, kTypeHash, Depth::states);
  ASSERT_EQ(search.refusals.size(), 2U);
  EXPECT_EQ(search.refusals[0].fault(), Fault::damaged);
  EXPECT_EQ(search.refusals[0].file(), part(3));
  EXPECT_EQ(search.refusals[0].offset(), kHeaderSize);
  EXPECT_EQ(search.refusals[1].fault(), Fault::missing);
  EXPECT_EQ(search.refusals[1].file(), part(2));
  const Checkpoint& found = search.newest.value();
  EXPECT_EQ(found.sequence, 1U);
  EXPECT_EQ(found.manifest.round, 1U);
}

TEST_F(Catalog, WhenAllAreRefusedEachIsNamed) {
  write(1);
  write(2);
  damage(1);
  storage_.bytes(manifest(2)).resize(60);
  const Search search = find_newest(storage_, kRoot, kTypeHash, Depth::states);
  EXPECT_TRUE(search.ever_complete());
  EXPECT_FALSE(search.newest);
  std::string text;
  for (const FileError& refusal : search.refusals) text += std::string(refusal.what()) + "\n";
  EXPECT_NE(text.find(part(1).string() + ": damaged at byte 48"), std::string::npos) << text;
  EXPECT_NE(text.find(manifest(2).string() + ": truncated"), std::string::npos) << text;
}

TEST_F(Catalog, AnotherTypeIsRefusedAndNotTakenForAFreshStart) {
  write(1);
  const Search search = find_newest(storage_, kRoot, kTypeHash + 1, Depth::states);
  EXPECT_FALSE(search.newest.has_value());
  EXPECT_TRUE(search.ever_complete());
  ASSERT_EQ(search.refusals.size(), 1U);
  EXPECT_EQ(search.refusals[0].fault(), Fault::other_type);
}

TEST_F(Catalog, TheDepthSaysHowFarItLooks) {
  write(1);
  write(2);
  damage(2);
  EXPECT_EQ(find_newest(storage_, kRoot, kTypeHash, Depth::parts).newest->sequence, 2U);
  EXPECT_EQ(find_newest(storage_, kRoot, kTypeHash, Depth::states).newest->sequence, 1U);
  storage_.remove(part(2));
  EXPECT_EQ(find_newest(storage_, kRoot, kTypeHash, Depth::manifest).newest->sequence, 2U);
  EXPECT_EQ(find_newest(storage_, kRoot, kTypeHash, Depth::parts).newest->sequence, 1U);
  EXPECT_EQ(find_newest(storage_, kRoot, kTypeHash, Depth::manifest, 2).newest->sequence, 1U);
}

TEST_F(Catalog, ANewCheckpointNeverMeetsFilesOfAnother) {
  write(1);
  prepare_checkpoint(storage_, kRoot, 9);
  storage_.create_folder(kRoot / "checkpoint-77");
  EXPECT_EQ(next_sequence(storage_, kRoot), 10U);
}

TEST_F(Catalog, PruningKeepsTheNewestCompleteOnes) {
  for (std::uint64_t round = 1; round <= 5; ++round) write(round);
  storage_.remove(part(4));
  const Pruned pruned = prune_to(2);
  EXPECT_EQ(pruned.kept, (Numbers{3, 5}));
  EXPECT_EQ(pruned.removed, (Numbers{1, 2, 4}));
  EXPECT_TRUE(pruned.failures.empty());
  EXPECT_EQ(sequences(storage_, kRoot), (Numbers{3, 5}));
}

TEST_F(Catalog, TheLastCompleteOneIsNeverRemoved) {
  write(1);
  write(2);
  write(3);
  storage_.remove(part(2));
  storage_.remove(part(3));
  EXPECT_THROW(prune_to(0), OptionError);
  const Pruned pruned = prune_to(1);
  EXPECT_EQ(pruned.kept, (Numbers{1}));
  // refused ones stay for a look until a newer one is complete
  EXPECT_EQ(sequences(storage_, kRoot), (Numbers{1, 2, 3}));
  write(4, 1);
  EXPECT_EQ(sequences(storage_, kRoot), (Numbers{4}));
}

TEST_F(Catalog, LeftoversOfAnAttemptAreRemovedButNotTheAttemptThatGoesOn) {
  write(1);
  for (const std::uint64_t sequence : {2, 3}) {
    prepare_checkpoint(storage_, kRoot, sequence);
    static_cast<void>(storage_.create(checkpoint_folder(kRoot, sequence) / "part-00001.tmp"));
  }
  EXPECT_EQ(prune(storage_, kRoot, kTypeHash, 2, 3, Depth::parts).removed, (Numbers{2}));
  EXPECT_EQ(sequences(storage_, kRoot), (Numbers{1, 3}));
  EXPECT_EQ(prune_to(2).removed, (Numbers{3}));
}

TEST_F(Catalog, WhatNobodyHereCanJudgeStays) {
  write(1);
  write(2);
  EXPECT_TRUE(prune(storage_, kRoot, kTypeHash + 1, 1, 3, Depth::parts).removed.empty());
  EXPECT_EQ(sequences(storage_, kRoot), (Numbers{1, 2}));
}

TEST_F(Catalog, FilesOfOthersAreLeftAlone) {
  write(1);
  const Path notes = checkpoint_folder(kRoot, 1) / "notes.txt";
  static_cast<void>(storage_.create(notes));
  static_cast<void>(storage_.create(kRoot / "readme"));
  write(2, 1);
  EXPECT_EQ(storage_.list(checkpoint_folder(kRoot, 1)), (std::vector<std::string>{"notes.txt"}));
  EXPECT_EQ(storage_.list(kRoot).back(), "readme");
  EXPECT_EQ(prune_to(1).failures.size(), 1U);
}

}  // namespace
}  // namespace rondo::checkpoint
