// --rondo-recover on threads of one process: a thread cannot be lost alone, and one that is silent for long is slow.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "engine/command_line.hpp"

namespace rondo::test {
namespace {

// Takes ten times the deadline to be packed, by the thread that should answer to rank 0.
struct Slow {
  int value = 0;
  template <class Archive>
  void save(Archive& archive, unsigned) const {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    archive << value;
  }
  template <class Archive>
  void load(Archive& archive, unsigned) {
    archive >> value;
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()
};

class Add : public Update<Slow, int, int> {
 public:
  int update(Slow& state, const int& input, const Call&) override { return state.value += input; }
};

TEST(RecoveryOnThreads, ASilentWorkerIsNotLost) {
  testing::internal::CaptureStderr();
  const int status = run_with<Add>(
      {"--rondo-workers=2", "--rondo-recover", "--rondo-recover-every=1", "--rondo-recover-deadline=0.005"},
      [](Master<Add>& master) {
        master.reset({{1}, {2}, {3}, {4}});
        EXPECT_EQ(master.update(1), (std::vector<int>{2, 3, 4, 5}));
        EXPECT_EQ(master.update(2), (std::vector<int>{4, 5, 6, 7}));
        EXPECT_EQ(master.workers(), 2U);
      });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace rondo::test
