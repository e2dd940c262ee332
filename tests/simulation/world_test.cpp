// Whole runs on the virtual machine whose ends were wrong once: each is a moment that a run on real ranks hardly ever meets.
#include "simulation/world.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/rondo.hpp>

#include "checkpoint/memory_storage.hpp"

namespace rondo::simulation {
namespace {

class Count : public Update<double, double, double> {
 public:
  double update(double& state, const double& input, const Call&) override { return state += input; }
};

class WholeRun : public testing::Test {
 protected:
  WholeRun() : before_(std::cerr.rdbuf(told.rdbuf())) {
    options.stall.reset();
    options.orphan.reset();
    options.checkpoint = "checkpoints";
    options.recover = true;
    options.recover_deadline = rondo::Options::Seconds(0.05);
    settings.ranks = 4;
    settings.limit = 100;
  }
  ~WholeRun() override { std::cerr.rdbuf(before_); }

  template <class Main>
  int run(const Main& main) {
    const detail::Program program = detail::make_program<Count>([] { return Count(); });
    World world(settings, storage, program);
    return world.run(options, detail::erase_main<Count>([&](Master<Count>& master) { main(master, world); }));
  }

  std::ostringstream told;
  engine::Options options;
  WorldSettings settings;
  checkpoint::MemoryStorage storage;

 private:
  std::streambuf* const before_;
};

// The copies of states that no part has brought were waited for without end.
TEST_F(WholeRun, ADamagedCheckpointIsRefusedWhereWorkersMayBeLost) {
  const auto main = [&](Master<Count>& master, World&) {
    master.reset(std::vector<double>(10, 1));
    master.checkpoint("own");
    storage.bytes(checkpoint::Path("own/checkpoint-000000000001/part-00001")).at(50) ^= std::byte{1};
    EXPECT_THROW((void)master.restore("own"), CheckpointError);
    master.reset(std::vector<double>(3, 1));
    EXPECT_EQ(master.update(1.0), std::vector<double>(3, 2));
  };
  EXPECT_EQ(run(main), 0);
}

// It was put down to the program, which was told that it had caught what it had never got.
TEST_F(WholeRun, ALossWhileTheLastCheckpointIsWrittenIsAnErrorOfItsOwn) {
  const auto main = [&](Master<Count>& master, World& world) {
    master.reset(std::vector<double>(10, 1));
    world.signal(0, Seconds(0), engine::StopRequest::kLeave);
    (void)master.update(1.0);  // rank 0 hears of it meanwhile
    for (Place p = 1; p < settings.ranks; ++p) world.dies(p, Seconds(0));
    EXPECT_THROW(master.safe_point(std::uint64_t{1}), WorkerLost);
    throw WorkerLost("as the program lets it through", Rank{1});
  };
  EXPECT_EQ(run(main), engine::kRequeueStatus);
  EXPECT_EQ(told.str().find("has caught"), std::string::npos) << told.str();
}

}  // namespace
}  // namespace rondo::simulation
