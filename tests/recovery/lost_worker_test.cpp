// One thing at a time of what may happen when workers are lost.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <rondo/ranks.hpp>
#include <rondo/rondo.hpp>

#include "faulty_places.hpp"
#include "stream/few_threads.hpp"

namespace rondo::test {
namespace {

using engine::Kind;

// A state counts what was done to it. The first six states take long, by turns.
class Uneven : public Update<std::uint64_t, std::uint64_t, std::uint64_t> {
 public:
  std::uint64_t update(std::uint64_t& state, const std::uint64_t& input, const Call& call) override {
    const std::uint64_t id = value(call.id());
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::microseconds(id < 6 ? 500 + id * 300 : 0);
    while (std::chrono::steady_clock::now() < end) {
    }
    return state = state * 31 + input + call.round() + id;
  }
};
std::uint64_t after(std::uint64_t id, std::uint64_t rounds) {
  std::uint64_t state = id;
  for (std::uint64_t round = 0; round < rounds; ++round) state = state * 31 + (round + 7) + round + id;
  return state;
}

class LostWorker : public testing::Test {
 protected:
  static engine::Options options() {
    engine::Options options;
    options.recover = true;
    options.recover_deadline = rondo::Options::Seconds(1);  // where a second wrong loss would be one too many
    options.recover_every = 100;
    options.stall.reset();
    return options;
  }

  static std::vector<std::uint64_t> fresh(std::uint64_t count) {
    std::vector<std::uint64_t> states(count);
    for (std::uint64_t i = 0; i < count; ++i) states[i] = i;
    return states;
  }

  // Twelve states through these rounds without a barrier; outputs and states must be as if nobody had been lost.
  static void evolve(Master<Uneven>& master, std::uint64_t rounds) {
    (void)master.reset(fresh(12));
    std::vector<std::uint64_t> inputs(rounds);
    for (std::uint64_t i = 0; i < rounds; ++i) inputs[i] = i + 7;
    master.evolve(
        inputs,
        [&](std::size_t round, std::span<const std::uint64_t> outputs) {
          for (std::uint64_t id = 0; id < 12; ++id)
            EXPECT_EQ(outputs[id], after(id, round + 1)) << "round " << round;
        },
        rounds);
    const std::vector<std::uint64_t> states = master.states();
    for (std::uint64_t id = 0; id < 12; ++id) EXPECT_EQ(states[id], after(id, rounds));
  }
};

TEST_F(LostWorker, WhatItHadDoneAndNotToldIsDoneAgainThoughTheStateHasGoneOnElsewhere) {
  for (std::uint64_t n = 1; n <= 6; ++n) {
    SCOPED_TRACE("dies after it has given states away for the time no. " + std::to_string(n));
    FaultyPlaces places(3, 1, {{n, Rank{1}, true, Kind::kGave}});
    EXPECT_EQ(run_on_places<Uneven>(places, options(), [](auto& master) { evolve(master, 12); }), 0);
  }
}

TEST_F(LostWorker, TheMasterSaysHowManyWorkersAreLeft) {
  FaultyPlaces places(4, 1, {{1, Rank{2}, true, Kind::kReport}});
  EXPECT_EQ(run_on_places<Uneven>(places, options(),
                                  [](Master<Uneven>& master) {
                                    EXPECT_EQ(master.workers(), 3U);
                                    evolve(master, 6);
                                    EXPECT_EQ(master.workers(), 2U);
                                  }),
            0);
}

TEST_F(LostWorker, TheNextOneMayBeLostWhileTheStatesOfTheFirstAreMadeAnew) {
  for (const Kind moment : {Kind::kCensus, Kind::kCopies, Kind::kBackedUp, Kind::kReport}) {
    SCOPED_TRACE("message of kind " + std::to_string(static_cast<unsigned>(moment)));
    engine::Options with_batches = options();
    with_batches.batch = 2;
    FaultyPlaces places(5, 1, {{1, Rank{1}, true, Kind::kReport}, {2, Rank{3}, true, moment}});
    bool lost = false;
    EXPECT_EQ(run_on_places<Uneven>(places, with_batches,
                                    [&](Master<Uneven>& master) {
                                      try {
                                        evolve(master, 6);
                                      } catch (const WorkerLost&) {
                                        lost = true;
                                      }
                                    }),
              0);
    EXPECT_TRUE(!lost || places.forgotten_since_backup().size() > 1);
  }
}

// A state whose copy constructor shares its number.
class Shared : public Update<std::shared_ptr<std::uint64_t>, std::uint64_t, std::uint64_t> {
 public:
  std::uint64_t update(StateType& state, const std::uint64_t& input, const Call&) override {
    return *state += input;
  }
};

TEST_F(LostWorker, ChildrenThatAreMadeAnewShareNothing) {
  for (const std::uint64_t report : {1, 3}) {
    SCOPED_TRACE("dies after report no. " + std::to_string(report));
    FaultyPlaces places(4, 1, {{report, Rank{1}, true, Kind::kReport}});
    EXPECT_EQ(run_on_places<Shared>(places, options(),
                                    [&](Master<Shared>& master) {
                                      std::vector<std::shared_ptr<std::uint64_t>> states;
                                      for (std::uint64_t i = 0; i < 6; ++i)
                                        states.push_back(std::make_shared<std::uint64_t>(i));
                                      (void)master.reset(states);
                                      (void)master.resample(std::vector<std::uint32_t>{2, 3, 0, 4, 1, 2});
                                      const std::vector<std::uint64_t> parents{0, 0, 1, 1, 1, 3,
                                                                               3, 3, 3, 4, 5, 5};
                                      for (std::uint64_t round = 1; round <= 4; ++round) {
                                        const std::vector<std::uint64_t> outputs = master.update(10);
                                        for (std::size_t i = 0; i < parents.size(); ++i)
                                          EXPECT_EQ(outputs[i], parents[i] + 10 * round);
                                      }
                                    }),
              0);
    EXPECT_EQ(places.struck(), 1U);
  }
}

TEST_F(LostWorker, WithoutACopyTheMasterHasNoStatesAndCanBeReset) {
  // the two that hold the copies of each other's states
  FaultyPlaces places(4, 1, {{60, Rank{1}, true}, {60, Rank{2}, true}});
  bool lost = false;
  EXPECT_EQ(run_on_places<Uneven>(places, options(),
                                  [&](Master<Uneven>& master) {
                                    (void)master.reset(fresh(12));
                                    for (std::uint64_t round = 0; round < 1000 && !lost; ++round) {
                                      try {
                                        (void)master.update(1);
                                      } catch (const WorkerLost& error) {
                                        lost = true;
                                        EXPECT_NE(std::string(error.what()).find("all copies of"),
                                                  std::string::npos);
                                        EXPECT_TRUE(error.rank() == Rank{1} || error.rank() == Rank{2});
                                      }
                                    }
                                    EXPECT_TRUE(master.ids().empty());
                                    EXPECT_EQ(master.reset(fresh(3)).size(), 3U);
                                    EXPECT_EQ(master.states(), fresh(3));
                                  }),
            0);
  EXPECT_TRUE(lost);
}

TEST_F(LostWorker, WithoutAnyWorkerEveryResetSaysSo) {
  FaultyPlaces places(3, 1, {{60, Rank{1}, true}, {60, Rank{2}, true}});
  EXPECT_EQ(run_on_places<Uneven>(
                places, options(),
                [&](Master<Uneven>& master) {
                  (void)master.reset(fresh(12));
                  EXPECT_THROW(for (int round = 0; round < 1000; ++round)(void) master.update(1), WorkerLost);
                  EXPECT_THROW((void)master.reset(fresh(3)), WorkerLost);
                  EXPECT_THROW((void)master.reset(fresh(3)), WorkerLost);
                }),
            0);
}

Stream<std::uint64_t> endless() {
  for (std::uint64_t n = 0;; ++n) co_yield std::uint64_t(n);
}

// The evaluation has threads of its own, which wait for outputs that never come.
TEST_F(LostWorker, AStreamOnRanksWithoutAnyWorkerSaysSo) {
  for (const unsigned threads : {1U, 3U}) {
    FaultyPlaces places(3, 1, {{200, Rank{1}, true}, {200, Rank{2}, true}});
    EXPECT_EQ(run_on_places<Uneven>(
                  places, options(),
                  [&](Master<Uneven>& master) {
                    const auto evaluate = [&] {
                      (void)evaluate_on(master, endless() | on_ranks(master), {.threads_max = threads});
                    };
                    EXPECT_THROW(evaluate(), WorkerLost);
                    EXPECT_THROW(evaluate(), WorkerLost) << "and none is there from the beginning";
                  }),
              0);
  }
}

TEST_F(LostWorker, AStreamOnRanksWithoutAThreadSaysSoAndTheMasterStaysUsable) {
  FaultyPlaces places(3, 1, {});
  EXPECT_EQ(
      run_on_places<Uneven>(places, options(),
                            [&](Master<Uneven>& master) {
                              const auto evaluate = [&] {
                                return evaluate_on(master, endless() | take(20) | on_ranks(master)).size();
                              };
                              evolve(master, 2);  // the workers have threads of their own by now
                              {
                                const few_threads::Only only(0);
                                EXPECT_THROW((void)evaluate(), ThreadError);
                              }
                              EXPECT_EQ(evaluate(), 20U);
                              const few_threads::Only only(1);
                              EXPECT_EQ(evaluate(), 20U) << "one is enough";
                            }),
      0);
}

TEST_F(LostWorker, OneThatOnlyStoodStillIsNotHeardAnyMore) {
  FaultyPlaces places(4, 1, {{1, Rank{2}, false, Kind::kReport}});
  EXPECT_EQ(run_on_places<Uneven>(places, options(), [](auto& master) { evolve(master, 8); }), 0);
  EXPECT_TRUE(places.forgotten().contains(Rank{2}));
  EXPECT_TRUE(places.generations_ascend());
}

TEST_F(LostWorker, WithoutTheOptionNothingIsCopied) {
  for (const bool recover : {false, true}) {
    engine::Options chosen = options();
    chosen.recover = recover;
    chosen.recover_deadline = rondo::Options::Seconds(60);
    chosen.recover_every = 2;
    FaultyPlaces places(3, 1, {});
    EXPECT_EQ(run_on_places<Uneven>(places, chosen, [](auto& master) { evolve(master, 6); }), 0);
    for (const Kind kind : {Kind::kBackUp, Kind::kCopies, Kind::kBackedUp, Kind::kBackupDone})
      EXPECT_EQ(places.sent(kind) > 0, recover);
    EXPECT_EQ(places.sent(Kind::kLost), 0U);
  }
}

}  // namespace
}  // namespace rondo::test
