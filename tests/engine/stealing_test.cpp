// Who runs what, and what travels for it: stealing out of a worker that is busy, and the bytes that do not go through rank 0.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "shared_counter.hpp"

namespace rondo::test {
namespace {

struct Gate {
  std::string path;         // of a counter of updates that are done
  std::uint64_t count = 0;  // what a long update waits for

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& path& count;
  }
};

// A state of 1 is long: its update ends only when so many others have.
class Wait : public Update<int, Gate, bool> {
 public:
  bool update(int& state, const Gate& gate, const Call&) override {
    if (!counter_ || counter_->path() != gate.path) counter_ = std::make_unique<SharedCounter>(gate.path);
    if (state == 1) return counter_->reaches(gate.count);
    counter_->add();
    return true;
  }

 private:
  std::unique_ptr<SharedCounter> counter_;
};

void expect_to_leave(const std::vector<std::string>& options, std::size_t long_state) {
  SCOPED_TRACE("long state " + std::to_string(long_state));
  EXPECT_EQ(0, run_with<Wait>(options, [&](Master<Wait>& master) {
              if (master.workers() < 2) return;  // nobody to take them
              constexpr std::size_t kStates = 40;
              std::vector<int> states(kStates, 0);
              states[long_state] = 1;
              master.reset(std::move(states));
              for (int round = 0; round < 3; ++round) {
                const SharedCounter counter;
                EXPECT_EQ(master.update(Gate{counter.path(), kStates - 1}), std::vector<bool>(kStates, true));
              }
            }));
}

TEST(Stealing, UnstartedStatesLeaveAWorkerThatIsInsideALongUpdate) {
  for (const std::size_t long_state : {0, 7, 19, 20, 39}) expect_to_leave({"--rondo-workers=2"}, long_state);
  expect_to_leave({"--rondo-workers=5"}, 0);
}

TEST(Stealing, TheyLeaveInBatchesToo) {
  for (const std::string batch : {"1", "3", "100"})
    expect_to_leave({"--rondo-workers=2", "--rondo-batch=" + batch}, 0);
}

TEST(Stealing, TheyLeaveAMasterThatWorks) {
  expect_to_leave({"--rondo-workers=2", "--rondo-master-works"}, 0);
}

// Each round's long update waits for that round of all the others, so none of them may wait behind it.
TEST(Stealing, StatesLeaveBetweenTheRoundsOfEvolve) {
  EXPECT_EQ(0, run_with<Wait>({"--rondo-workers=2"}, [&](Master<Wait>& master) {
              if (master.workers() < 2) return;
              constexpr std::size_t kStates = 20;
              std::vector<int> states(kStates, 0);
              states[0] = 1;
              master.reset(std::move(states));
              const SharedCounter counter;
              std::vector<Gate> gates(10);
              for (std::size_t i = 0; i < gates.size(); ++i)
                gates[i] = {counter.path(), (i + 1) * (kStates - 1)};
              std::size_t rounds = 0;
              master.evolve(gates, [&](std::size_t, std::span<const bool> outputs) {
                for (const bool output : outputs) EXPECT_TRUE(output);
                ++rounds;
              });
              EXPECT_EQ(rounds, gates.size());
            }));
}

// ---- what travels

class Touch : public Update<std::vector<double>, double, double> {
 public:
  double update(std::vector<double>& state, const double& input, const Call&) override {
    return state.front() += input;
  }
};

using Vectors = std::vector<std::vector<double>>;

TEST(Travel, ARoundSendsNothingOfTheStatesThroughRankZero) {
  EXPECT_EQ(0, run_with<Touch>({"--rondo-workers=3"}, [](Master<Touch>& master) {
              for (const std::size_t size : {1, 100'000}) {
                master.reset(Vectors(30, std::vector<double>(size)));
                (void)master.update(1.0);
                const Profile before = master.profile();
                (void)master.update(1.0);
                master.evolve(std::vector<double>(5, 1.0), [](std::size_t, std::span<const double>) {});
                (void)master.update(std::vector<double>(30, 1.0));
                const Profile after = master.profile();
                // 240 updates, and however many reports it takes to tell of them; a state is 800 kB
                EXPECT_LT(after.master_bytes - before.master_bytes, 200'000U) << size;
              }
            }));
}

TEST(Travel, CopiesGoFromWorkerToWorkerOncePerDestination) {
  EXPECT_EQ(0, run_with<Touch>({"--rondo-workers=4"}, [](Master<Touch>& master) {
              constexpr std::size_t kDoubles = 100'000;
              master.reset(Vectors(3, std::vector<double>(kDoubles)));
              const Profile before = master.profile();
              const std::vector<std::uint32_t> offspring{0, 60, 0};
              master.resample(offspring);
              EXPECT_EQ(master.update(1.0), std::vector<double>(60, 1.0));
              const Profile after = master.profile();
              const std::uint64_t transfers = after.transfers - before.transfers;
              EXPECT_EQ(transfers - (after.steals - before.steals), master.workers() - 1);
              EXPECT_GE(after.transfer_bytes - before.transfer_bytes, transfers * kDoubles * sizeof(double));
              EXPECT_LT(after.transfer_bytes - before.transfer_bytes,
                        (transfers + 1) * kDoubles * sizeof(double));
              EXPECT_LT(after.master_bytes - before.master_bytes, 50'000U);
            }));
}

TEST(Travel, NobodyMovesWhereRebalancingIsOff) {
  EXPECT_EQ(0, run_with<Touch>({"--rondo-workers=3", "--rondo-batch=off"}, [](Master<Touch>& master) {
              master.reset(Vectors(30, std::vector<double>(10)));
              for (int i = 0; i < 20; ++i) (void)master.update(1.0);
              master.evolve(std::vector<double>(20, 1.0), [](std::size_t, std::span<const double>) {});
              const Profile profile = master.profile();
              EXPECT_EQ(profile.transfers, 0U);
              EXPECT_EQ(profile.steals, 0U);
              EXPECT_EQ(profile.updates, 1200U);
              EXPECT_EQ(profile.calls, 21U);
            }));
}

// ---- contexts

std::atomic<std::uint64_t> loads{0};   // of a context, in this process
std::atomic<std::uint64_t> makers{0};  // workers in this process

struct Big {
  std::vector<double> load;
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (Archive::is_loading::value) ++loads;
    archive& load;
  }
};

struct Tally {
  std::uint64_t loads;
  std::uint64_t workers;
};

class Share : public Update<int, int, Tally, Big> {
 public:
  Share() { ++makers; }
  Tally update(int&, const int&, const Call&) override { return {loads, makers}; }
};

TEST(Travel, AContextReachesEachWorkerOnceAndLeavesRankZeroOnce) {
  loads = makers = 0;
  EXPECT_EQ(0, run_with<Share>({"--rondo-workers=5", "--rondo-fanout=1"}, [](Master<Share>& master) {
              constexpr std::size_t kDoubles = 200'000;
              master.reset(std::vector<int>(50));
              (void)master.update(1);
              const std::uint64_t before = master.profile().master_bytes;
              const std::uint64_t loads_before = loads;
              master.share({std::vector<double>(kDoubles)});
              for (const Tally& tally : master.update(1))
                EXPECT_LE(tally.loads - loads_before, tally.workers);
              for (const Tally& tally : master.update(1))
                EXPECT_EQ(tally.loads - loads_before, tally.workers);
              const std::uint64_t sent = master.profile().master_bytes - before;
              EXPECT_GE(sent, kDoubles * sizeof(double));
              EXPECT_LT(sent, kDoubles * sizeof(double) * 3 / 2);
            }));
}

}  // namespace
}  // namespace rondo::test
