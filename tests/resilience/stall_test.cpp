// A run in which nothing goes on any more says who waits for whom: an update that never returns, a worker that has stopped,
// a message that is lost. Each kind of wait there is.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <rondo/detail/typed_kernel.hpp>
#include <rondo/ranks.hpp>
#include <rondo/run.hpp>

#include "checkpoint/posix_storage.hpp"
#include "engine/messages.hpp"
#include "engine/session.hpp"
#include "transport/in_process.hpp"

namespace rondo::test {
namespace {

using engine::Kind;
using transport::Envelope;
using transport::Seconds;

// While it is held, the update of state 1 does not return.
std::atomic<bool> held{false};

class Wait : public Update<int, int, int, int> {
 public:
  int update(int& state, const int& input, const Call& call) override {
    if (call.id() == StateId{1}) held.wait(true);
    return state += input;
  }
};

// A place whose messages may get lost, and which may stop to listen.
class Faulty final : public transport::Transport {
 public:
  using Lose = std::function<bool(Rank to, Kind kind)>;
  Faulty(std::unique_ptr<Transport> inner, Lose lose, const std::atomic<bool>& deaf)
      : inner_(std::move(inner)), lose_(std::move(lose)), deaf_(deaf) {}

  Rank rank() const override { return inner_->rank(); }
  std::int32_t size() const override { return inner_->size(); }
  void send(Rank to, Buffer message) override {
    if (const Kind kind = engine::kind_of(message); lose_ && lose_(to, kind)) {
      if (kind == Kind::kFetched) stuck_ += message.size();
      return;
    }
    inner_->send(to, std::move(message));
  }
  std::optional<Envelope> receive() override {
    deaf_.wait(true);
    return inner_->receive();
  }
  std::size_t unsent() override { return inner_->unsent() + stuck_; }
  void wait(Seconds at_most) override { inner_->wait(at_most); }
  void wake() override { inner_->wake(); }
  Seconds now() const override { return inner_->now(); }

 private:
  std::unique_ptr<Transport> inner_;
  Lose lose_;
  std::size_t stuck_ = 0;  // of answers to a fetch, as if nobody took them
  const std::atomic<bool>& deaf_;
};

// Faults of a run of rank 0 and two workers.
struct Faults {
  std::function<bool(Rank from, Rank to, Kind kind)> lose;
  std::atomic<bool> deaf{false};  // rank 2
  std::atomic<bool> full{false};  // the disk: no write returns
};

// A disk on which a write may last.
class SlowDisk final : public checkpoint::Storage {
 public:
  explicit SlowDisk(const std::atomic<bool>& full) : full_(full) {}

  std::unique_ptr<checkpoint::OutputFile> create(const checkpoint::Path& file) override {
    full_.wait(true);
    return disk_.create(file);
  }
  bool create_folder(const checkpoint::Path& folder) override { return disk_.create_folder(folder); }
  void sync_folder(const checkpoint::Path& folder) override { disk_.sync_folder(folder); }
  std::vector<std::string> list(const checkpoint::Path& folder) override { return disk_.list(folder); }
  std::unique_ptr<checkpoint::InputFile> open(const checkpoint::Path& file) override {
    return disk_.open(file);
  }
  void rename(const checkpoint::Path& from, const checkpoint::Path& to) override { disk_.rename(from, to); }
  void remove(const checkpoint::Path& path) override { disk_.remove(path); }

 private:
  const std::atomic<bool>& full_;
  checkpoint::PosixStorage disk_;
};

// Does not return: the run is given up, which ends the process.
void stall(Faults& faults, const std::function<void(Master<Wait>&)>& main) {
  SlowDisk storage(faults.full);
  const engine::Host host{storage, [](int status) { std::_Exit(status); }};
  engine::Options options;
  options.stall = rondo::Options::Seconds(0.2);
  options.stall_abort = rondo::Options::Seconds(0.5);
  options.batch = 1;
  const detail::Program program = detail::make_program<Wait>([] { return Wait(); });
  transport::InProcess places(3);
  const std::atomic<bool> never{false};
  const auto open = [&](int i) {
    const Rank rank{i};
    return std::make_unique<Faulty>(
        places.open(rank),
        [&, rank](Rank to, Kind kind) { return faults.lose && faults.lose(rank, to, kind); },
        i == 2 ? faults.deaf : never);
  };
  std::vector<std::thread> workers;
  for (const int i : {1, 2})
    workers.emplace_back([&, i] {
      const auto transport = open(i);
      (void)engine::run_worker(*transport, host, program);
    });
  const auto transport = open(0);
  (void)engine::run_master(*transport, host, program, options,
                           detail::erase_main<Wait>([&](Master<Wait>& master) {
                             master.reset({1, 2, 3, 4, 5, 6});
                             main(master);
                           }));
  std::_Exit(42);  // nothing has stalled
}

class Stall : public testing::Test {
 protected:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }

  // That the run ends with this text on the error stream (a regular expression), and a status of 1.
  static void expect(Faults& faults, const std::string& text,
                     const std::function<void(Master<Wait>&)>& main) {
    EXPECT_EXIT(stall(faults, main), testing::ExitedWithCode(EXIT_FAILURE),
                "no progress for [0-9]+ s; rank 0 waits for " + text + ".*leaving with status 1");
  }
};

TEST_F(Stall, AnUpdateThatNeverReturnsIsNamedWithItsRankAndState) {
  Faults faults;
  held = true;
  expect(faults, "round 0.*rank [12]: state 1 has been in update for",
         [](Master<Wait>& master) { (void)master.update(1); });
}

// How many states rank 0 waits for in the next two depends on what the other worker has asked for in time.
TEST_F(Stall, AWorkerThatHasStoppedDoesNotAnswer) {
  Faults faults;
  expect(faults,
         "round 0.*rank 2: does not answer, silent for [0-9]+ s; rank 0 waits for [1-3] of its states",
         [&](Master<Wait>& master) {
           faults.deaf = true;
           (void)master.update(1);
         });
}

TEST_F(Stall, ALostAssignmentLeavesAWorkerWithoutTheInputAndTheMasterWaiting) {
  Faults faults;
  bool once = true;
  faults.lose = [&](Rank from, Rank to, Kind kind) {
    return from == kMaster && to == Rank{2} && kind == Kind::kAssign && std::exchange(once, false);
  };
  expect(faults, "round 0.*rank 2: waits for the input of a round .*rank 0 waits for [1-3] of its states",
         [](Master<Wait>& master) { (void)master.update(1); });
}

TEST_F(Stall, AStateThatIsLostOnItsWayIsNamedByTheOneThatWaitsForIt) {
  Faults faults;
  faults.lose = [](Rank from, Rank, Kind kind) { return from != kMaster && kind == Kind::kStates; };
  expect(faults, "round 0.*waits for state [0-9]+.* to arrive", [](Master<Wait>& master) {
    const std::vector<std::uint32_t> offspring = {6, 0, 0, 0, 0, 0};
    (void)master.resample(offspring);
    (void)master.update(1);
  });
}

TEST_F(Stall, AnAnswerThatNobodyTakesIsToldByTheWorkerThatHasItAndAsAFetch) {
  Faults faults;
  faults.lose = [](Rank from, Rank, Kind kind) { return from == Rank{1} && kind == Kind::kFetched; };
  expect(faults, "a fetch of 3 states.*rank 1: has [0-9]+ bytes that nobody takes",
         [](Master<Wait>& master) { (void)master.states(); });
}

TEST_F(Stall, ALostPartOfACheckpointIsToldAsACheckpoint) {
  Faults faults;
  faults.lose = [](Rank from, Rank, Kind kind) { return from == Rank{1} && kind == Kind::kSaved; };
  const std::string folder = std::string(testing::TempDir()) + "rondo_stall";
  expect(faults, "a checkpoint, of 1 parts", [&](Master<Wait>& master) { master.checkpoint(folder); });
  std::filesystem::remove_all(folder);
}

TEST_F(Stall, AWriteThatNeverReturnsIsToldByTheWorkerThatWrites) {
  Faults faults;
  const std::string folder = std::string(testing::TempDir()) + "rondo_stall_disk";
  expect(faults, "a checkpoint, of 2 parts.*rank 1: writes a checkpoint.*rank 2: writes a checkpoint",
         [&](Master<Wait>& master) {
           faults.full = true;
           master.checkpoint(folder);
         });
  std::filesystem::remove_all(folder);
}

TEST_F(Stall, ALostPartOfARestoreIsToldAsARestore) {
  Faults faults;
  faults.lose = [](Rank from, Rank, Kind kind) { return from == Rank{2} && kind == Kind::kLoaded; };
  const std::string folder = std::string(testing::TempDir()) + "rondo_stall_restore";
  expect(faults, "a restore", [&](Master<Wait>& master) {
    master.checkpoint(folder);
    (void)master.restore(folder);
  });
  std::filesystem::remove_all(folder);
}

TEST_F(Stall, AContextThatIsLostIsWhatTheStatesWaitFor) {
  Faults faults;
  faults.lose = [](Rank, Rank to, Kind kind) { return to == Rank{2} && kind == Kind::kContext; };
  expect(faults, "round 0.*rank 2: waits for the context with [1-3] states", [](Master<Wait>& master) {
    master.share(5);
    (void)master.update(1);
  });
}

TEST_F(Stall, AReportThatIsLostLeavesAWorkerWithNothingToDoAndTheMasterWaiting) {
  Faults faults;
  faults.lose = [](Rank from, Rank, Kind kind) { return from == Rank{1} && kind == Kind::kReport; };
  expect(faults, "round 0.*rank 1: has nothing to do; rank 0 waits for [1-6] of its states",
         [](Master<Wait>& master) { (void)master.update(1); });
}

TEST_F(Stall, ATaskThatIsLostIsToldAsTasks) {
  Faults faults;
  faults.lose = [](Rank, Rank, Kind kind) { return kind == Kind::kTasksDone; };
  expect(faults, "tasks.*rank 1: has nothing to do", [](Master<Wait>& master) {
    const auto numbers = []() -> Stream<int> { co_yield 1; };
    (void)evaluate_on(master, numbers() | on_ranks(master));
  });
}

TEST_F(Stall, AWorkerThatDoesNotSayThatItHasEndedIsNamed) {
  Faults faults;
  faults.lose = [](Rank from, Rank, Kind kind) { return from == Rank{2} && kind == Kind::kClosed; };
  expect(faults, "the end of the run.*rank 2: has nothing to do", [](Master<Wait>&) {});
}

TEST_F(Stall, AWorkerThatNeverBeginsIsNamed) {
  Faults faults;
  faults.lose = [](Rank from, Rank, Kind kind) { return from == Rank{2} && kind == Kind::kHello; };
  expect(faults, "messages to leave, or workers to begin.*rank 2: waits for rank 0 to begin the run",
         [](Master<Wait>&) {});
}

}  // namespace
}  // namespace rondo::test
