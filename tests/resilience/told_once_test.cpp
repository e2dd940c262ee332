// Checkpoints that keep failing for one reason: it is told once, and again if something has gone well in between.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "checkpoint/format.hpp"
#include "faulty_storage.hpp"
#include "journey.hpp"
#include "locked_storage.hpp"
#include "memory_storage.hpp"
#include "run_on_storage.hpp"

namespace rondo::test {
namespace {

using checkpoint::Trouble;

constexpr const char* kPlace = "checkpoints";
constexpr const char* kCopy = "second";

class ToldOnce : public testing::Test {
 protected:
  // A run with a checkpoint due at each of its safe points, `between` called before each.
  void travel(std::uint64_t steps, const std::function<void(Master<Walker>&, std::uint64_t)>& between,
              bool has_copy = false) {
    engine::Options options;
    options.workers = 2;
    options.checkpoint = kPlace;
    if (has_copy) options.checkpoint_copy = kCopy;
    options.checkpoint_every = Rounds{1};
    testing::internal::CaptureStderr();
    EXPECT_EQ(run_on(locked_, options,
                     [&](Master<Walker>& master) {
                       Progress progress;
                       if (!master.resume(progress)) master.reset(Journey::start(6));
                       Journey journey(master, progress, 0);
                       for (const std::uint64_t last = progress.step + steps; progress.step < last;
                            ++progress.step) {
                         between(master, progress.step);
                         master.safe_point(progress);
                         journey.step();
                       }
                     }),
              0);
    told_ = testing::internal::GetCapturedStderr();
  }
  [[nodiscard]] int count(const std::string& text) const {
    int found = 0;
    for (auto at = told_.find(text); at != std::string::npos; at = told_.find(text, at + 1)) ++found;
    return found;
  }

  checkpoint::MemoryStorage disk_;
  checkpoint::FaultyStorage faulty_{disk_, {}};
  LockedStorage locked_{faulty_};
  std::string told_;
};

TEST_F(ToldOnce, AnotherRunInTheFolder) {
  travel(8, [&](Master<Walker>& master, std::uint64_t step) {
    if (step == 1) master.checkpoint(kPlace);
    // the other one goes on, and its newest number with it
    if (step >= 2) disk_.create_folder(Path(kPlace) / checkpoint::checkpoint_name(100 + step));
  });
  EXPECT_EQ(count("is of another run, which writes here too"), 1) << told_;
  EXPECT_EQ(count("others that fail like this are not told"), 1) << told_;
}

TEST_F(ToldOnce, ADiskThatIsFullUntilItHasHadRoom) {
  travel(9, [&](Master<Walker>& master, std::uint64_t step) {
    if (step == 5) faulty_.meet({});
    // returns when the one that the last safe point has begun is on the disk, too
    if (step == 5 || step == 6) master.checkpoint(kPlace);
    if (step != 5) faulty_.meet({Trouble::no_space, 0, true, "checkpoints/checkpoint"});
  });
  EXPECT_EQ(count("a checkpoint failed, the run goes on: "), 2) << told_;
}

TEST_F(ToldOnce, AReasonThatChanges) {
  travel(8, [&](Master<Walker>&, std::uint64_t step) {
    faulty_.meet({step < 4 ? Trouble::no_space : Trouble::input_output, 0, true, "checkpoints/checkpoint"});
  });
  EXPECT_EQ(count("a checkpoint failed, the run goes on: "), 2) << told_;
  EXPECT_EQ(count("No space left on device"), 1) << told_;
  EXPECT_EQ(count("Input/output error"), 1) << told_;
}

TEST_F(ToldOnce, ThatOnePlaceOfTwoIsDead) {
  travel(
      8,
      [&](Master<Walker>& master, std::uint64_t) {
        faulty_.meet({Trouble::input_output, 0, true, kCopy});
        master.checkpoint(kPlace);
      },
      true);
  EXPECT_EQ(count("a checkpoint is in checkpoints alone, because of "), 1) << told_;
}

}  // namespace
}  // namespace rondo::test
