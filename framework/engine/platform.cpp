#include "engine/platform.hpp"

#include <unistd.h>

#include <random>

#include "engine/build.hpp"
#include "engine/processor_time.hpp"
#include "engine/thread_executor.hpp"

namespace rondo::engine {

namespace {

class ThisPlatform final : public Platform {
 public:
  std::string node_name() const override { return engine::node_name(); }
  std::int32_t process() const override { return getpid(); }
  std::uint32_t cores(std::int32_t master_process) const override { return cores_here(master_process); }
  transport::Seconds processor_time() const override { return engine::processor_time(); }
  StopRequest take_stop_request() override { return SignalWatch::take(); }
  std::uint64_t draw_run() override {
    std::random_device random;
    const std::uint64_t run = std::uint64_t{random()} << 32 | random();
    return run == 0 ? 1 : run;
  }
  std::unique_ptr<Executor> make_executor(Rank rank, const std::string& what) override {
    return std::make_unique<ThreadExecutor>(rank, what);
  }
};

}  // namespace

Platform& this_platform() {
  static ThisPlatform platform;
  return platform;
}

}  // namespace rondo::engine
