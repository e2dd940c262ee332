// Workers with disks of their own: each part is where its writer was, and so are the old ones that must go.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>

#include "checkpoint/catalog.hpp"
#include "engine/session.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"
#include "transport/in_process.hpp"

namespace rondo::test {
namespace {

constexpr const char* kPlace = "checkpoints";

// Rank 0 and as many workers as there are more disks; rank i sees disk i only.
int run_with(const std::vector<checkpoint::Storage*>& disks, const std::function<void(Master<Walker>&)>& main,
             const engine::Options& options = {}) {
  const detail::Program program = detail::make_program<Walker>([] { return Walker(); });
  transport::InProcess places(static_cast<std::int32_t>(disks.size()));
  const auto abort = [](int status) { std::_Exit(status); };
  std::vector<std::thread> workers;
  for (std::size_t i = 1; i < disks.size(); ++i)
    workers.emplace_back([&, i] {
      const auto transport = places.open(Rank{static_cast<std::int32_t>(i)});
      (void)engine::run_worker(*transport, engine::Host{*disks[i], abort}, program);
    });
  const auto transport = places.open(kMaster);
  const int status = engine::run_master(*transport, engine::Host{*disks[0], abort}, program, options,
                                        detail::erase_main<Walker>(main));
  for (std::thread& worker : workers) worker.join();
  return status;
}

TEST(NodeDisks, PartsAreReadWhereTheyWereWrittenAndOldOnesAreRemovedThere) {
  std::array<checkpoint::MemoryStorage, 3> disks;
  LockedStorage first(disks[0]), second(disks[1]), third(disks[2]);
  std::uint64_t expected = 0;
  // rank 0 shares a node with rank 1
  EXPECT_EQ(run_with({&first, &first, &second, &third},
                     [&](Master<Walker>& master) {
                       Progress progress;
                       master.reset(Journey::start(30));
                       Journey journey(master, progress, 0);
                       for (; progress.step < 5; ++progress.step) {
                         journey.step();
                         master.checkpoint(kPlace, progress);
                       }
                       expected = journey.finish();
                     }),
            0);
  EXPECT_EQ(checkpoint::sequences(disks[0], kPlace), (std::vector<std::uint64_t>{4, 5}));
  // rank 0 removes after a checkpoint, the others before the next one
  EXPECT_EQ(checkpoint::sequences(disks[1], kPlace), (std::vector<std::uint64_t>{3, 4, 5}));
  EXPECT_EQ(checkpoint::sequences(disks[2], kPlace), (std::vector<std::uint64_t>{3, 4, 5}));

  // the same nodes; in another order; with more workers; with two workers for three disks, which is too few
  const auto resume = [&](const std::vector<checkpoint::Storage*>& places) {
    std::uint64_t digest = 0;
    EXPECT_EQ(run_with(places,
                       [&](Master<Walker>& master) {
                         Progress progress;
                         ASSERT_TRUE(master.restore(kPlace, progress));
                         digest = Journey(master, progress, 0).finish();
                       }),
              0);
    return digest;
  };
  EXPECT_EQ(resume({&first, &first, &second, &third}), expected);
  EXPECT_EQ(resume({&first, &third, &first, &second}), expected);
  EXPECT_EQ(resume({&first, &third, &second, &first, &second, &first}), expected);
  EXPECT_EQ(run_with({&first, &first, &second},
                     [&](Master<Walker>& master) {
                       EXPECT_THROW((void)master.restore(kPlace), CheckpointError);
                       EXPECT_EQ(master.size(), 0u);
                     }),
            0);
}

TEST(NodeDisks, OneThatCannotBeWrittenIsToldWithItsRankAsTheRunBegins) {
  std::array<checkpoint::MemoryStorage, 2> disks;
  LockedStorage good(disks[0]), bad(disks[1]);
  disks[1].create(kPlace)->close();  // a file where the folder should be
  engine::Options options;
  options.checkpoint = kPlace;
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_with(
                {&good, &good, &bad}, [](Master<Walker>&) { ADD_FAILURE() << "it begins"; }, options),
            1);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("--rondo-checkpoint: rank 2 on "), std::string::npos) << told;
}

}  // namespace
}  // namespace rondo::test
