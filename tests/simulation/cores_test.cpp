// Threads that share cores: all the work is done, nobody gets more than a share, and who sleeps, wakes or yields waits as it does
// under Linux, as far as that was measured (tests/benchmarks/scaling/constants).
#include "simulation/cores.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace rondo::simulation {
namespace {

using Kind = Happening::Kind;

class Shared : public testing::Test {
 protected:
  Machine machine;
  Agenda agenda;

  Cores cores(std::size_t number, std::size_t threads) {
    machine.cores = number;
    return {machine, threads, agenda};
  }
  // Until nothing happens any more. When the last thing happened at each place.
  std::map<Place, double> run(Cores& cores) {
    std::map<Place, double> times;
    while (!agenda.empty()) {
      const Happening happening = agenda.next();
      if (happening.kind == Kind::kCore)
        cores.turn(happening.place);
      else
        times[happening.place] = happening.time;
    }
    return times;
  }
};

TEST_F(Shared, OwnCoresHaveNobodyWait) {
  Cores all(machine, 2, agenda);
  ASSERT_FALSE(all.shared());
  for (const Cores::Thread t : {0U, 1U}) {
    all.spend(t, Seconds(2 + t));
    all.yield(t);
    all.then(t, Kind::kAwake, t, nullptr, Seconds(1));
  }
  EXPECT_TRUE(all.busy(1));
  EXPECT_EQ(all.free(1), Time(3));
  EXPECT_EQ(run(all), (std::map<Place, double>{{0, 3.0}, {1, 4.0}}));
}

TEST_F(Shared, AllWorkIsDoneAndNoCoreRestsWhileSomebodyWaits) {
  for (const std::size_t number : {1U, 2U, 3U}) {
    Cores all = cores(number, 12);
    const double begin = agenda.now().count();
    for (Cores::Thread t = 0; t < 12; ++t) {
      all.spend(t, Seconds(0.1));
      all.then(t, Kind::kAwake, t);
    }
    const double end = begin + 1.2 / static_cast<double>(number);
    double last = 0, ran = 0;
    for (const auto& [thread, time] : run(all)) last = std::max(last, time);
    for (Cores::Thread t = 0; t < 12; ++t) ran += all.account(t).ran.count();
    EXPECT_NEAR(last, end, 1e-6) << number << " cores";
    EXPECT_NEAR(ran, 1.2, 1e-6);
  }
}

TEST_F(Shared, NobodyIsMoreThanASliceAhead) {
  Cores all = cores(1, 5);
  for (Cores::Thread t = 0; t < 5; ++t) all.spend(t, Seconds(1));
  while (agenda.now() < Time(0.5)) {
    all.turn(agenda.next().place);
    double least = 1, most = 0;
    for (Cores::Thread t = 0; t < 5; ++t) {
      least = std::min(least, all.account(t).ran.count());
      most = std::max(most, all.account(t).ran.count());
    }
    ASSERT_LE(most - least, 2 * machine.slice.count() + 1e-9);
  }
  for (Cores::Thread t = 0; t < 5; ++t)
    EXPECT_NEAR(all.account(t).ran.count(), 0.1, 2 * machine.slice.count());
}

// Among n threads that compute for ever each of them has its slice before the one that yields: 1.4, 2.8, 5.6 and 11.2 ms for
// 1, 2, 4, 8 of them, measured.
TEST_F(Shared, WhoYieldsWaitsForASliceOfEveryOther) {
  for (const std::uint32_t others : {1U, 2U, 4U, 8U}) {
    agenda = Agenda();
    Cores all = cores(1, others + 1);
    for (Cores::Thread t = 0; t < others; ++t) all.spend(t, Seconds(10));
    const Cores::Thread mine = others;
    double before = 0;
    std::vector<double> waits;
    all.spend(mine, Seconds(1e-6));
    all.then(mine, Kind::kAwake, mine);
    while (waits.size() < 10) {
      const Happening happening = agenda.next();
      if (happening.kind == Kind::kCore) {
        all.turn(happening.place);
        continue;
      }
      waits.push_back(happening.time - before);
      before = happening.time;
      all.yield(mine);
      all.spend(mine, Seconds(1e-6));
      all.then(mine, Kind::kAwake, mine);
    }
    EXPECT_NEAR(waits.back(), others * 1.4e-3, 1e-4) << others << " others";
  }
}

TEST_F(Shared, WhoIsOwedTakesTheCoreWhenItWakesUp) {
  Cores all = cores(1, 3);
  all.spend(0, Seconds(1));
  all.spend(1, Seconds(1));
  // is a new one each time, runs 10 us and sleeps 10 ms
  const Cores::Thread sleeper = 2;
  double due = 0, most = 0;
  agenda.plan(Time(0.0201), Kind::kTimer, sleeper);
  for (int times = 0; times < 20;) {
    const Happening happening = agenda.next();
    if (happening.kind == Kind::kCore) {
      all.turn(happening.place);
    } else if (happening.kind == Kind::kTimer) {
      due = happening.time;
      all.spend(sleeper, Seconds(10e-6));
      all.then(sleeper, Kind::kAwake, sleeper);
    } else {
      most = std::max(most, happening.time - due);
      all.then(sleeper, Kind::kTimer, sleeper, nullptr, Seconds(10e-3));
      ++times;
    }
  }
  EXPECT_LT(most, 2 * machine.slice.count() +
                      11e-6);  // never behind both of the others for longer than a slice each
  EXPECT_NEAR(all.account(0).ran.count(), all.account(1).ran.count(), 2 * machine.slice.count());
}

TEST_F(Shared, AnIdleCoreTakesWhoWaitsElsewhereButNotWhoHasJustRun) {
  for (const bool hot : {false, true}) {
    agenda = Agenda();
    machine.cache_hot = Seconds(hot ? 10 : 0);
    Cores all = cores(2, 3);
    // two share core 0 (threads 0 and 2), and the other's ends soon
    all.spend(0, Seconds(0.1));
    all.spend(1, Seconds(0.01));
    all.spend(2, Seconds(0.1));
    for (Cores::Thread t = 0; t < 3; ++t) all.then(t, Kind::kAwake, t);
    const std::map<Place, double> ends = run(all);
    EXPECT_NEAR(std::max(ends.at(0), ends.at(2)), hot ? 0.2 : 0.105, hot ? 1e-6 : 3e-3);
  }
}

TEST_F(Shared, ACoreThatHasRestedWakesUpTheLaterTheLongerItHas) {
  machine.rested = {{Seconds(1e-3), Seconds(10e-6)}, {Seconds(3e-3), Seconds(50e-6)}};
  for (const auto& [rest, wakes] : std::map<double, double>{
           {0, 0}, {0.5e-3, 5e-6}, {1e-3, 10e-6}, {2e-3, 30e-6}, {3e-3, 50e-6}, {1, 50e-6}}) {
    agenda = Agenda();
    Cores all = cores(1, 2);
    double begin = 0;
    agenda.plan(Time(2 + rest), Kind::kTimer, 0);
    all.spend(0, Seconds(2));  // with the core's waking up, and then it rests
    all.then(0, Kind::kAwake, 0);
    std::vector<double> ends;
    while (!agenda.empty()) {
      const Happening happening = agenda.next();
      if (happening.kind == Kind::kCore) {
        all.turn(happening.place);
      } else if (happening.kind == Kind::kTimer) {
        begin = happening.time;
        for (const Cores::Thread thread : {0U, 1U}) {  // the second wakes up while the core does
          all.spend(thread, Seconds(20e-6));
          all.then(thread, Kind::kHandled, thread);
        }
      } else if (happening.kind == Kind::kHandled) {
        ends.push_back(happening.time);
      }
    }
    ASSERT_EQ(ends.size(), 2U);
    EXPECT_NEAR(ends.back() - begin, wakes + 40e-6, 1e-9) << "after a rest of " << rest;
    EXPECT_NEAR((all.account(0).ran + all.account(1).ran).count(), 2 + 40e-6, 1e-9);  // nobody ran meanwhile
  }
}

TEST_F(Shared, WhatOneIsToldItDoesInOrderWithoutFallingAsleepBetween) {
  Cores all = cores(1, 2);
  all.spend(1, Seconds(1e-3));  // waits meanwhile
  all.spend(0, Seconds(1e-3));
  all.then(0, Kind::kHandled, 0);
  std::vector<double> times;
  while (!agenda.empty()) {
    const Happening happening = agenda.next();
    if (happening.kind == Kind::kCore) {
      all.turn(happening.place);
      continue;
    }
    times.push_back(happening.time);
    if (times.size() > 3) continue;
    all.spend(0, Seconds(1e-6));  // as it is told at that time
    all.then(0, Kind::kHandled, 0);
  }
  ASSERT_EQ(times.size(), 4U);
  EXPECT_NEAR(times[3] - times[0], 3e-6, 1e-9);
  EXPECT_EQ(all.account(0).slept, 1U);
}

}  // namespace
}  // namespace rondo::simulation
