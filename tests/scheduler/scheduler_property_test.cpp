// The scheduler on thousands of random machines: whatever the durations, latencies, orders of messages and failures,
// every state runs exactly once per round, on the rank that owns it, and every call ends.
#include <gtest/gtest.h>

#include <deque>
#include <exception>

#include <rondo/error.hpp>

#include "scenario.hpp"

namespace rondo::simulation {
namespace {

void run_seeds(std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t seed = from; seed < to; ++seed) {
    std::string wrong;
    try {
      wrong = Scenario(seed).run();
    } catch (const std::exception& error) {
      wrong = std::string("exception: ") + error.what();
    }
    ASSERT_EQ(wrong, "") << "seed " << seed;
  }
}

TEST(Scheduler, EveryStateRunsOncePerRoundWhereItsOwnerIs) { run_seeds(0, 4000); }

// What the master saw, so that it can be shown to another scheduler.
struct Record : Observer {
  struct Entry {
    Time now;
    scheduler::Event event;
    std::vector<scheduler::Done> done;
    std::vector<scheduler::Given> given;
    std::string commands;
  };
  std::deque<Entry> entries;

  static std::string text(const std::vector<scheduler::Command>& commands) {
    std::ostringstream out;
    out.precision(17);
    const auto slots = [&](const std::vector<scheduler::Slot>& list) {
      for (const scheduler::Slot slot : list) out << ' ' << slot;
      out << ';';
    };
    for (const scheduler::Command& each : commands) {
      out << each.index() << ':';
      if (const auto* m = std::get_if<scheduler::command::Move>(&each))
        out << index(m->from) << '>' << index(m->to), slots(m->slots);
      if (const auto* a = std::get_if<scheduler::command::Assign>(&each))
        out << index(a->worker), slots(a->slots);
      if (const auto* g = std::get_if<scheduler::command::Give>(&each))
        out << index(g->victim) << '>' << index(g->thief) << ' ' << g->request.left.count() << ' '
            << g->request.bytes_max << ';';
      if (const auto* c = std::get_if<scheduler::command::Complete>(&each)) out << c->round << ';';
    }
    return out.str();
  }

  void decided(Time now, const scheduler::Event& event, const std::vector<scheduler::Command>& commands,
               const scheduler::Scheduler&) override {
    Entry& entry = entries.emplace_back(Entry{now, event, {}, {}, text(commands)});
    if (auto* report = std::get_if<scheduler::event::Report>(&entry.event)) {
      entry.done.assign(report->done.begin(), report->done.end());
      report->done = entry.done;
    }
    if (auto* gave = std::get_if<scheduler::event::Gave>(&entry.event)) {
      entry.given.assign(gave->given.begin(), gave->given.end());
      gave->given = entry.given;
    }
  }
};

TEST(Scheduler, GivesEqualCommandsForEqualEvents) {
  std::size_t replayed = 0;
  for (std::uint64_t seed = 10'000; seed < 10'300; ++seed) {
    Settings settings = Settings::of(1 + seed % 8);
    settings.seed = seed;
    settings.machine.latency_jitter = 2;
    settings.options.batch = seed % 3 == 0 ? 1 + seed % 5 : 0;
    const Workload workload{[seed](StateId id, std::uint64_t round) {
      return 1e-4 * static_cast<double>((value(id) * 2654435761 + round * 40503 + seed) % 97);
    }};
    Record record;
    Simulation simulation(settings, workload, &record);
    simulation.reset(30);
    simulation.update();
    simulation.evolve(4);
    simulation.update();

    scheduler::Scheduler fresh(simulation.scheduler().settings());
    std::vector<StateId> ids;
    for (std::uint64_t i = 0; i < 30; ++i) ids.push_back(StateId{i});
    (void)fresh.reset(ids, {});
    for (scheduler::Slot slot = 0; slot < 30; ++slot) fresh.packed(slot, workload.state_bytes);
    for (const Record::Entry& entry : record.entries) {
      ASSERT_EQ(Record::text(fresh.on(entry.now, entry.event)), entry.commands) << "seed " << seed;
      ++replayed;
    }
  }
  EXPECT_GT(replayed, 10'000U);
}

TEST(Scheduler, RefusesSettingsThatCannotBe) {
  scheduler::Settings settings;
  settings.workers = 0;
  EXPECT_THROW(scheduler::Scheduler{settings}, OptionError);
  settings.workers = 1;
  settings.bytes_max = 0;
  EXPECT_THROW(scheduler::Scheduler{settings}, OptionError);
}

}  // namespace
}  // namespace rondo::simulation
