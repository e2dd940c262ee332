// A checkpoint is for programs whose types are those that were saved: others refuse it, by name, and are as they were.
#include <gtest/gtest.h>

#include <atomic>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/serialization/array_wrapper.hpp>
#include <boost/serialization/split_member.hpp>

#include "journey.hpp"
#include "run_on_threads.hpp"
#include "temporary_folder.hpp"

namespace rondo::test {
namespace {

class Other : public Update<std::uint64_t, int, int> {
 public:
  int update(std::uint64_t& state, const int& input, const Call&) override {
    return static_cast<int>(++state) + input;
  }
};

TEST(SavedTypes, ACheckpointOfOtherTypesIsRefused) {
  TemporaryFolder folder;
  run_on_threads<Walker>(2, [&](Master<Walker>& master) {
    master.reset(Journey::start(5));
    master.checkpoint(folder / "c");
  });
  run_on_threads<Other>(2, [&](Master<Other>& master) {
    EXPECT_THROW((void)master.restore(folder / "c"), CheckpointError);
    master.reset({1, 2, 3});
    EXPECT_EQ(master.update(1), (std::vector<int>{3, 4, 5}));
  });
}

// A program that is compiled anew: the names of its types stay, what they hold changes.
int build = 0;

constexpr std::int64_t kNeverSaved = 100;
constexpr int kBecomeUnsaveable = 100;

struct Changing {
  double real = 1;
  std::int64_t whole = 2;

  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    if (build == 1) {
      archive& whole& real;  // the same sizes
    } else {
      archive& real& whole;
    }
    if (build == 2 && whole != 0) archive& real;
    if (build == 3 && whole != 0) throw std::runtime_error("whole is not 0");
    if (Archive::is_saving::value && whole == kNeverSaved) throw std::runtime_error("never saved");
  }
};

class Change : public Update<Changing, int, double> {
 public:
  double update(Changing& state, const int& input, const Call&) override {
    if (input == kBecomeUnsaveable) state.whole = kNeverSaved;
    return state.real += input;
  }
};

// What is said of a restore of this build, from a checkpoint of build 0; nothing if it is taken.
std::string refusal_in_build(int number, const std::string& place, int count) {
  std::string refusal;
  build = number;
  run_on_threads<Change>(count, [&](Master<Change>& master) {
    try {
      EXPECT_TRUE(master.restore(place));
      EXPECT_EQ(master.size(), 9u);
    } catch (const CheckpointError& error) {
      refusal = error.what();
      EXPECT_EQ(master.size(), 0u);
    }
    build = 0;
    master.reset(std::vector<Changing>(4));
    EXPECT_EQ(master.update(1), std::vector<double>(4, 2.0));
  });
  return refusal;
}

TEST(SavedTypes, ACheckpointOfTypesWhosePartsHaveChangedIsRefusedByName) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  run_on_threads<Change>(2, [&](Master<Change>& master) {
    master.reset(std::vector<Changing>(9));
    master.checkpoint(place, std::string("progress"));
    // of another type than was saved
    Progress other;
    EXPECT_THROW((void)master.restore(place, other), CheckpointError);
    std::string same;
    EXPECT_TRUE(master.restore(place, same));
    EXPECT_EQ(same, "progress");
  });
  for (const int count : {1, 3}) {
    EXPECT_EQ(refusal_in_build(0, place, count), "");
    const std::string swapped = refusal_in_build(1, place, count);
    EXPECT_NE(swapped.find("this program reads long as value 1 of "), std::string::npos) << swapped;
    EXPECT_NE(swapped.find("::Changing, where double was saved"), std::string::npos) << swapped;
    // found as a state is read
    for (const int number : {1, 2, 3}) {
      const std::string longer = refusal_in_build(number, place, count);
      EXPECT_NE(longer.find("/part-"), std::string::npos) << longer;
      EXPECT_NE(longer.find(": state "), std::string::npos) << longer;
    }
  }
}

TEST(SavedTypes, AStateThatCannotBeReadIsRefusedBeforeItGoesToAnotherWorker) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  run_on_threads<Change>(1, [&](Master<Change>& master) {
    std::vector<Changing> states(9);
    for (std::size_t i = 0; i < 8; ++i) states[i].whole = 0;
    master.reset(std::move(states));
    master.checkpoint(place);
  });
  for (const int number : {2, 3}) {
    const std::string refusal = refusal_in_build(number, place, 3);  // one reads, another gets the last state
    EXPECT_NE(refusal.find("/part-00000: state 8 "), std::string::npos) << refusal;
  }
}

TEST(SavedTypes, AStateThatCannotBePackedIsNamedAndTheCheckpointBeforeStands) {
  TemporaryFolder folder;
  const std::string place = folder / "c";
  run_on_threads<Change>(2, [&](Master<Change>& master) {
    master.reset(std::vector<Changing>(9));
    master.checkpoint(place);
    std::vector<int> inputs(9, 1);
    inputs[4] = kBecomeUnsaveable;
    (void)master.update(std::span<const int>(inputs));
    try {
      master.checkpoint(place);
      ADD_FAILURE() << "no CheckpointError";
    } catch (const CheckpointError& error) {
      EXPECT_NE(std::string(error.what()).find("state 4 cannot be packed: never saved"), std::string::npos)
          << error.what();
    }
    EXPECT_TRUE(master.restore(place));
    EXPECT_EQ(master.update(1), std::vector<double>(9, 2.0));
  });
}

// ---- nothing of the program's runs on data that no save has written

// Stands for a handle of a C library: it is made again from what was saved, and cannot be made from anything else.
class Handle {
 public:
  Handle() : numbers_(4, 1.5) {}
  [[nodiscard]] double sum() const { return numbers_[0] + numbers_[3]; }
  [[nodiscard]] static int loads() { return loads_; }

 private:
  friend class boost::serialization::access;
  template <class Archive>
  void save(Archive& archive, unsigned) const {
    const std::size_t size = numbers_.size();
    archive << size << boost::serialization::make_array(numbers_.data(), size);
  }
  template <class Archive>
  void load(Archive& archive, unsigned) {
    ++loads_;
    std::size_t size = 0;
    archive >> size;
    EXPECT_EQ(size, 4U) << "was never saved";
    numbers_.resize(size);
    archive >> boost::serialization::make_array(numbers_.data(), size);
    EXPECT_EQ(numbers_.at(3), 1.5) << "was never saved";
  }
  BOOST_SERIALIZATION_SPLIT_MEMBER()

  std::vector<double> numbers_;
  static inline std::atomic<int> loads_ = 0;
};

class Sum : public Update<Handle, int, double, Handle> {
 public:
  double update(Handle& state, const int&, const Call& call) override {
    return state.sum() + call.context().sum();
  }
};

TEST(SavedTypes, ALoadRunsOnlyOnWhatASaveHasWritten) {
  TemporaryFolder folder;
  const std::string option = "--rondo-checkpoint=" + (folder / "c");
  for (const int count : {2, 3}) {
    CommandLine line({option, "--rondo-checkpoint-every=1r", workers(count),
                      "--rondo-batch=off"});  // no steals, which load too
    EXPECT_EQ(0, run<Sum>(line.argc, line.argv(), [&](Master<Sum>& master) {
                const int loads = Handle::loads();
                Handle progress;
                if (!master.resume(progress)) {
                  EXPECT_EQ(count, 2);
                  EXPECT_EQ(Handle::loads(), loads);
                  master.reset(std::vector<Handle>(5));
                  master.share(Handle());
                }
                EXPECT_EQ(master.update(0), std::vector<double>(5, 6.0));
                master.safe_point(progress);
                master.checkpoint(folder / "c", progress);
                // 5 states and the context of each worker; a restore reads a state up to twice, the progress and the context
                EXPECT_LE(Handle::loads() - loads, count == 2 ? 7 : 17);
              }));
  }
}

}  // namespace
}  // namespace rondo::test
